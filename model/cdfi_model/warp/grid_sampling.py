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
        samples = sample_bilinear(padded, rows[0] + rows[1], columns[0] + columns[1])
        if weight.shape[1] == 1:
            return samples.squeeze(2) * weight
        return (samples * weight.unsqueeze(1)).sum(dim=2)
    # grid_sample floors, so a truncating sample is four samples at whole positions. "nearest"
    # takes them exactly, whatever the normalised coordinates lose.
    row = axis_corners(*rows, padded.shape[2], sampling)
    column = axis_corners(*columns, padded.shape[3], sampling)
    samples = sample_nearest(
        padded,
        torch.cat((row.low, row.low, row.high, row.high), dim=1),
        torch.cat((column.low, column.high, column.low, column.high), dim=1),
    )
    weights = torch.cat(corner_weights(row, column, weight), dim=1)
    return (samples * weights.unsqueeze(1)).sum(dim=2)


def sample_bilinear(image: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Sample ``(B, C, H, W)`` at ``(B, T, h, w)`` pixel positions: ``(B, C, T, h, w)``.

    Positions outside take the border's value. They are clamped here, and ``grid_sample`` is asked
    for zero padding with unaligned corners: ONNX Runtime (1.31) plans the samples of this case
    once for all channels, three times as fast at 3 channels and five times at 24.
    """
    height, width = image.shape[2:]
    y = (2 * rows.clamp(0, height - 1) + 1) / height - 1
    x = (2 * columns.clamp(0, width - 1) + 1) / width - 1
    return _sample(image, y, x, "bilinear", "zeros", align_corners=False)


def sample_nearest(image: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """The same for whole positions, which are hit exactly whatever normalising loses."""
    y = rows * (2 / max(image.shape[2] - 1, 1)) - 1
    x = columns * (2 / max(image.shape[3] - 1, 1)) - 1
    return _sample(image, y, x, "nearest", "border", align_corners=True)


def _sample(
    image: Tensor, y: Tensor, x: Tensor, mode: str, padding: str, *, align_corners: bool
) -> Tensor:
    batch, taps, height, width = y.shape
    grid = torch.stack((x, y), dim=-1).reshape(batch, taps * height, width, 2)
    samples = F.grid_sample(
        image, grid, mode=mode, padding_mode=padding, align_corners=align_corners
    )
    return samples.reshape(batch, image.shape[1], taps, height, width)
