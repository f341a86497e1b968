"""Borders that repeat the outermost pixels."""

from __future__ import annotations

import torch
from torch import Tensor


def replicate_pad(image: Tensor, reach: int) -> Tensor:
    """``(B, C, H, W)`` with ``reach`` copies of the outermost pixels on each side.

    The values of ``torch.nn.functional.pad(mode="replicate")``, written as concatenations: LiteRT's
    converter makes one mirroring operator for each pixel of it, which XNNPACK does not take and
    which needs ten times as long.
    """
    if not reach:
        return image
    for axis in (2, 3):
        first, last = image.narrow(axis, 0, 1), image.narrow(axis, image.shape[axis] - 1, 1)
        image = torch.cat([first] * reach + [image] + [last] * reach, axis)
    return image
