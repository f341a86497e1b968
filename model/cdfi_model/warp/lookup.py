"""The warp with shared offsets by one row lookup: a pixel's whole neighbourhood is one row.

Taps that share their offset share its fraction too, so all their corners lie in one square around
one whole position: ``F + 1`` pixels wide without dilation. A table with that square in each row
gives everything in one lookup; what is left are products and 1x1 convolutions with ones and zeros,
which run on contiguous memory where channels are last.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from cdfi_model.spec import WarpSpec
from cdfi_model.warp.positions import pixel_positions

Matrix = NDArray[np.floating]
_LAST_CHANNEL_FIRST = (0, 3, 1, 2)


def warp_by_lookup(
    padded: Tensor, weight: Tensor, alpha: Tensor, beta: Tensor, spec: WarpSpec
) -> Tensor:
    """See :func:`cdfi_model.warp.adacof_warp`; bilinear sampling, shared offsets."""
    channels = padded.shape[1]
    table, height, width = _table(padded, spec)
    rows = pixel_positions(alpha.shape[2], alpha).view(1, 1, -1, 1) + alpha + spec.reach
    columns = pixel_positions(alpha.shape[3], alpha).view(1, 1, 1, -1) + beta + spec.reach
    # Beyond the last square the fraction goes to one, and further out all taps are in the border.
    rows, columns = rows.clamp(0, height), columns.clamp(0, width)
    top, left = rows.floor().clamp(max=height - 1), columns.floor().clamp(max=width - 1)
    down, right = rows - top, columns - left
    index = top.int() * width + left.int()
    if padded.shape[0] > 1:
        start = torch.arange(padded.shape[0], dtype=index.dtype, device=index.device)
        index = index + (start * (height * width)).view(-1, 1, 1, 1)
    squares = F.embedding(index.squeeze(1), table).permute(_LAST_CHANNEL_FIRST)

    corners = ((1 - down) * (1 - right), (1 - down) * right, down * (1 - right), down * right)
    spread = _spread(spec)
    shares = _mix(weight, spread[0]) * corners[0]
    for kernel, corner in zip(spread[1:], corners[1:], strict=True):
        shares = shares + _mix(weight, kernel) * corner
    pixels = len(_steps(spec)) ** 2
    every_channel: Matrix = np.kron(np.eye(pixels), np.ones((channels, 1)))
    total: Matrix = np.kron(np.ones((1, pixels)), np.eye(channels))
    return _mix(squares * _mix(shares, every_channel), total)


def _steps(spec: WarpSpec) -> list[int]:
    """Rows of the square that some tap needs, from its top; columns are the same."""
    return sorted({tap * spec.dilation + corner for tap in range(spec.taps) for corner in (0, 1)})


def _table(padded: Tensor, spec: WarpSpec) -> tuple[Tensor, int, int]:
    """``(B * h * w, squares * C)``, h and w: the square that starts at each pixel, row by row.

    Squares start one reach outside the padded image and up to its last pixel but one.
    """
    reach, steps = spec.reach, _steps(spec)
    wider = F.pad(padded, (reach, reach, reach, reach), mode="replicate") if reach else padded
    single = [int(side == 1) for side in padded.shape[2:]]  # a square needs two rows and columns
    if any(single):
        wider = F.pad(wider, (0, single[1], 0, single[0]), mode="replicate")
    height, width = (side - steps[-1] for side in wider.shape[2:])
    copies = [wider[:, :, y : y + height, x : x + width] for y in steps for x in steps]
    return torch.cat(copies, 1).permute(0, 2, 3, 1).flatten(0, 2), height, width


def _spread(spec: WarpSpec) -> list[Matrix]:
    """For each corner of the fraction, which pixel of the square each tap reads: 0/1 matrices."""
    steps = _steps(spec)
    kernels: list[Matrix] = []
    for below in (0, 1):
        for beyond in (0, 1):
            kernel = np.zeros((len(steps) ** 2, spec.taps**2))
            for k, column in np.ndindex(spec.taps, spec.taps):
                row = steps.index(k * spec.dilation + below)
                kernel[
                    row * len(steps) + steps.index(column * spec.dilation + beyond),
                    k * spec.taps + column,
                ] = 1
            kernels.append(kernel)
    return kernels


def _mix(maps: Tensor, matrix: Matrix) -> Tensor:
    """``(B, n, H, W)`` to ``(B, m, H, W)`` by a constant ``(m, n)`` matrix."""
    kernel = torch.tensor(matrix.tolist(), dtype=maps.dtype, device=maps.device)
    return F.conv2d(maps, kernel[:, :, None, None])
