"""LiteRT (TFLite): frames channels last, for XNNPACK and the GPU delegate on phones."""

from __future__ import annotations

from pathlib import Path

from cdfi_model.warp import WARPS

from cdfi_export.format_spec import FORMATS, FormatSpec, GraphRequest, WrittenGraph


def export(request: GraphRequest, path: Path) -> WrittenGraph:
    """Write ``request`` to ``path``.

    Inputs ``frame0`` and ``frame2``, output ``frame1``: ``(1, height, width, 3)`` float32 in every
    precision; what changes is how the convolutions' weights, or weights and activations, are held.

    Raises:
        ArtifactError: the converter cannot write the network, or left an operator in the graph that
            LiteRT's runtime does not have; or a frame takes more memory than a phone has.
        InputError: a sparse form that would not be smaller.
    """
    from cdfi_export.litert_file import label, operators
    from cdfi_export.litert_native import check_fused
    from cdfi_export.litert_placement import check_memory, peak_mib, placement, remarks
    from cdfi_export.litert_quantize import to_precision
    from cdfi_export.litert_sparse import HOW, sparsify
    from cdfi_export.litert_trace import trace

    fused = WARPS.get(request.network.formulation).native
    if fused:
        check_fused(request.precision)
    plain = label(trace(request.network, request.size), request.manifest)
    content = to_precision(
        plain, request.precision, request.calibration, request.network.sensitive_layers
    )
    stored: tuple[str, ...] = ()
    if request.sparse:
        content, saving = sparsify(content)
        stored = (saving.remark(HOW),)
    found = operators(content)
    path.write_bytes(content)
    peak = peak_mib(path, fused=fused)
    check_memory(peak)
    placed = remarks(placement(content, fused=fused), peak)
    return WrittenGraph(found, (*stored, *placed))


FORMATS.register(
    FormatSpec(
        name="litert",
        summary="LiteRT (TFLite) for Android and iOS, by XNNPACK or the GPU delegate",
        suffix=".tflite",
        target="litert-cpu",
        precisions=("float32", "float16", "int8"),
        layout="NHWC",
        dynamic=False,
        opsets=None,
        packages=("torch", "litert-torch", "ai-edge-quantizer", "ai-edge-litert"),
        extra="litert",
        native_warp=True,
        sparse=("float32", "float16"),
        no_sparse="sparse tensors of integers with their scales were not tried in LiteRT",
        export=export,
        # The converter turns grid_sample into 4-D gathers; row lookups are many times as fast.
        prefer=("lookup", "gather_rows", "gather"),
    )
)
