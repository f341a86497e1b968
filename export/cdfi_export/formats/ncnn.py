"""ncnn, by way of pnnx: a folder with a graph in text, its weights, and the manifest."""

from __future__ import annotations

from pathlib import Path

from cdfi_export.format_spec import FORMATS, FormatSpec, GraphRequest, WrittenGraph

_REMARKS = (
    "load it with use_fp16_packed, use_fp16_storage and use_fp16_arithmetic off, as the runtime "
    "'ncnn' does: they are on by default where a CPU or GPU has them, and positions in half "
    "precision are off by tenths of a pixel",
    "ncnn has no batch axis: its tensors are (3, height, width), and the weights of the features, "
    "computed one frame after the other, are stored twice",
)


def export(request: GraphRequest, path: Path) -> WrittenGraph:
    """Write ``request`` to ``path``, a folder with ``net.param`` and ``net.bin``.

    Inputs ``frame0`` and ``frame2``, output ``frame1``: ``(3, height, width)`` float32 in every
    precision, as ncnn has no batch axis; the manifest gives them with it. What changes with the
    precision is how weights are stored.

    Raises:
        ArtifactError: ncnn has no form for the network.
    """
    from cdfi_export.ncnn_trace import operators, trace

    graph, weights = trace(request.network, request.size, half=request.precision == "float16")
    path.mkdir()
    (path / "net.param").write_text(graph, encoding="utf-8")
    (path / "net.bin").write_bytes(weights)
    (path / "cdfi_manifest.json").write_text(request.manifest.model_dump_json(), encoding="utf-8")
    return WrittenGraph(operators(graph), _REMARKS)


FORMATS.register(
    FormatSpec(
        name="ncnn",
        summary="ncnn for phones, by its own kernels on ARM or by Vulkan",
        suffix=".ncnn",
        target="ncnn-cpu",
        precisions=("float32", "float16"),
        layout="NCHW",
        dynamic=False,
        opsets=None,
        packages=("torch", "ncnn", "pnnx"),
        extra="ncnn",
        export=export,
        # It has a layer for grid_sample, but none for row lookups.
        prefer=("unfold", "per_row", "per_tap"),
    )
)
