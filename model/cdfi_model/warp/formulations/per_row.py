"""One ``grid_sample`` a kernel row: F nodes instead of F*F, for F times the memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cdfi_model.spec import WarpSpec
from cdfi_model.warp import WARPS, WarpFormulation

if TYPE_CHECKING:
    from torch import Tensor


def _apply(padded: Tensor, weight: Tensor, alpha: Tensor, beta: Tensor, spec: WarpSpec) -> Tensor:
    from cdfi_model.warp.grid_sampling import warp_by_grid_sample

    return warp_by_grid_sample(padded, weight, alpha, beta, spec, taps_a_call=spec.taps)


PER_ROW = WARPS.register(
    WarpFormulation(
        name="per_row",
        summary="F grid_samples, one a kernel row",
        samplings=("truncate", "bilinear"),
        apply=_apply,
    )
)
