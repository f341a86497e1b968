"""The AdaCoF warp (AdaCoF, CVPR 2020, equation 3) behind one call and one registry.

Several formulations compute the same values; which one is quick depends on the target, and
:mod:`cdfi_model.warp.auto` chooses by measurement. Importing this package loads no torch.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cdfi_runtime.errors import InputError
from cdfi_runtime.registry import Registry

from cdfi_model.spec import Sampling, WarpSpec

if TYPE_CHECKING:
    from torch import Tensor

    Apply = Callable[[Tensor, Tensor, Tensor, Tensor, WarpSpec], Tensor]


@dataclass(frozen=True)
class WarpFormulation:
    """One way to write the warp as tensor operations.

    Attributes:
        name: Registered name, as given to ``--warp``.
        summary: One line for listings.
        samplings: The offset samplings it can compute.
        apply: ``(padded image, weight, alpha, beta, spec) -> warped``; the image is already
            replicate-padded by ``spec.reach`` on each side.
        min_opset: The lowest ONNX opset in which it can be exported.
        onnx_only: It is written with an ONNX operator, so no other format can carry it; in torch
            it is evaluated by another formulation.
    """

    name: str
    summary: str
    samplings: tuple[Sampling, ...]
    apply: Apply
    min_opset: int = 18
    onnx_only: bool = False


WARPS: Registry[WarpFormulation] = Registry("warp formulation", "cdfi_model.warp.formulations")


def adacof_warp(
    image: Tensor,
    weight: Tensor,
    alpha: Tensor,
    beta: Tensor,
    spec: WarpSpec,
    formulation: str = "per_tap",
) -> Tensor:
    """Warp ``image`` by an adaptive collaboration of flows.

    ``out(i, j) = sum_kl W_kl(i, j) * S(P, i + k*d + alpha_kl, j + l*d + beta_kl)`` with ``P`` the
    image replicate-padded by ``spec.reach``, so that the tap grid is centred. Tap ``(k, l)`` is
    channel ``k * F + l``. ``S`` weights four corners by what is left of the offset after
    truncation or flooring (``spec.sampling``); each corner index is clamped to ``P`` by itself.

    Args:
        image: ``(B, C, H, W)``, any range.
        weight: ``(B, F*F, H, W)``, already normalised over the taps.
        alpha: ``(B, F*F, H, W)`` row offsets in pixels, unbounded.
        beta: The same for columns.
        spec: Taps (odd), dilation and sampling.
        formulation: A name in :data:`WARPS`.

    Returns:
        ``(B, C, H, W)``; gradients reach all four tensors.

    Raises:
        UnknownNameError: no such formulation.
        InputError: the formulation lacks the sampling, or the shapes do not fit.
    """
    from torch.nn.functional import pad

    reach = spec.reach
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
    if spec.sampling not in chosen.samplings:
        raise InputError(
            f"the warp formulation '{formulation}' cannot sample by '{spec.sampling}'",
            expected=f"sampling {' or '.join(chosen.samplings)}",
            got=spec.sampling,
            fix="choose one of "
            + ", ".join(item.name for item in WARPS.all() if spec.sampling in item.samplings),
        )
    taps = spec.taps * spec.taps
    if spec.taps % 2 == 0 or any(maps.shape[1] != taps for maps in (weight, alpha, beta)):
        raise InputError(
            "the maps do not fit the warp",
            expected=f"an odd number of taps a side and {taps} channels in each map",
            got=f"F = {spec.taps}, channels {weight.shape[1]}, {alpha.shape[1]}, {beta.shape[1]}",
        )
    return chosen.apply(padded, weight, alpha, beta, spec)
