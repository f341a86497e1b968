"""ONNX by torch's dynamo exporter, then onnxslim; the manifest travels inside as metadata."""

from __future__ import annotations

from pathlib import Path

from cdfi_export.format_spec import FORMATS, FormatSpec, GraphRequest, WrittenGraph


def export(request: GraphRequest, path: Path) -> WrittenGraph:
    """Write ``request`` to ``path`` as one self-contained file with the same bytes every time.

    Inputs ``frame0`` and ``frame2``, output ``frame1``: float32 ``(1, 3, height, width)`` in every
    precision.

    Raises:
        ArtifactError: the graph is not valid ONNX, larger than 2 GiB, or rounds positions.
    """
    from cdfi_export.onnx_build import build

    model, written = build(request)
    path.write_bytes(model.SerializeToString(deterministic=True))
    return written


FORMATS.register(
    FormatSpec(
        name="onnx",
        summary="ONNX for ONNX Runtime on every platform",
        suffix=".onnx",
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
