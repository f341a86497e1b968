"""The warp with shared offsets by row lookups: a line of a pixel's neighbourhood is one row.

Taps that share their offset share its fraction too, so all their corners lie in one square around
one whole position: ``F + 1`` pixels wide without dilation. A table with one line of that square in
each row gives everything in one lookup of ``F + 1`` rows; what is left are products and 1x1
convolutions with constants, which run on contiguous memory where channels are last.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from cdfi_model.spec import WarpSpec
from cdfi_model.warp.padding import replicate_pad
from cdfi_model.warp.positions import pixel_positions

Matrix = NDArray[np.floating]


def warp_by_lookup(
    padded: Tensor, weight: Tensor, alpha: Tensor, beta: Tensor, spec: WarpSpec
) -> Tensor:
    """See :func:`cdfi_model.warp.adacof_warp`; bilinear sampling, shared offsets."""
    channels, steps = padded.shape[1], _steps(spec)
    wider = _wider(padded, spec)
    lines, columns_of_table = wider.shape[2], wider.shape[3] - steps[-1]
    bottom, end = lines - steps[-1], columns_of_table
    rows = pixel_positions(alpha.shape[2], alpha).view(1, 1, -1, 1) + alpha + spec.reach
    columns = pixel_positions(alpha.shape[3], alpha).view(1, 1, 1, -1) + beta + spec.reach
    # Beyond the last square the fraction goes to one, and further out all taps are in the border.
    rows, columns = rows.clamp(0, bottom), columns.clamp(0, end)
    top, left = rows.floor().clamp(max=bottom - 1), columns.floor().clamp(max=end - 1)
    down, right = rows - top, columns - left

    first = top.int() * columns_of_table + left.int()
    if padded.shape[0] > 1:
        start = torch.arange(padded.shape[0], dtype=first.dtype, device=first.device)
        first = first + (start * (lines * columns_of_table)).view(-1, 1, 1, 1)
    further = [step * columns_of_table for step in steps]
    index = first.squeeze(1).unsqueeze(-1) + torch.tensor(
        further, dtype=first.dtype, device=first.device
    )
    squares = F.embedding(index, _table(wider, steps)).flatten(3).permute(0, 3, 1, 2)

    pixels = len(steps) ** 2
    every_channel: Matrix = np.kron(np.eye(pixels), np.ones((channels, 1)))
    total: Matrix = np.kron(np.ones((1, pixels)), np.eye(channels))
    return _mix(squares * _mix(_shares(weight, down, right, spec), every_channel), total)


def _steps(spec: WarpSpec) -> list[int]:
    """Rows of the square that some tap needs, from its top; columns are the same."""
    return sorted({tap * spec.dilation + corner for tap in range(spec.taps) for corner in (0, 1)})


def _wider(padded: Tensor, spec: WarpSpec) -> Tensor:
    """One reach more on each side: the square of a pixel at the edge lies in the border whole."""
    wider = replicate_pad(padded, spec.reach)
    single = [int(side == 1) for side in padded.shape[2:]]  # a square needs two rows and columns
    if any(single):
        wider = F.pad(wider, (0, single[1], 0, single[0]), mode="replicate")
    return wider


def _table(wider: Tensor, steps: list[int]) -> Tensor:
    """``(B * H * (W - steps[-1]), steps * C)``: the line of a square that starts at each pixel.

    A convolution with a single one in each kernel copies them, exactly, and in XNNPACK many times
    as fast as a concatenation of slices that are three channels wide.
    """
    channels = wider.shape[1]
    kernel = np.zeros((len(steps) * channels, channels, 1, steps[-1] + 1))
    for place, channel in np.ndindex(len(steps), channels):
        kernel[place * channels + channel, channel, 0, steps[place]] = 1
    return F.conv2d(wider, _constant(kernel, wider)).permute(0, 2, 3, 1).flatten(0, 2)


def _shares(weight: Tensor, down: Tensor, right: Tensor, spec: WarpSpec) -> Tensor:
    """``(B, pixels of the square, H, W)``: what of each pixel goes into the result.

    The four corners' weights multiplied out to ``a + b right + (c + d right) down``: each of a to d
    is one product of the taps' weights with a constant matrix.
    """
    here, beyond, below, across = _spread(spec)
    straight = _mix(weight, here) + _mix(weight, beyond - here) * right
    moved = _mix(weight, below - here) + _mix(weight, across - below - beyond + here) * right
    return straight + moved * down


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
    return F.conv2d(maps, _constant(matrix[:, :, None, None], maps))


def _constant(values: Matrix, like: Tensor) -> Tensor:
    return torch.tensor(values.tolist(), dtype=like.dtype, device=like.device)
