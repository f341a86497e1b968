"""The gather for LiteRT: one kernel row after the other, so that memory stays small."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cdfi_model.spec import WarpSpec
from cdfi_model.warp import WARPS, WarpFormulation

if TYPE_CHECKING:
    from torch import Tensor


def _apply(padded: Tensor, weight: Tensor, alpha: Tensor, beta: Tensor, spec: WarpSpec) -> Tensor:
    from cdfi_model.warp.gathering import warp_by_gather

    return warp_by_gather(padded, weight, alpha, beta, spec, one_by_one=True)


GATHER_ROWS = WARPS.register(
    WarpFormulation(
        name="gather_rows",
        summary="gather without matrix products, one kernel row after the other",
        samplings=("truncate", "bilinear"),
        apply=_apply,
        sampler="lookup",
    )
)
