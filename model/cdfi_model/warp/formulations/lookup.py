"""One row lookup for all taps, where they share their offset: no ``grid_sample`` at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cdfi_model.spec import WarpSpec
from cdfi_model.warp import WARPS, WarpFormulation

if TYPE_CHECKING:
    from torch import Tensor


def _apply(padded: Tensor, weight: Tensor, alpha: Tensor, beta: Tensor, spec: WarpSpec) -> Tensor:
    from cdfi_model.warp.lookup import warp_by_lookup

    return warp_by_lookup(padded, weight, alpha, beta, spec)


LOOKUP = WARPS.register(
    WarpFormulation(
        name="lookup",
        summary="one lookup of each pixel's neighbourhood, for shared offsets",
        samplings=("bilinear",),
        offsets=("shared",),
        apply=_apply,
        sampler="lookup",
    )
)
