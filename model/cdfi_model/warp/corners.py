"""Where the taps of the warp sample: positions, corner indices and what is left of an offset."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from cdfi_model.spec import Sampling, WarpSpec
from cdfi_model.warp.positions import pixel_positions


@dataclass(frozen=True)
class AxisCorners:
    """The two corners of every tap on one axis; all ``(B, T, H, W)``.

    ``low`` and ``high`` are whole numbers in floating point, clamped to the padded image each by
    itself; their weights are ``1 - fraction`` and ``fraction``. Under truncation ``fraction`` is
    negative for negative offsets, so that the sample extrapolates as the published kernel does.
    """

    low: Tensor
    high: Tensor
    fraction: Tensor


def tap_grid(offset: Tensor, spec: WarpSpec) -> tuple[Tensor, Tensor]:
    """Where the taps of kernel row 0 sit in the padded image at offset zero.

    Kernel row ``k`` sits ``k * spec.dilation`` rows lower. Made once for a warp, so that exported
    graphs hold it once.

    Args:
        offset: ``(B, F*F, H, W)``; only its size, dtype and device matter.
        spec: The warp.

    Returns:
        Rows ``(1, 1, H, 1)`` and columns ``(1, F, 1, W)`` in pixels.
    """
    height, width = offset.shape[2], offset.shape[3]
    rows, columns = pixel_positions(height, offset), pixel_positions(width, offset)
    steps = [column * spec.dilation for column in range(spec.taps)]
    right = torch.tensor(steps, dtype=offset.dtype, device=offset.device)
    return rows.view(1, 1, height, 1), columns.view(1, 1, 1, width) + right.view(1, -1, 1, 1)


def axis_corners(origin: Tensor, offset: Tensor, size: int, sampling: Sampling) -> AxisCorners:
    """Split ``offset`` into a whole step and a fraction and clamp both corners to ``size``.

    The whole step has no gradient, so the gradient with respect to an offset is the difference of
    its corners, as in the published backward kernel.
    """
    whole = (offset.trunc() if sampling == "truncate" else offset.floor()).detach()
    step = origin + whole
    return AxisCorners(step.clamp(0, size - 1), (step + 1).clamp(0, size - 1), offset - whole)


def corner_weights(rows: AxisCorners, columns: AxisCorners, weight: Tensor) -> list[Tensor]:
    """The four products of tap weight and corner weights, row by row; each ``(B, T, H, W)``."""
    lower, upper = weight * (1 - rows.fraction), weight * rows.fraction
    left, right = 1 - columns.fraction, columns.fraction
    return [lower * left, lower * right, upper * left, upper * right]
