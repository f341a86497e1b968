"""The warp by its definition: plain loops in float64. Slow; tests and measurements hold to it."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from cdfi_model.spec import WarpSpec

Array = NDArray[np.float64]


def reference_warp(image: Array, weight: Array, alpha: Array, beta: Array, spec: WarpSpec) -> Array:
    """What :func:`cdfi_model.warp.adacof_warp` computes, pixel by pixel and tap by tap.

    Args:
        image: ``(B, C, H, W)``.
        weight: ``(B, F*F, H, W)``.
        alpha: Row offsets in pixels, the same shape; one channel if they are shared.
        beta: Column offsets in pixels, the same shape.
        spec: Taps, dilation and sampling.

    Returns:
        ``(B, C, H, W)`` in float64.
    """
    reach = spec.reach
    sides = ((0, 0), (0, 0), (reach, reach), (reach, reach))
    padded = np.pad(image.astype(np.float64), sides, mode="edge")
    last_row, last_column = padded.shape[2] - 1, padded.shape[3] - 1
    whole = math.trunc if spec.sampling == "truncate" else math.floor
    out = np.zeros(image.shape, np.float64)
    for b, i, j in np.ndindex(image.shape[0], image.shape[2], image.shape[3]):
        for k, column in np.ndindex(spec.taps, spec.taps):
            tap = k * spec.taps + column
            own = 0 if spec.offsets == "shared" else tap
            down, right = float(alpha[b, own, i, j]), float(beta[b, own, i, j])
            row_step, column_step = whole(down), whole(right)
            row_part, column_part = down - row_step, right - column_step
            for dy, row_weight in ((0, 1 - row_part), (1, row_part)):
                y = min(max(i + k * spec.dilation + row_step + dy, 0), last_row)
                for dx, column_weight in ((0, 1 - column_part), (1, column_part)):
                    x = min(max(j + column * spec.dilation + column_step + dx, 0), last_column)
                    share = weight[b, tap, i, j] * row_weight * column_weight
                    out[b, :, i, j] += share * padded[b, :, y, x]
    return out
