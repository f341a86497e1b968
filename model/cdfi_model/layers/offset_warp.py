"""One bilinear sample per pixel: how features and frames follow the expected offset."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def offset_warp(image: Tensor, offset: Tensor) -> Tensor:
    """Sample ``image`` at ``p + offset(p)``; positions outside take the border's value.

    Args:
        image: ``(B, C, H, W)``.
        offset: ``(B, 2, H, W)`` row and column offset in pixels.

    Returns:
        ``(B, C, H, W)`` in the dtype of ``image``. Coordinates are float32 at least: half
        precision would be off by tenths of a pixel at phone sizes.
    """
    height, width = image.shape[-2:]
    position = offset.float() if offset.dtype != torch.float64 else offset
    rows = torch.arange(height, dtype=position.dtype, device=image.device)[:, None]
    columns = torch.arange(width, dtype=position.dtype, device=image.device)[None, :]
    y = (position[:, 0] + rows) * (2.0 / max(height - 1, 1)) - 1.0
    x = (position[:, 1] + columns) * (2.0 / max(width - 1, 1)) - 1.0
    sampled = F.grid_sample(
        image.to(position.dtype),
        torch.stack((x, y), -1),
        mode="bilinear",
        padding_mode="border",
        align_corners=True,
    )
    return sampled.to(image.dtype)
