"""A small evaluator of Core ML programs, for machines without Core ML.

It computes a saved ML Program operator by operator with torch, so that a conversion can be held
against the network's own frames anywhere. It is not Apple's runtime: it says whether the program is
right, not how a phone rounds. An operator it does not know is an error, never a guess.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from cdfi_runtime.errors import ArtifactError, InputError, MissingDependencyError, first_line
from torch import Tensor

from cdfi_export.quiet import quiet

Values = dict[str, Any]
_TYPES = {"fp32": torch.float32, "fp16": torch.float16, "int32": torch.int32, "bool": torch.bool}


def load_program(path: Path) -> Any:
    """The MIL program that ``path``, a ``.mlpackage``, holds.

    Raises:
        ArtifactError: it is no ML Program.
        MissingDependencyError: coremltools is not installed.
    """
    try:
        with quiet():
            import coremltools
            from coremltools.converters.mil.frontend.milproto.load import load
    except ImportError as error:
        raise MissingDependencyError(
            "coremltools", extra="coreml", needed_for="reading a Core ML program"
        ) from error
    try:
        model = coremltools.models.MLModel(str(path), skip_model_load=True)
        spec = model.get_spec()
        return load(spec, spec.specificationVersion, file_weights_dir=model.weights_dir)
    except Exception as error:  # whatever a broken package does to the loader
        raise ArtifactError(
            f"{path.name} is no Core ML program",
            expected="a complete .mlpackage with an ML Program",
            got=first_line(error),
            fix="copy or export it again",
        ) from error


@torch.no_grad()
def evaluate(program: Any, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
    """Run the program's main function.

    Raises:
        InputError: an input is missing or has another shape.
        ArtifactError: an operator that is not known here.
    """
    function = program.functions["main"]
    values: Values = {}
    for name, variable in function.inputs.items():
        if name not in inputs or tuple(inputs[name].shape) != tuple(variable.shape):
            got = tuple(inputs[name].shape) if name in inputs else "nothing"
            raise InputError(
                f"the program's input '{name}' does not fit",
                expected=str(tuple(variable.shape)),
                got=str(got),
            )
        values[variable.name] = inputs[name].to(_dtype(variable))
    for operation in function.operations:
        _run(operation, values)
    return {variable.name: values[variable.name] for variable in function.outputs}


def _run(operation: Any, values: Values) -> None:
    kind = operation.op_type
    if kind == "const":
        return  # read where it is used
    known = OPERATORS.get(kind)
    if known is None:
        raise ArtifactError(
            f"the program uses the operator '{kind}', which the evaluator does not know",
            expected=", ".join(sorted(OPERATORS)),
            got=f"{kind} ({operation.name})",
            fix="check this artifact with Core ML itself, on macOS",
        )
    arguments = {name: _value(item, values) for name, item in operation.inputs.items()}
    results = known(**arguments)
    if not isinstance(results, tuple | list):
        results = [results]
    for variable, result in zip(operation.outputs, results, strict=True):
        # Each operator rounds to the type that the program declares: half precision shows here.
        values[variable.name] = result.to(_dtype(variable))


def _value(item: Any, values: Values) -> Any:
    if isinstance(item, tuple | list):
        return [_value(part, values) for part in item]
    if item.name in values:
        return values[item.name]
    constant = item.val
    if isinstance(constant, np.ndarray):
        return torch.from_numpy(np.array(constant))
    return constant.item() if isinstance(constant, np.generic) else constant


def _dtype(variable: Any) -> torch.dtype:
    from coremltools.converters.mil.mil import types

    return _TYPES[types.builtin_to_string(variable.dtype)]


def _tensor(value: Any, like: Tensor) -> Tensor:
    return value if isinstance(value, Tensor) else torch.tensor(value, dtype=like.dtype)


def _ints(value: Any) -> list[int]:
    return [int(part) for part in value]


def _binary(function: Callable[[Tensor, Tensor], Tensor]) -> Callable[..., Tensor]:
    def apply(x: Any, y: Any) -> Tensor:
        first = x if isinstance(x, Tensor) else _tensor(x, y)
        return function(first, _tensor(y, first))

    return apply


def _pads(pad_type: str, pad: Any) -> list[int]:
    if pad_type == "valid":
        return [0, 0, 0, 0]
    if pad_type != "custom":
        raise ArtifactError("the evaluator knows explicit padding only", got=str(pad_type))
    return _ints(pad)


def _conv(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    strides: Any = (1, 1),
    pad_type: str = "valid",
    pad: Any = (0, 0, 0, 0),
    dilations: Any = (1, 1),
    groups: int = 1,
) -> Tensor:
    top, bottom, left, right = _pads(pad_type, pad)
    # Half precision convolutions sum in single precision, as the hardware does.
    padded = F.pad(x.float(), (left, right, top, bottom))
    offset = None if bias is None else bias.float()
    return F.conv2d(
        padded, weight.float(), offset, _ints(strides), 0, _ints(dilations), int(groups)
    )


def _conv_transpose(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    strides: Any = (1, 1),
    pad_type: str = "valid",
    pad: Any = (0, 0, 0, 0),
    dilations: Any = (1, 1),
    groups: int = 1,
    output_shape: Any = None,
) -> Tensor:
    if any(_pads(pad_type, pad)) or set(_ints(dilations)) != {1}:
        raise ArtifactError("the evaluator knows transposed convolutions without padding only")
    offset = None if bias is None else bias.float()
    result = F.conv_transpose2d(
        x.float(), weight.float(), offset, _ints(strides), 0, 0, int(groups)
    )
    if output_shape is not None and list(result.shape) != _ints(output_shape):
        raise ArtifactError(
            "a transposed convolution declares another shape than it has",
            expected=str(_ints(output_shape)),
            got=str(list(result.shape)),
        )
    return result


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


def _pad(x: Tensor, pad: Any, mode: str = "constant", constant_val: float = 0.0) -> Tensor:
    pairs = np.array(_ints(pad)).reshape(-1, 2)[::-1]
    amounts = [int(part) for pair in pairs for part in pair]
    if mode != "constant":
        while len(amounts) > 4 and amounts[-2:] == [0, 0]:
            amounts = amounts[:-2]
        return F.pad(x.float(), amounts, mode=mode)
    return F.pad(x, amounts, value=float(constant_val))


def _resample(
    x: Tensor,
    coordinates: Tensor,
    sampling_mode: str,
    padding_mode: str,
    padding_value: float,
    coordinates_mode: str,
    align_corners: bool,
) -> Tensor:
    modes = {"constant": "zeros", "border": "border", "reflection": "reflection"}
    if coordinates_mode != "normalized_minus_one_to_one" or float(padding_value):
        raise ArtifactError(
            "the evaluator knows normalised coordinates and zero padding only",
            got=f"{coordinates_mode}, {padding_value}",
        )
    if coordinates.dtype != torch.float32:
        raise ArtifactError(
            "the coordinates of a resample are not single precision",
            expected="float32: half precision is off by tenths of a pixel at phone sizes",
            got=str(coordinates.dtype),
            fix="export the artifact again with cdfi-export",
        )
    return F.grid_sample(
        x.float(), coordinates, sampling_mode, modes[padding_mode], bool(align_corners)
    )


def _concat(values: list[Tensor], axis: int, interleave: bool = False) -> Tensor:
    if interleave:
        raise ArtifactError("the evaluator does not know interleaved concatenation")
    return torch.cat(values, int(axis))


def _upsample(
    x: Tensor, scale_factor_height: float, scale_factor_width: float, align_corners: bool
) -> Tensor:
    scale = (float(scale_factor_height), float(scale_factor_width))
    return F.interpolate(
        x.float(), scale_factor=scale, mode="bilinear", align_corners=bool(align_corners)
    )


OPERATORS: dict[str, Callable[..., Any]] = {
    "add": _binary(torch.add),
    "sub": _binary(torch.sub),
    "mul": _binary(torch.mul),
    "cast": lambda x, dtype: x.to(_TYPES[str(dtype)]),
    "clip": lambda x, alpha, beta: x.clamp(float(alpha), float(beta)),
    "concat": _concat,
    "conv": _conv,
    "conv_transpose": _conv_transpose,
    "expand_dims": lambda x, axes: x.reshape(_expanded(x, _ints(axes))),
    "floor": torch.floor,
    "leaky_relu": lambda x, alpha: F.leaky_relu(x, float(alpha)),
    "pad": _pad,
    "pixel_shuffle": lambda x, upscale_factor: F.pixel_shuffle(x, int(upscale_factor)),
    "reduce_mean": lambda x, axes, keep_dims=False: x.float().mean(_ints(axes), bool(keep_dims)),
    "resample": _resample,
    "reshape": lambda x, shape: x.reshape(_ints(shape)),
    "rsqrt": lambda x, epsilon=0.0: torch.rsqrt(x + float(epsilon)),
    "sigmoid": torch.sigmoid,
    "slice_by_index": _slice,
    "softmax": lambda x, axis: torch.softmax(x.float(), int(axis)),
    "squeeze": lambda x, axes: x.squeeze(tuple(_ints(axes))),
    "stack": lambda values, axis: torch.stack(values, int(axis)),
    "transpose": lambda x, perm: x.permute(_ints(perm)),
    "upsample_bilinear": _upsample,
}


def _expanded(x: Tensor, axes: list[int]) -> list[int]:
    shape = list(x.shape)
    for axis in sorted(a % (x.dim() + len(axes)) for a in axes):
        shape.insert(axis, 1)
    return shape
