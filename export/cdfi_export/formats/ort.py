"""ORT: ONNX Runtime's own file format, which its small builds for phones read."""

from __future__ import annotations

from pathlib import Path

from cdfi_export.format_spec import FORMATS, FormatSpec, GraphRequest, WrittenGraph


def export(request: GraphRequest, path: Path) -> WrittenGraph:
    """Write ``request`` to ``path``; the same graph as the format ``onnx`` writes, fused.

    Raises:
        ArtifactError: as for ``onnx``, or ONNX Runtime cannot convert the graph.
    """
    from cdfi_export.onnx_build import build
    from cdfi_export.ort_file import REMARK, convert

    model, written = build(request)
    content, operators = convert(model, fold=request.precision != "float16")
    path.write_bytes(content)
    remark = () if request.precision == "int8" else (REMARK,)
    return WrittenGraph(operators, (*written.remarks, *remark))


FORMATS.register(
    FormatSpec(
        name="ort",
        summary="ONNX Runtime's own format, for its small builds on phones",
        suffix=".ort",
        target="onnxruntime-cpu",
        precisions=("float32", "float16", "int8"),
        layout="NCHW",
        dynamic=True,
        opsets=(18, 18, 23),
        packages=("torch", "onnx", "onnxscript", "onnxslim", "onnxruntime"),
        extra="export",
        native_warp=True,
        sparse=("float32", "float16"),
        no_sparse="an index takes 8 bytes, a weight in int8 takes 1",
        export=export,
    )
)
