"""The warp by ``grid_sample``, some taps of a kernel row a call."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from cdfi_model.spec import Sampling, WarpSpec
from cdfi_model.warp.corners import axis_corners, corner_weights, tap_grid


def warp_by_grid_sample(
    padded: Tensor, weight: Tensor, alpha: Tensor, beta: Tensor, spec: WarpSpec, taps_a_call: int
) -> Tensor:
    """Sum over all taps, ``taps_a_call`` of them (a divisor of F) in each ``grid_sample``.

    At most that many warped images (bilinear) or four times as many (truncate) exist at once. See
    :func:`cdfi_model.warp.adacof_warp` for the other arguments.
    """
    rows, columns = tap_grid(alpha, spec)
    total: Tensor | None = None
    for k in range(spec.taps):
        row_origin = rows + k * spec.dilation
        for first in range(0, spec.taps, taps_a_call):
            column_origin = columns[:, first : first + taps_a_call]
            tap = k * spec.taps + first
            weights, down, right = (
                maps[:, tap : tap + taps_a_call] for maps in (weight, alpha, beta)
            )
            part = _some_taps(
                padded, weights, (row_origin, down), (column_origin, right), spec.sampling
            )
            total = part if total is None else total + part
    assert total is not None
    return total


def _some_taps(
    padded: Tensor,
    weight: Tensor,
    rows: tuple[Tensor, Tensor],
    columns: tuple[Tensor, Tensor],
    sampling: Sampling,
) -> Tensor:
    """``rows`` and ``columns`` are origin and offset of each tap: ``(B, C, H, W)``, summed."""
    if sampling == "bilinear":
        samples = _sample(padded, rows[0] + rows[1], columns[0] + columns[1], "bilinear")
        return (samples * weight.unsqueeze(1)).sum(dim=2)
    # grid_sample floors, so a truncating sample is four samples at whole positions. "nearest"
    # takes them exactly, whatever the normalised coordinates lose.
    row = axis_corners(*rows, padded.shape[2], sampling)
    column = axis_corners(*columns, padded.shape[3], sampling)
    samples = _sample(
        padded,
        torch.cat((row.low, row.low, row.high, row.high), dim=1),
        torch.cat((column.low, column.high, column.low, column.high), dim=1),
        "nearest",
    )
    weights = torch.cat(corner_weights(row, column, weight), dim=1)
    return (samples * weights.unsqueeze(1)).sum(dim=2)


def _sample(image: Tensor, rows: Tensor, columns: Tensor, mode: str) -> Tensor:
    """Sample ``(B, C, Hp, Wp)`` at ``(B, T, H, W)`` pixel positions: ``(B, C, T, H, W)``."""
    batch, taps, height, width = rows.shape
    y = rows * (2 / max(image.shape[2] - 1, 1)) - 1
    x = columns * (2 / max(image.shape[3] - 1, 1)) - 1
    grid = torch.stack((x, y), dim=-1).reshape(batch, taps * height, width, 2)
    samples = F.grid_sample(image, grid, mode=mode, padding_mode="border", align_corners=True)
    return samples.reshape(batch, image.shape[1], taps, height, width)
