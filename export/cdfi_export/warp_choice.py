"""Which warp formulation an artifact is written with: the user's, or the quickest one measured."""

from __future__ import annotations

from cdfi_model.spec import NetworkSpec
from cdfi_model.warp import WARPS, WarpFormulation
from cdfi_model.warp.auto import Choice, choose_formulation
from cdfi_runtime import native
from cdfi_runtime.errors import InputError

from cdfi_export.format_spec import FORMATS, FormatSpec
from cdfi_export.frame_size import TYPICAL_SIZE, FrameSize

AUTO = "auto"


def choose_warp(
    warp: str, spec: NetworkSpec, target: FormatSpec, size: FrameSize | None, opset: int | None
) -> Choice:
    """The formulation and why.

    Args:
        warp: A registered formulation or ``"auto"``.
        spec: The network's spec; its sampling limits the choice.
        target: The format, for its target in the measured table.
        size: Frame size of the graph; 448x256 is looked up for ``None``.
        opset: ONNX operator set, or ``None``.

    Raises:
        UnknownNameError: no such formulation.
        NativeError: it needs the native library, which is not there.
        InputError: the formulation does not know the network's sampling, or needs a later opset.
    """
    looked_up = size or TYPICAL_SIZE
    if warp == AUTO:
        return choose_formulation(
            spec,
            target=target.target,
            width=looked_up.width,
            height=looked_up.height,
            opset=opset,
            prefer=target.prefer,
        )
    formulation = WARPS.get(warp)
    _check_allowed(formulation, spec, opset)
    if formulation.native and not target.native_warp:
        able = [item.name for item in FORMATS.all() if item.native_warp]
        raise InputError(
            f"the format '{target.name}' has no place for the operator of the native library",
            expected=f"--format {' or '.join(able)} with --warp {warp}",
            got=f"--format {target.name}",
            fix="use --warp auto",
        )
    if formulation.native:
        native.dispatch()  # without the library nothing could be verified
    return Choice(name=warp, reason="as asked for")


def _check_allowed(formulation: WarpFormulation, spec: NetworkSpec, opset: int | None) -> None:
    if not formulation.fits(spec.warp):
        able = [item.name for item in WARPS.all() if item.fits(spec.warp)]
        raise InputError(
            f"the warp '{formulation.name}' cannot sample as {spec.name} needs",
            expected=f"a warp for the sampling '{spec.warp.sampling}', {spec.warp.offsets} offsets",
            got=f"{formulation.name}, for {' and '.join(formulation.samplings)}, "
            f"{' and '.join(formulation.offsets)} offsets",
            fix=f"use --warp {' or '.join(able)}, or --warp auto",
        )
    needed = formulation.min_opset
    if opset is not None and needed is not None and opset < needed:
        raise InputError(
            f"the warp '{formulation.name}' needs a later operator set",
            expected=f"opset {needed} or later",
            got=f"opset {opset}",
            fix=f"add --opset {needed}, or use --warp auto",
        )
