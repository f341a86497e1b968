"""Tensors with many zeros, stored as a bitmask and the values that are not zero.

A tensor ``NAME`` becomes ``NAME#mask``, a byte for eight elements in row-major order, the first in
the lowest bit, and ``NAME#values``, those elements in the same order. Its shape is in the file's
metadata. Every bit comes back but one: negative zero, which proximal steps leave where a weight was
negative, becomes zero.

Bytes as a share of the dense tensor's, for 512x512x3x3; CSR has a row for each output channel, with
16-bit columns:

    =======  ===============  ===============
    density  float32          float16
             bitmask    CSR   bitmask    CSR
    =======  ===============  ===============
    0.02     0.051      0.030 0.083      0.040
    0.05     0.081      0.075 0.112      0.100
    0.10     0.131      0.151 0.162      0.200
    0.25     0.282      0.376 0.313      0.501
    0.50     0.531      0.750 0.562      1.000
    0.90     0.931      1.350 0.963      1.801
    =======  ===============  ===============

The bitmask is the smaller from a density of 1/16 on, and no published layer is below 0.07.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from cdfi_runtime.errors import ArtifactError
from torch import Tensor

MASK, VALUES = "#mask", "#values"
_FLOATS = (torch.float16, torch.float32, torch.float64)
_FIX = "copy the file again, or write it again with cdfi-model sparsify"


def encode(tensors: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], dict[str, list[int]]]:
    """The tensors to store, and the shapes of those that became sparse.

    A tensor stays dense where the sparse form would not be smaller, and where it holds integers.
    """
    stored: dict[str, Tensor] = {}
    shapes: dict[str, list[int]] = {}
    for name, tensor in tensors.items():
        pair = _split(tensor)
        if pair is None:
            stored[name] = tensor
        else:
            stored[name + MASK], stored[name + VALUES] = pair
            shapes[name] = list(tensor.shape)
    return stored, shapes


def sparse_bytes(tensors: Mapping[str, Tensor]) -> int:
    """Bytes of the tensors as :func:`encode` stores them, without a file's header."""
    stored, _ = encode(tensors)
    return sum(each.numel() * each.element_size() for each in stored.values())


def _split(tensor: Tensor) -> tuple[Tensor, Tensor] | None:
    """Mask and values; ``None`` where the tensor is smaller as it is."""
    if tensor.dtype not in _FLOATS:
        return None
    flat = tensor.reshape(-1)
    present = flat != 0
    values = flat[present]
    mask = torch.from_numpy(np.packbits(present.numpy(), bitorder="little"))
    if mask.numel() + values.numel() * flat.element_size() >= flat.numel() * flat.element_size():
        return None
    return mask, values


def decode(
    stored: Mapping[str, Tensor], metadata: Mapping[str, str], source: str
) -> dict[str, Tensor]:
    """The tensors that :func:`encode` was given; ``source`` names the file in errors.

    Raises:
        ArtifactError: shapes, masks and values contradict each other.
    """
    shapes = _shapes(metadata.get("sparse", ""), source)
    parts = {name + end for name in shapes for end in (MASK, VALUES)}
    tensors = {name: tensor for name, tensor in stored.items() if name not in parts}
    for name, shape in shapes.items():
        if name in tensors:
            raise _broken(name, source, "the tensor once", "a dense and a sparse form of it")
        tensors[name] = _join(name, shape, stored, source)
    return tensors


def _shapes(text: str, source: str) -> dict[str, list[int]]:
    try:
        shapes: Any = json.loads(text)
    except ValueError as error:
        raise ArtifactError(
            f"the header of {source} is broken",
            expected="the shapes of its sparse tensors, as JSON",
            got=str(error),
            fix=_FIX,
        ) from error
    if not isinstance(shapes, dict) or not all(_is_shape(shape) for shape in shapes.values()):
        raise ArtifactError(
            f"the header of {source} is broken",
            expected="for each sparse tensor a list of whole numbers, 0 or more",
            got=text[:80],
            fix=_FIX,
        )
    return shapes


def _is_shape(shape: object) -> bool:
    return isinstance(shape, list) and all(type(side) is int and side >= 0 for side in shape)


def _join(name: str, shape: list[int], stored: Mapping[str, Tensor], source: str) -> Tensor:
    mask, values = stored.get(name + MASK), stored.get(name + VALUES)
    if mask is None or values is None:
        raise _broken(name, source, "a mask and values", "one without the other, or neither")
    count = math.prod(shape)
    length = (count + 7) // 8
    if mask.dtype != torch.uint8 or mask.shape != (length,):
        got = f"{_kind(mask)} {tuple(mask.shape)}"
        raise _broken(name, source, f"a mask of {length} bytes for the shape {shape}", got)
    if values.dtype not in _FLOATS or values.dim() != 1:
        got = f"{_kind(values)} {tuple(values.shape)}"
        raise _broken(name, source, "a row of floating-point values", got)
    bits = np.unpackbits(mask.numpy(), bitorder="little")
    if bits[count:].any():
        raise _broken(name, source, "no bits behind the last element", "some that are set")
    present = torch.from_numpy(bits[:count].astype(bool))
    ones = int(present.sum())
    if ones != values.numel():
        got = f"{values.numel()} values for {ones} bits"
        raise _broken(name, source, "as many values as bits of the mask are set", got)
    if not torch.isfinite(values).all():
        raise _broken(name, source, "finite values", "NaN or infinity among them")
    flat = torch.zeros(count, dtype=values.dtype)
    flat[present] = values
    return flat.reshape(shape)


def _kind(tensor: Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")


def _broken(name: str, source: str, expected: str, got: str) -> ArtifactError:
    return ArtifactError(
        f"the sparse tensor '{name}' of {source} is broken", expected=expected, got=got, fix=_FIX
    )
