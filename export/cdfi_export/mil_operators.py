"""The MIL operators that the evaluator knows, by name, as torch computes them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from cdfi_runtime.errors import ArtifactError
from torch import Tensor

from cdfi_export.mil_constants import affine_dequantize, lut_to_dense, sparse_to_dense
from cdfi_export.mil_images import average_pool, conv, conv_transpose, pad, resample, upsample

TYPES = {"fp32": torch.float32, "fp16": torch.float16, "int32": torch.int32, "bool": torch.bool}


def _tensor(value: Any, like: Tensor) -> Tensor:
    return value if isinstance(value, Tensor) else torch.tensor(value, dtype=like.dtype)


def _ints(value: Any) -> list[int]:
    return [int(part) for part in value]


def _binary(function: Callable[[Tensor, Tensor], Tensor]) -> Callable[..., Tensor]:
    def apply(x: Any, y: Any) -> Tensor:
        first = x if isinstance(x, Tensor) else _tensor(x, y)
        return function(first, _tensor(y, first))

    return apply


def _slice(
    x: Tensor,
    begin: Any,
    end: Any,
    stride: Any = None,
    begin_mask: Any = None,
    end_mask: Any = None,
    squeeze_mask: Any = None,
) -> Tensor:
    axes = x.dim()
    masks = [_bools(mask, axes) for mask in (begin_mask, end_mask, squeeze_mask)]
    steps = [1] * axes if stride is None else _ints(stride)
    index: list[Any] = []
    for axis, (first, last) in enumerate(zip(_ints(begin), _ints(end), strict=True)):
        if masks[2][axis]:
            index.append(first)
            continue
        index.append(
            slice(None if masks[0][axis] else first, None if masks[1][axis] else last, steps[axis])
        )
    return x[tuple(index)]


def _bools(mask: Any, axes: int) -> list[bool]:
    return [False] * axes if mask is None else [bool(part) for part in mask]


def _concat(values: list[Any], axis: int, interleave: bool = False) -> Tensor:
    if interleave:
        raise ArtifactError("the evaluator does not know interleaved concatenation")
    return torch.cat([_at_least_1d(value) for value in values], int(axis))


def _at_least_1d(value: Any) -> Tensor:
    """Scalars may be concatenated too: shapes are made so."""
    tensor = value if isinstance(value, Tensor) else torch.tensor(value, dtype=torch.int32)
    return tensor.reshape(1) if tensor.dim() == 0 else tensor


def _gather(
    x: Tensor, indices: Any, axis: int = 0, batch_dims: int = 0, validate_indices: bool = False
) -> Tensor:
    """Rows of ``x`` along ``axis``; one outside, undefined by the operator, is an error."""
    if int(batch_dims):
        raise ArtifactError("the evaluator does not know batched gathers", got=str(batch_dims))
    del validate_indices  # always done here
    places = indices if isinstance(indices, Tensor) else torch.tensor(int(indices))
    if places.is_floating_point():
        raise ArtifactError(
            "the indices of a gather are not whole numbers",
            expected="int32",
            got=str(places.dtype),
            fix="export the artifact again with cdfi-export",
        )
    axis = int(axis) % x.dim()
    found = x.index_select(axis, places.reshape(-1).long())
    return found.reshape(x.shape[:axis] + places.shape + x.shape[axis + 1 :])


def _split(x: Tensor, axis: int, num_splits: Any = None, split_sizes: Any = None) -> list[Tensor]:
    axis = int(axis)
    if split_sizes is None:
        return list(x.chunk(int(num_splits), axis))
    return list(torch.split(x, _ints(split_sizes), axis))


def _matmul(x: Tensor, y: Tensor, transpose_x: bool = False, transpose_y: bool = False) -> Tensor:
    first, second = (
        side.float().transpose(-1, -2) if turned else side.float()
        for side, turned in ((x, transpose_x), (y, transpose_y))
    )
    return torch.matmul(first, second)


def _number(value: Any) -> int | float:
    number: int | float = value.item() if isinstance(value, Tensor) else value
    return number


def _expanded(x: Tensor, axes: list[int]) -> list[int]:
    shape = list(x.shape)
    for axis in sorted(a % (x.dim() + len(axes)) for a in axes):
        shape.insert(axis, 1)
    return shape


OPERATORS: dict[str, Callable[..., Any]] = {
    "abs": torch.abs,
    "add": _binary(torch.add),
    "avg_pool": average_pool,
    "cast": lambda x, dtype: x.to(TYPES[str(dtype)]),
    "clip": lambda x, alpha, beta: x.clamp(float(alpha), float(beta)),
    "concat": _concat,
    "constexpr_affine_dequantize": affine_dequantize,
    "constexpr_lut_to_dense": lut_to_dense,
    "constexpr_sparse_to_dense": sparse_to_dense,
    "conv": conv,
    "conv_transpose": conv_transpose,
    "expand_dims": lambda x, axes: x.reshape(_expanded(x, _ints(axes))),
    "floor": torch.floor,
    "gather": _gather,
    "identity": lambda x: x,
    "leaky_relu": lambda x, alpha: F.leaky_relu(x, float(alpha)),
    "matmul": _matmul,
    "maximum": _binary(torch.maximum),
    "minimum": _binary(torch.minimum),
    "mul": _binary(torch.mul),
    "pad": pad,
    "pixel_shuffle": lambda x, upscale_factor: F.pixel_shuffle(x, int(upscale_factor)),
    "range_1d": lambda end, start, step: torch.arange(_number(start), _number(end), _number(step)),
    "real_div": _binary(torch.true_divide),
    "reduce_mean": lambda x, axes, keep_dims=False: x.float().mean(_ints(axes), bool(keep_dims)),
    "reduce_sum": lambda x, axes, keep_dims=False: x.float().sum(_ints(axes), bool(keep_dims)),
    "relu": torch.relu,
    "resample": resample,
    "reshape": lambda x, shape: x.reshape(_ints(shape)),
    "rsqrt": lambda x, epsilon=0.0: torch.rsqrt(x + float(epsilon)),
    "shape": lambda x: torch.tensor(x.shape, dtype=torch.int32),
    "sigmoid": torch.sigmoid,
    "sign": torch.sign,
    "slice_by_index": _slice,
    "softmax": lambda x, axis: torch.softmax(x.float(), int(axis)),
    "split": _split,
    "squeeze": lambda x, axes: x.squeeze(tuple(_ints(axes))),
    "stack": lambda values, axis: torch.stack(values, int(axis)),
    "sub": _binary(torch.sub),
    "transpose": lambda x, perm: x.permute(_ints(perm)),
    "upsample_bilinear": upsample,
}
