"""Validation: the mean PSNR that chooses the weights."""

from __future__ import annotations

import torch

from cdfi_model.network import InterpolationNetwork
from cdfi_model.training.batches import whole_batch
from cdfi_model.training.sources import TripletSource


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
