"""Pixel positions along one axis."""

from __future__ import annotations

import torch
from torch import Tensor


def pixel_positions(count: int, like: Tensor) -> Tensor:
    """``0, 1, ... count - 1`` in the dtype and on the device of ``like``.

    In an export for frames of fixed size they are written as a constant: LiteRT's converter leaves
    a counting operator in the graph that its runtime does not have.
    """
    if torch.compiler.is_exporting() and isinstance(count, int):
        return torch.tensor(list(range(count)), dtype=like.dtype)
    return torch.arange(count, dtype=like.dtype, device=like.device)
