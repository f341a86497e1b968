"""The ONNX model of a request, finished in memory; what the formats ``onnx`` and ``ort`` share."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import onnx
from cdfi_runtime.errors import ArtifactError
from cdfi_runtime.manifest import GraphInfo

from cdfi_export.format_spec import INPUT_NAMES, OUTPUT_NAME, GraphRequest, WrittenGraph
from cdfi_export.onnx_channels import pad_channels
from cdfi_export.onnx_graph import embed_metadata, name_dynamic_axes, optimise, strip_traces
from cdfi_export.onnx_half import REMARK, halve_weights
from cdfi_export.onnx_heads import group_channels
from cdfi_export.onnx_positions import check_positions
from cdfi_export.onnx_prelu import fuse_prelus
from cdfi_export.onnx_quantize import layers, to_int8
from cdfi_export.onnx_softmax import write_out_softmax
from cdfi_export.onnx_sparse import HOW, sparsify
from cdfi_export.onnx_thin import sum_before_upsampling
from cdfi_export.sensitive import kept_layers

if TYPE_CHECKING:
    from cdfi_model.network import InterpolationNetwork

    from cdfi_export.frame_size import FrameSize

# protobuf cannot serialise more; the networks of this family stay far below.
MAX_BYTES = 2**31 - 1


def build(request: GraphRequest) -> tuple[onnx.ModelProto, WrittenGraph]:
    """The model that ``request`` describes, checked, its manifest inside.

    Raises:
        ArtifactError: the graph is not valid ONNX, larger than 2 GiB, or rounds positions.
        InputError: int8 without calibration pairs, or a sparse form that would not be smaller.
    """
    assert request.opset is not None
    model = plain(request.network, request.size, request.opset)
    remarks: tuple[str, ...] = ()
    if request.precision == "float16":
        halve_weights(model)
        remarks = (REMARK,)
    elif request.precision == "int8":
        weights = request.manifest.network.weights_sha256
        kept = kept_layers(request.network, weights, layers(model).values())
        model, remarks = to_int8(model, request.calibration, kept.layers), kept.remarks
    if request.sparse:
        remarks = (*remarks, sparsify(model).remark(HOW))
    written = WrittenGraph(dict(Counter(node.op_type for node in model.graph.node)), remarks)
    facts = GraphInfo(operators=dict(sorted(written.operators.items())), remarks=remarks)
    manifest = request.manifest.model_copy(update={"graph": facts})
    embed_metadata(model, manifest, request.license)
    _check(model)
    return model, written


def plain(network: InterpolationNetwork, size: FrameSize | None, opset: int) -> onnx.ModelProto:
    """The float32 model of ``network`` in ONNX Runtime's favourite forms, without metadata."""
    from cdfi_export.onnx_trace import trace

    model = trace(network, size, opset)
    strip_traces(model)  # before onnxslim, which would carry the traces into merged nodes
    write_out_softmax(model)
    model = optimise(model)
    strip_traces(model)
    sum_before_upsampling(model)
    pad_channels(model)
    group_channels(model)
    fuse_prelus(model)
    if size is None:
        name_dynamic_axes(model, INPUT_NAMES, OUTPUT_NAME)
    return model


def _check(model: onnx.ModelProto) -> None:
    try:
        onnx.checker.check_model(model)
    except onnx.checker.ValidationError as error:
        raise ArtifactError(
            "the exported graph is not valid ONNX",
            got=str(error),
            fix="choose another --warp or --opset",
        ) from error
    if model.ByteSize() > MAX_BYTES:
        raise ArtifactError(
            "the graph does not fit into one ONNX file",
            expected="less than 2 GiB",
            got=f"{model.ByteSize()} bytes",
            fix="export a smaller network",
        )
    check_positions(model)
