"""Matching of two feature maps along straight motion through the middle frame."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def normalize_features(features: Tensor, eps: float = 1e-4) -> Tensor:
    """Scale each pixel's feature vector to mean square one.

    Per pixel, so that the result does not depend on the size of the picture around it.
    """
    return features * torch.rsqrt(features.square().mean(1, keepdim=True) + eps)


def symmetric_cost_volume(features0: Tensor, features2: Tensor, radius: int) -> Tensor:
    """Correlation of frame 0 at ``p + d`` with frame 2 at ``p - d``.

    A point that moves straight through ``p`` at half time is found at opposite displacements in
    the two frames, so one search over ``d`` serves both.

    Args:
        features0: ``(B, C, H, W)`` features of frame 0, already moved by the offsets so far.
        features2: The same of frame 2.
        radius: Search radius in pixels.

    Returns:
        ``(B, (2 * radius + 1) ** 2, H, W)`` mean products over the channels, rows of ``d`` outer.
    """
    first = _shifts(F.pad(normalize_features(features0), [radius] * 4), radius)
    second = _shifts(F.pad(normalize_features(features2), [radius] * 4), radius)
    # Opposite displacements: the first shift of one frame meets the last of the other.
    pairs = zip(first, reversed(second), strict=True)
    return torch.cat([(a * b).mean(1, keepdim=True) for a, b in pairs], 1)


def _shifts(padded: Tensor, radius: int) -> list[Tensor]:
    """Every ``(2 * radius + 1) ** 2`` window of a padded map, rows outer; rows are cut once."""
    side = 2 * radius + 1
    height, width = padded.shape[-2] - 2 * radius, padded.shape[-1] - 2 * radius
    return [
        rows[..., column : column + width]
        for rows in [padded[..., row : row + height, :] for row in range(side)]
        for column in range(side)
    ]
