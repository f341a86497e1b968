"""Passes over an ONNX model: smaller, the same bytes every time, nothing of this machine inside."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from cdfi_runtime.errors import MissingDependencyError

if TYPE_CHECKING:
    import onnx
    from cdfi_runtime.manifest import Manifest

METADATA_KEY = "cdfi_manifest"


def optimise(model: onnx.ModelProto) -> onnx.ModelProto:
    """``model`` after onnxslim: constants folded and nodes reordered.

    The reordering matters most: it cut ONNX Runtime's peak memory several times over on the
    networks with many taps.
    """
    try:
        import onnxslim
    except ImportError as error:
        raise MissingDependencyError(
            "onnxslim", extra="export", needed_for="ONNX export"
        ) from error
    slim: onnx.ModelProto = onnxslim.slim(model)
    return slim


def strip_traces(model: onnx.ModelProto) -> None:
    """Remove doc strings and metadata that hold stack traces, with file names, of the exporter."""
    model.doc_string = ""
    for graph in _graphs(model.graph):
        graph.doc_string = ""
        del graph.metadata_props[:]
        for item in (*graph.node, *graph.value_info, *graph.input, *graph.output):
            item.doc_string = ""
            del item.metadata_props[:]
        for tensor in graph.initializer:
            tensor.doc_string = ""
            del tensor.metadata_props[:]
    for function in model.functions:
        function.doc_string = ""
        del function.metadata_props[:]
        for node in function.node:
            node.doc_string = ""
            del node.metadata_props[:]


def name_dynamic_axes(model: onnx.ModelProto, inputs: Sequence[str], output: str) -> None:
    """Call the free axes of the graph's inputs and output ``height`` and ``width``.

    torch names them by expressions such as ``32*h``, which also fill the shapes of inner tensors:
    those are dropped, as runtimes infer them from the actual frame. Only what operators of another
    domain give is unknown to them, and kept where it is as large as the frame.
    """
    wanted = {*inputs, output}
    frame = next(value for value in model.graph.input if value.name == inputs[0])
    sides = _sides(frame)
    foreign = {name for node in model.graph.node if node.domain for name in node.output}
    kept = [
        value
        for value in model.graph.value_info
        if value.name in foreign and _sides(value) == sides
    ]
    for value in (*model.graph.input, *model.graph.output, *kept):
        if value.name in wanted | foreign:
            rows, columns = value.type.tensor_type.shape.dim[2:4]
            rows.dim_param, columns.dim_param = "height", "width"
    del model.graph.value_info[:]
    model.graph.value_info.extend(kept)


def _sides(value: onnx.ValueInfoProto) -> list[str]:
    return [axis.dim_param for axis in value.type.tensor_type.shape.dim[2:4]]


def embed_metadata(model: onnx.ModelProto, manifest: Manifest, weights_license: str) -> None:
    """Store ``manifest`` as JSON, and what a person looks for first as plain keys."""
    entries = {
        METADATA_KEY: manifest.model_dump_json(),
        "network": manifest.network.name,
        "sampling": manifest.warp.sampling,
        "warp": manifest.warp.formulation,
        "weights_sha256": manifest.network.weights_sha256,
        "license": weights_license,
    }
    del model.metadata_props[:]
    for key, value in sorted(entries.items()):
        model.metadata_props.add(key=key, value=value)


def _graphs(graph: onnx.GraphProto) -> Iterator[onnx.GraphProto]:
    """``graph`` and the graphs inside its control-flow nodes."""
    yield graph
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("g"):
                yield from _graphs(attribute.g)
            for inner in attribute.graphs:
                yield from _graphs(inner)
