"""The AdaCoF warp (AdaCoF, CVPR 2020, equation 3) behind one call and one registry.

Several formulations compute the same values; which one is quick depends on the target, and
:mod:`cdfi_model.warp.auto` chooses by measurement. Importing this package loads no torch.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from cdfi_runtime.errors import InputError
from cdfi_runtime.registry import Registry

from cdfi_model.spec import Offsets, Sampling, WarpSpec

if TYPE_CHECKING:
    from torch import Tensor

    Apply = Callable[[Tensor, Tensor, Tensor, Tensor, WarpSpec], Tensor]
    ApplyWhole = Callable[[Tensor, Tensor, Tensor, Tensor, WarpSpec, bool], Tensor]
    Sampler = Callable[[Tensor, Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class WarpFormulation:
    """One way to write the warp as tensor operations.

    Attributes:
        name: Registered name, as given to ``--warp``.
        summary: One line for listings.
        samplings: The offset samplings it can compute.
        apply: ``(padded image, weight, alpha, beta, spec) -> warped``; the image is already
            replicate-padded by ``spec.reach`` on each side.
        sampler: How a network that warps features too should sample them: ``lookup`` keeps
            ``grid_sample`` out of the graph, for converters that have no good form of it; ``fused``
            takes them by the operator of the warp itself.
        min_opset: The lowest ONNX opset in which it can be exported.
        offsets: The kinds of offsets it is written for. Shared offsets are repeated for a
            formulation that knows only those of each tap.
        onnx_only: It is written with an ONNX operator, so no other format can carry it; in torch
            it is evaluated by another formulation.
        native: It is an operator of ours that needs the native library: float32 on the CPU, only
            in formats that say so, and chosen by name only.
        apply_whole: ``(image, weight, alpha, beta, spec, logits) -> warped``, for formulations that
            need neither the padding nor, with ``logits``, the softmax over the taps before them.
    """

    name: str
    summary: str
    samplings: tuple[Sampling, ...]
    apply: Apply
    sampler: Literal["grid_sample", "lookup", "fused"] = "grid_sample"
    min_opset: int = 18
    offsets: tuple[Offsets, ...] = ("per_tap",)
    onnx_only: bool = False
    native: bool = False
    apply_whole: ApplyWhole | None = None

    def fits(self, spec: WarpSpec) -> bool:
        """Whether it can compute the warp of ``spec``."""
        return spec.sampling in self.samplings and (
            spec.offsets in self.offsets or "per_tap" in self.offsets
        )


WARPS: Registry[WarpFormulation] = Registry("warp formulation", "cdfi_model.warp.formulations")


def bilinear_sampler(formulation: str) -> Sampler:
    """``(image (B, C, H, W), rows, columns (B, T, h, w) in pixels) -> (B, C, T, h, w)``.

    Positions outside the image take the border's value.
    """
    if WARPS.get(formulation).sampler == "lookup":
        from cdfi_model.warp.gathering import sample_by_lookup

        return sample_by_lookup
    from cdfi_model.warp.grid_sampling import sample_bilinear

    return sample_bilinear


def adacof_warp(
    image: Tensor,
    weight: Tensor,
    alpha: Tensor,
    beta: Tensor,
    spec: WarpSpec,
    formulation: str = "per_tap",
    *,
    logits: bool = False,
) -> Tensor:
    """Warp ``image`` by an adaptive collaboration of flows.

    ``out(i, j) = sum_kl W_kl(i, j) * S(P, i + k*d + alpha_kl, j + l*d + beta_kl)`` with ``P`` the
    image replicate-padded by ``spec.reach``, so that the tap grid is centred. Tap ``(k, l)`` is
    channel ``k * F + l``. ``S`` weights four corners by what is left of the offset after
    truncation or flooring (``spec.sampling``); each corner index is clamped to ``P`` by itself.

    Args:
        image: ``(B, C, H, W)``, any range.
        weight: ``(B, F*F, H, W)``, already normalised over the taps.
        alpha: ``(B, F*F, H, W)`` row offsets in pixels, unbounded; ``(B, 1, H, W)`` if shared.
        beta: The same for columns.
        spec: Taps (odd), dilation, sampling and the kind of offsets.
        formulation: A name in :data:`WARPS`.
        logits: ``weight`` is not normalised yet: its softmax over the taps is meant.

    Returns:
        ``(B, C, H, W)``; gradients reach all four tensors.

    Raises:
        UnknownNameError: no such formulation.
        InputError: the formulation cannot compute this warp, or the shapes do not fit.
    """
    from torch.nn.functional import pad

    from cdfi_model.warp.padding import replicate_pad

    reach, chosen = spec.reach, WARPS.get(formulation)
    if chosen.apply_whole is not None:
        maps = _checked(weight, alpha, beta, spec, chosen)
        return chosen.apply_whole(image, *maps, spec, logits)
    if logits:
        weight = weight.softmax(1)
    if chosen.sampler == "lookup":
        padded = replicate_pad(image, reach)
    else:
        padded = pad(image, (reach, reach, reach, reach), mode="replicate") if reach else image
    return warp_padded(padded, weight, alpha, beta, spec, formulation)


def warp_padded(
    padded: Tensor,
    weight: Tensor,
    alpha: Tensor,
    beta: Tensor,
    spec: WarpSpec,
    formulation: str = "per_tap",
) -> Tensor:
    """:func:`adacof_warp` for an image that has its ``spec.reach`` pixels on each side already.

    Args:
        padded: ``(B, C, H + 2 * reach, W + 2 * reach)``.
        weight: As in :func:`adacof_warp`, and so are the other arguments, result and errors.
    """
    chosen = WARPS.get(formulation)
    return chosen.apply(padded, *_checked(weight, alpha, beta, spec, chosen), spec)


def _checked(
    weight: Tensor, alpha: Tensor, beta: Tensor, spec: WarpSpec, chosen: WarpFormulation
) -> tuple[Tensor, Tensor, Tensor]:
    """The maps, with offsets of the kind that the formulation is written for."""
    if not chosen.fits(spec):
        raise InputError(
            f"the warp formulation '{chosen.name}' cannot sample by '{spec.sampling}' "
            f"with {spec.offsets} offsets",
            expected=f"sampling {' or '.join(chosen.samplings)}, offsets "
            + " or ".join(chosen.offsets),
            got=f"{spec.sampling}, {spec.offsets}",
            fix="choose one of " + ", ".join(item.name for item in WARPS.all() if item.fits(spec)),
        )
    taps, offsets = spec.taps * spec.taps, spec.offset_maps
    channels = [maps.shape[1] for maps in (weight, alpha, beta)]
    if spec.taps % 2 == 0 or channels != [taps, offsets, offsets]:
        raise InputError(
            "the maps do not fit the warp",
            expected=f"an odd number of taps a side and {taps}, {offsets} and {offsets} channels",
            got=f"F = {spec.taps}, channels {', '.join(map(str, channels))}",
        )
    if spec.offsets not in chosen.offsets:
        alpha, beta = (maps.expand(-1, taps, -1, -1) for maps in (alpha, beta))
    return weight, alpha, beta
