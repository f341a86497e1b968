"""Padding outside the graph: frames of any size in, multiples of the network's stride through it.

Pixels are added at the bottom and right only, so that the crop afterwards keeps the top left. All
of it is integer index arithmetic per axis, which ports to other languages line by line.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from cdfi_runtime.errors import ArtifactError, InputError
from cdfi_runtime.manifest import Manifest, SizeInfo

Mode: TypeAlias = Literal["reflect", "replicate"]


def source_index(position: int, length: int, mode: Mode) -> int:
    """The pixel of an axis of ``length`` pixels that is shown at ``position`` of the padded axis.

    ``reflect`` mirrors at the border pixel without repeating it, again and again when the padding
    is longer than the frame: a triangular wave of period ``2 * (length - 1)``. ``replicate``
    repeats the last pixel, and so does ``reflect`` for an axis of one pixel.
    """
    if mode == "replicate" or length == 1:
        return min(position, length - 1)
    phase = position % (2 * (length - 1))
    return min(phase, 2 * (length - 1) - phase)


def round_up(length: int, multiple: int) -> int:
    """The smallest multiple of ``multiple`` that is at least ``length``."""
    return (length + multiple - 1) // multiple * multiple


def graph_size(manifest: Manifest, height: int, width: int) -> tuple[int, int]:
    """``(height, width)`` to which a frame must be padded for an artifact.

    Raises:
        InputError: the artifact has a fixed size and the frame is larger.
        ArtifactError: the manifest says "fixed" but gives no size.
    """
    size, multiple = manifest.size, manifest.padding.multiple
    if size.dynamic:
        return round_up(height, multiple), round_up(width, multiple)
    if size.width is None or size.height is None:
        raise ArtifactError(
            f"the manifest of {manifest.artifact.file} gives no frame size",
            expected="a width and a height, or a dynamic size",
            got=f"width {size.width}, height {size.height}",
            fix="export the artifact again with cdfi-export",
        )
    if height > size.height or width > size.width:
        raise InputError(
            f"the frames are larger than {manifest.artifact.file} takes",
            expected=f"at most {size.width}x{size.height} pixels",
            got=f"{width}x{height} pixels",
            fix=f"export with cdfi-export --dynamic or --size {width}x{height}",
        )
    return size.height, size.width


def pad(planes: NDArray[np.float32], height: int, width: int, mode: Mode) -> NDArray[np.float32]:
    """``(..., h, w)`` padded at the bottom and right to ``(..., height, width)``, contiguous."""
    old_height, old_width = planes.shape[-2:]
    if (old_height, old_width) == (height, width):
        return np.ascontiguousarray(planes)
    columns = [source_index(column, old_width, mode) for column in range(old_width, width)]
    rows = [source_index(row, old_height, mode) for row in range(old_height, height)]
    padded = np.empty((*planes.shape[:-2], height, width), planes.dtype)
    padded[..., :old_height, :old_width] = planes
    padded[..., :old_height, old_width:] = planes[..., columns]
    padded[..., old_height:, :] = padded[..., rows, :]
    return padded


def crop(planes: NDArray[np.float32], height: int, width: int) -> NDArray[np.float32]:
    """The top left ``(..., height, width)`` of ``planes``: undoes :func:`pad`."""
    return planes[..., :height, :width]


def centre_cut(size: SizeInfo, height: int, width: int) -> tuple[slice, slice]:
    """Rows and columns of the centre of a frame that a graph of ``size`` can take.

    For measuring, where a part of a larger frame is better than none. All of the frame for a
    dynamic size.
    """
    rows = height if size.dynamic else min(height, size.height or height)
    columns = width if size.dynamic else min(width, size.width or width)
    top, left = (height - rows) // 2, (width - columns) // 2
    return slice(top, top + rows), slice(left, left + columns)
