"""The warp by row gathers: pixels as rows of a table, corners as indices into it."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from cdfi_model.spec import WarpSpec
from cdfi_model.warp.corners import axis_corners, corner_weights, tap_grid


def warp_by_gather(
    padded: Tensor, weight: Tensor, alpha: Tensor, beta: Tensor, spec: WarpSpec
) -> Tensor:
    """Sum over all taps, a kernel row at a time.

    Each kernel row gathers 4 * F pixels of all channels for each output pixel and contracts them
    with their weights in one batched matrix product. No coordinate is normalised, so the
    positions are exact. See :func:`cdfi_model.warp.adacof_warp` for the arguments.
    """
    batch, channels, height, width = padded.shape
    out_height, out_width = alpha.shape[2], alpha.shape[3]
    table = padded.permute(0, 2, 3, 1).reshape(batch * height * width, channels)
    origin_rows, origin_columns = tap_grid(alpha, spec)
    total: Tensor | None = None
    for k in range(spec.taps):
        row = slice(k * spec.taps, (k + 1) * spec.taps)
        rows = axis_corners(origin_rows + k * spec.dilation, alpha[:, row], height, spec.sampling)
        columns = axis_corners(origin_columns, beta[:, row], width, spec.sampling)
        # Whole numbers, turned to int32 before they are multiplied: float32 counts to 2**24 only,
        # and some converters would otherwise lower the precision of the indices.
        low, high = rows.low.int() * width, rows.high.int() * width
        left, right = columns.low.int(), columns.high.int()
        index = torch.cat((low + left, low + right, high + left, high + right), dim=1)
        if batch > 1:
            start_of_image = torch.arange(batch, dtype=index.dtype, device=index.device)
            index = index + (start_of_image * (height * width)).view(-1, 1, 1, 1)
        weights = torch.cat(corner_weights(rows, columns, weight[:, row]), dim=1)
        # embedding rather than index_select: the same values, and converters for phones turn it
        # into a row lookup instead of an N-dimensional gather.
        pixels = F.embedding(index.permute(0, 2, 3, 1), table)
        part = torch.matmul(weights.permute(0, 2, 3, 1).unsqueeze(3), pixels)
        total = part if total is None else total + part
    assert total is not None
    return total.reshape(batch, out_height, out_width, channels).permute(0, 3, 1, 2)
