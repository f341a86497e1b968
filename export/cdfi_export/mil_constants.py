"""Compressed weights of MIL programs, unpacked as Apple's operator reference defines them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from cdfi_runtime.errors import ArtifactError
from torch import Tensor


def affine_dequantize(quantized_data: Tensor, zero_point: Any, scale: Any, axis: int) -> Tensor:
    """``scale * (data - zero_point)``; scale and zero point by channels of ``axis``, or scalar."""
    along = [1] * quantized_data.dim()
    along[int(axis)] = -1
    factors, zeros = (
        part.float().reshape(along) if isinstance(part, Tensor) and part.dim() else float(part)
        for part in (scale, zero_point)
    )
    return factors * (quantized_data.float() - zeros)


def lut_to_dense(indices: Tensor, lut: Tensor, shape: Tensor) -> Tensor:
    """A palette's values; ``indices`` are packed bit by bit, the least significant first.

    Raises:
        ArtifactError: a palette size that the operator does not have, or too few indices.
    """
    size, count = lut.numel(), int(shape.prod())
    bits = size.bit_length() - 1
    if size not in (2, 4, 16, 64, 256) or indices.numel() != math.ceil(bits * count / 8):
        raise ArtifactError(
            "a palettised weight does not fit its palette",
            expected="2, 4, 16, 64 or 256 values, and an index of each weight",
            got=f"{size} values, {indices.numel()} bytes for {count} weights",
        )
    stream = np.unpackbits(indices.numpy(), bitorder="little")[: bits * count]
    places = stream.reshape(count, bits).astype(np.int64) @ (1 << np.arange(bits))
    return lut[torch.from_numpy(places)].reshape([int(side) for side in shape])


def sparse_to_dense(nonzero_data: Tensor, mask: Tensor, shape: Tensor) -> Tensor:
    """Zeros, and ``nonzero_data`` where a bit of ``mask`` is set, the least significant first.

    Raises:
        ArtifactError: a mask of another length than the shape has, or of other bits than values.
    """
    count = int(shape.prod())
    bits = np.unpackbits(mask.numpy(), bitorder="little")
    ones = int(bits.sum())
    if (mask.numel(), ones) != (math.ceil(count / 8), nonzero_data.numel()) or bits[count:].any():
        raise ArtifactError(
            "a sparse weight does not fit its mask",
            expected=f"{math.ceil(count / 8)} bytes with a bit for each of the values",
            got=f"{mask.numel()} bytes with {ones} bits for {nonzero_data.numel()} values",
        )
    dense = torch.zeros(count, dtype=nonzero_data.dtype)
    dense[torch.from_numpy(bits[:count].astype(bool))] = nonzero_data
    return dense.reshape([int(side) for side in shape])
