"""Validation: the mean PSNR that chooses the weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from cdfi_model.network import InterpolationNetwork
from cdfi_model.training.batches import whole_batch
from cdfi_model.training.sources import TripletSource

if TYPE_CHECKING:
    from lightning_fabric import Fabric


def spread_rows(count: int, limit: int | None) -> list[int]:
    """``limit`` numbers below ``count`` at even distances; all of them without a limit."""
    if limit is None or limit >= count:
        return list(range(count))
    return [index * count // limit for index in range(limit)]


@torch.no_grad()
def psnr_sum(
    network: InterpolationNetwork, source: TripletSource, rows: list[int], batch: int = 8
) -> float:
    """Sum over ``rows`` of the clipped middle frame's PSNR in dB (unrounded, data range 1)."""
    device = next(network.parameters()).device
    total = 0.0
    for start in range(0, len(rows), batch):
        triplets = whole_batch(source, rows[start : start + batch])
        frame = network(triplets.frame0.to(device), triplets.frame2.to(device)).clamp(0, 1)
        error = (frame - triplets.middle.to(device)).square().mean((1, 2, 3)).clamp_min(1e-10)
        total += float((-10 * torch.log10(error)).double().sum())
    return total


def shared_mean_psnr(
    fabric: Fabric, network: InterpolationNetwork, source: TripletSource, limit: int | None
) -> float:
    """Mean PSNR in dB on ``limit`` triplets of ``source``: processes share the work and the result.

    Args:
        fabric: Launched; every process of it must call this.
        network: In evaluation mode, on the process's device.
        source: Held-out triplets.
        limit: How many are looked at, spread over the source; ``None`` for all.
    """
    rows = spread_rows(len(source), limit)
    share = rows[fabric.global_rank :: fabric.world_size]
    total = torch.tensor(psnr_sum(network, source, share), dtype=torch.float64)
    # Single precision on the device: not every back end reduces float64.
    reduced = fabric.all_reduce(total.float().to(fabric.device), reduce_op="sum")
    assert isinstance(reduced, torch.Tensor)
    return float(reduced) / len(rows)
