"""ONNX by torch's dynamo exporter, then onnxslim; the manifest travels inside as metadata."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from cdfi_runtime.errors import ArtifactError

from cdfi_export.format_spec import (
    FORMATS,
    INPUT_NAMES,
    OUTPUT_NAME,
    FormatSpec,
    GraphRequest,
    WrittenGraph,
)

# protobuf cannot serialise more; the networks of this family stay far below.
MAX_BYTES = 2**31 - 1


def export(request: GraphRequest, path: Path) -> WrittenGraph:
    """Write ``request`` to ``path`` as one self-contained file with the same bytes every time.

    Inputs ``frame0`` and ``frame2``, output ``frame1``: float32 ``(1, 3, height, width)``.

    Raises:
        ArtifactError: the graph is not valid ONNX, or larger than 2 GiB.
    """
    import onnx

    from cdfi_export.onnx_graph import embed_metadata, name_dynamic_axes, optimise, strip_traces
    from cdfi_export.onnx_softmax import write_out_softmax
    from cdfi_export.onnx_trace import trace

    assert request.opset is not None
    model = trace(request.network, request.size, request.opset)
    strip_traces(model)  # before onnxslim, which would carry the traces into merged nodes
    write_out_softmax(model)
    model = optimise(model)
    strip_traces(model)
    if request.size is None:
        name_dynamic_axes(model, INPUT_NAMES, OUTPUT_NAME)
    embed_metadata(model, request.manifest, request.license)
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
    path.write_bytes(model.SerializeToString(deterministic=True))
    return WrittenGraph(dict(Counter(node.op_type for node in model.graph.node)))


FORMATS.register(
    FormatSpec(
        name="onnx",
        summary="ONNX for ONNX Runtime on every platform",
        suffix=".onnx",
        target="onnxruntime-cpu",
        precisions=("float32",),
        layout="NCHW",
        dynamic=True,
        opsets=(18, 18, 23),
        packages=("torch", "onnx", "onnxscript", "onnxslim", "onnxruntime"),
        extra="export",
        export=export,
    )
)
