"""ExecuTorch: a ``.pte`` file for PyTorch's own runtime on phones, with XNNPACK."""

from __future__ import annotations

from pathlib import Path

from cdfi_export.format_spec import FORMATS, FormatSpec, GraphRequest, WrittenGraph


def export(request: GraphRequest, path: Path) -> WrittenGraph:
    """Write ``request`` to ``path``.

    Two inputs and one output, ``(1, 3, height, width)`` float32. They have no names in the file:
    their order is the manifest's. A method ``cdfi_manifest`` gives the manifest as text.

    Raises:
        ArtifactError: ExecuTorch cannot write the network.
    """
    from cdfi_export.executorch_trace import trace

    texts = {"cdfi_manifest": request.manifest.model_dump_json()}
    content, operators, left = trace(request.network, request.size, texts)
    path.write_bytes(content)
    whole, outside = sum(operators.values()), sum(left.values())
    names = ", ".join(f"{count} {name}" for name, count in sorted(left.items()))
    remark = (
        f"XNNPACK takes {whole - outside} of {whole} operators; ExecuTorch's portable kernels, "
        f"written for size and not for speed, run {names}"
    )
    return WrittenGraph(operators, (remark,))


FORMATS.register(
    FormatSpec(
        name="executorch",
        summary="ExecuTorch for Android and iOS, by XNNPACK",
        suffix=".pte",
        target="executorch-cpu",
        precisions=("float32",),
        layout="NCHW",
        dynamic=False,
        opsets=None,
        packages=("torch", "executorch"),
        extra="executorch",
        export=export,
        # XNNPACK has neither grid_sample nor row lookups; a lookup's other steps cost far more.
        prefer=("unfold", "per_row", "per_tap"),
    )
)
