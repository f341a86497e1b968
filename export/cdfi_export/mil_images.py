"""MIL operators that look at a pixel's surroundings: convolutions, padding and sampling."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from cdfi_runtime.errors import ArtifactError
from torch import Tensor


def _ints(value: Any) -> list[int]:
    return [int(part) for part in value]


def _pads(pad_type: str, pad: Any) -> list[int]:
    if pad_type == "valid":
        return [0, 0, 0, 0]
    if pad_type != "custom":
        raise ArtifactError("the evaluator knows explicit padding only", got=str(pad_type))
    return _ints(pad)


def conv(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    strides: Any = (1, 1),
    pad_type: str = "valid",
    pad: Any = (0, 0, 0, 0),
    dilations: Any = (1, 1),
    groups: int = 1,
) -> Tensor:
    """A convolution, summed in single precision."""
    top, bottom, left, right = _pads(pad_type, pad)
    # Half precision convolutions sum in single precision, as the hardware does.
    padded = F.pad(x.float(), (left, right, top, bottom))
    offset = None if bias is None else bias.float()
    return F.conv2d(
        padded, weight.float(), offset, _ints(strides), 0, _ints(dilations), int(groups)
    )


def conv_transpose(
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
    """A transposed convolution without padding, summed in single precision."""
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


def average_pool(
    x: Tensor,
    kernel_sizes: Any,
    strides: Any = (1, 1),
    pad_type: str = "valid",
    pad: Any = (0, 0, 0, 0),
    exclude_padding_from_average: bool = False,
    ceil_mode: bool = False,
) -> Tensor:
    """The mean of each window, windows inside the image only."""
    del exclude_padding_from_average  # there is none
    if any(_pads(pad_type, pad)) or ceil_mode:
        raise ArtifactError("the evaluator knows average pooling without padding only")
    return F.avg_pool2d(x.float(), _ints(kernel_sizes), _ints(strides))


def pad(x: Tensor, pad: Any, mode: str = "constant", constant_val: float = 0.0) -> Tensor:
    """Padding; ``pad`` gives before and after for each of the last axes."""
    pairs = np.array(_ints(pad)).reshape(-1, 2)[::-1]
    amounts = [int(part) for pair in pairs for part in pair]
    if mode != "constant":
        while len(amounts) > 4 and amounts[-2:] == [0, 0]:
            amounts = amounts[:-2]
        return F.pad(x.float(), amounts, mode=mode)
    return F.pad(x, amounts, value=float(constant_val))


def resample(
    x: Tensor,
    coordinates: Tensor,
    sampling_mode: str,
    padding_mode: str,
    padding_value: float,
    coordinates_mode: str,
    align_corners: bool,
) -> Tensor:
    """Samples of ``x`` at normalised ``coordinates (B, h, w, 2)``, column first."""
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


def upsample(
    x: Tensor, scale_factor_height: float, scale_factor_width: float, align_corners: bool
) -> Tensor:
    """Bilinear resizing by whole or fractional factors."""
    scale = (float(scale_factor_height), float(scale_factor_width))
    return F.interpolate(
        x.float(), scale_factor=scale, mode="bilinear", align_corners=bool(align_corners)
    )
