"""Pixels as rows of a table, corners as indices into it: the warp, and plain sampling."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from cdfi_model.spec import WarpSpec
from cdfi_model.warp.corners import axis_corners, corner_weights, tap_grid


def warp_by_gather(
    padded: Tensor,
    weight: Tensor,
    alpha: Tensor,
    beta: Tensor,
    spec: WarpSpec,
    *,
    one_by_one: bool = False,
) -> Tensor:
    """Sum over all taps, a kernel row at a time.

    Each kernel row gathers 4 * F pixels of all channels for each output pixel and contracts them
    with their weights in one batched matrix product. No coordinate is normalised, so the
    positions are exact. See :func:`cdfi_model.warp.adacof_warp` for the arguments.

    Args:
        one_by_one: For LiteRT with XNNPACK: products and a sum take the place of the matrix
            product, for which XNNPACK keeps a packed copy of all pixels, and no row begins before
            the one above is done. Else all rows are looked up before XNNPACK adds up the first.
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
        if one_by_one and total is not None:
            left, right = (step + _zero_after(total) for step in (left, right))
        index = torch.cat((low + left, low + right, high + left, high + right), dim=1)
        if batch > 1:
            start_of_image = torch.arange(batch, dtype=index.dtype, device=index.device)
            index = index + (start_of_image * (height * width)).view(-1, 1, 1, 1)
        weights = torch.cat(corner_weights(rows, columns, weight[:, row]), dim=1)
        # embedding rather than index_select: the same values, and converters for phones turn it
        # into a row lookup instead of an N-dimensional gather.
        pixels = F.embedding(index.permute(0, 2, 3, 1), table)
        weights = weights.permute(0, 2, 3, 1)
        if one_by_one:
            part = (pixels * weights.unsqueeze(4)).sum(3, keepdim=True)
        else:
            part = torch.matmul(weights.unsqueeze(3), pixels)
        total = part if total is None else total + part
    assert total is not None
    return total.reshape(batch, out_height, out_width, channels).permute(0, 3, 1, 2)


def _zero_after(total: Tensor) -> Tensor:
    """``(B, 1, H, W)`` zeros in int32 that no graph can know before it knows ``total``.

    Args:
        total: ``(B, H, W, 1, C)``, finite.
    """
    first = total.detach()[:, :, :, :, :1].squeeze(4).permute(0, 3, 1, 2)
    return first.square().clamp(max=0).int()


def sample_by_lookup(image: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """The same as :func:`cdfi_model.warp.grid_sampling.sample_bilinear`, by four row lookups."""
    batch, channels, height, width = image.shape
    table = image.permute(0, 2, 3, 1).reshape(batch * height * width, channels)
    rows, columns = rows.clamp(0, height - 1), columns.clamp(0, width - 1)
    top, left = rows.floor(), columns.floor()
    down, right = (rows - top), (columns - left)
    first, last = top.int() * width, (top + 1).clamp(max=height - 1).int() * width
    left, farther = left.int(), (left + 1).clamp(max=width - 1).int()
    if batch > 1:
        start = torch.arange(batch, dtype=first.dtype, device=first.device).view(-1, 1, 1, 1)
        left, farther = left + start * (height * width), farther + start * (height * width)
    samples = []
    for position in range(rows.shape[1]):
        # Four axes, channels last until the end: converters for phones fold such a transposition.
        below, beyond = down[:, position].unsqueeze(-1), right[:, position].unsqueeze(-1)
        upper, upper_right, lower, lower_right = (
            F.embedding((line + step)[:, position], table)
            for line in (first, last)
            for step in (left, farther)
        )
        upper = upper + (upper_right - upper) * beyond
        lower = lower + (lower_right - lower) * beyond
        samples.append((upper + (lower - upper) * below).permute(0, 3, 1, 2))
    return torch.stack(samples, 2)
