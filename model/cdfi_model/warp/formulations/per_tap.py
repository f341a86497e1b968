"""One ``grid_sample`` a tap: the least memory, and every converter knows it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cdfi_model.spec import WarpSpec
from cdfi_model.warp import WARPS, WarpFormulation

if TYPE_CHECKING:
    from torch import Tensor


def _apply(padded: Tensor, weight: Tensor, alpha: Tensor, beta: Tensor, spec: WarpSpec) -> Tensor:
    from cdfi_model.warp.grid_sampling import warp_by_grid_sample

    return warp_by_grid_sample(padded, weight, alpha, beta, spec, taps_a_call=1)


PER_TAP = WARPS.register(
    WarpFormulation(
        name="per_tap",
        summary="F*F grid_samples, one a tap",
        samplings=("truncate", "bilinear"),
        apply=_apply,
    )
)
