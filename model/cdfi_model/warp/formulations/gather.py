"""Channels-last gather of four corners and a matrix product: exact positions, both samplings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cdfi_model.spec import WarpSpec
from cdfi_model.warp import WARPS, WarpFormulation

if TYPE_CHECKING:
    from torch import Tensor


def _apply(padded: Tensor, weight: Tensor, alpha: Tensor, beta: Tensor, spec: WarpSpec) -> Tensor:
    from cdfi_model.warp.gathering import warp_by_gather

    return warp_by_gather(padded, weight, alpha, beta, spec)


GATHER = WARPS.register(
    WarpFormulation(
        name="gather",
        summary="a gather of four corners and a matrix product, one a kernel row",
        samplings=("truncate", "bilinear"),
        apply=_apply,
        sampler="lookup",
    )
)
