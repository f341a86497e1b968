"""From options to plans: one for each artifact, with every choice settled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from cdfi_model.spec import NetworkSpec
from cdfi_model.warp import WARPS
from cdfi_model.warp.auto import Choice

from cdfi_export.format_spec import FORMATS, FormatSpec
from cdfi_export.frame_size import FrameSize
from cdfi_export.options import ExportOptions, check_images, resolve_opset, resolve_precision
from cdfi_export.sparse_form import resolve_form
from cdfi_export.warp_choice import AUTO, choose_warp


@dataclass(frozen=True)
class Plan:
    """One artifact to be made.

    Attributes:
        file: Its name; what it is, its manifest says.
        format: What it is written as.
        precision: One of the format's.
        size: Frame size of the graph; ``None`` for any.
        opset: ONNX operator set, or ``None``.
        warp: Formulation, and why this one.
        images: Whether inputs and output are images.
        form: ``dense``, ``compact`` (the same of a network that was narrowed) or ``sparse``.
        portable: For an artifact with the native warp, the name of the one without.
    """

    file: str
    format: FormatSpec
    precision: str
    size: FrameSize | None
    opset: int | None
    warp: Choice
    images: bool = False
    form: Literal["dense", "compact", "sparse"] = "dense"
    portable: str | None = None


def make_plans(options: ExportOptions, network: NetworkSpec) -> list[Plan]:
    """The artifacts that ``options`` ask for, of one format and precision.

    Raises:
        UnknownNameError: no such format or warp.
        InputError: the format or the warp cannot do what is asked.
    """
    spec = FORMATS.get(options.format)
    opset = resolve_opset(spec, options.opset)
    precision = resolve_precision(spec, options.precision)
    check_images(spec, options.images)
    form = resolve_form(spec, precision, options.form)
    stem = options.name or network.name
    # Keeps files of one network apart; nothing reads it back.
    tag = "" if precision == spec.precisions[0] else f"_{precision}"
    tag += "_images" * options.images + "_sparse" * (form == "sparse")
    native = options.warp != AUTO and WARPS.get(options.warp).native
    return [
        Plan(
            file=f"{stem}_{size or 'dynamic'}{tag}{'_fused' * native}{spec.suffix}",
            format=spec,
            precision=precision,
            size=size,
            opset=opset,
            warp=choose_warp(options.warp, network, spec, size, opset),
            images=options.images,
            form="compact" if form == "dense" and network.compacted_from else form,
            portable=f"{stem}_{size or 'dynamic'}{tag}{spec.suffix}" if native else None,
        )
        for size in options.graph_sizes(spec, network.multiple)
    ]
