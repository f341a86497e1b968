"""One ``grid_sample`` for all taps, where they share their offset."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cdfi_model.spec import WarpSpec
from cdfi_model.warp import WARPS, WarpFormulation

if TYPE_CHECKING:
    from torch import Tensor


def _apply(padded: Tensor, weight: Tensor, alpha: Tensor, beta: Tensor, spec: WarpSpec) -> Tensor:
    from cdfi_model.warp.unfolding import warp_by_unfold

    return warp_by_unfold(padded, weight, alpha, beta, spec)


UNFOLD = WARPS.register(
    WarpFormulation(
        name="unfold",
        summary="one grid_sample of F*F shifted copies, for shared offsets",
        samplings=("bilinear",),
        offsets=("shared",),
        apply=_apply,
    )
)
