"""Pictures of where an artifact's raw output differs most from its reference's.

Differences of float32 are far below one level of 8 bit, so each case has a scale of its own.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from cdfi_runtime.metrics import to_8bit
from numpy.typing import NDArray

from cdfi_bench.gallery import CROP, Case, Gallery, Picture, encode, error_map, worst_corner
from cdfi_bench.pairs import Pair
from cdfi_bench.predictors import RawFrame
from cdfi_bench.report import ImageRow

_WIDEST = 384  # pixels of the map of a whole frame
_FULL_PERCENTILE = 99.9  # single pixels far off must not darken all others


def difference_gallery() -> Gallery:
    """Collects the pairs of each subject and image set that are furthest from the reference."""
    return Gallery(_rank, _draw)


def _rank(_pair: Pair, row: ImageRow) -> float | None:
    return None if row.parity is None else row.parity.psnr_db  # identical: nothing to see


def _draw(
    subject: str,
    image_set: str,
    pair: Pair,
    output: RawFrame,
    expected: RawFrame | None,
    psnr_db: float,
) -> Case:
    assert expected is not None  # without a reference there is no parity to rank by
    return difference_case(subject, image_set, pair.name, output, expected, psnr_db)


def difference_case(
    subject: str,
    image_set: str,
    name: str,
    output: RawFrame,
    expected: RawFrame,
    psnr_db: float | None,
) -> Case:
    """Pictures of ``|output - expected|``: the whole frame, and a crop where it is largest.

    Args:
        subject: The artifact's name in its row.
        image_set: The image set in its row, under which the page shows it.
        name: Of the frame pair.
        output: ``(H, W, 3)``, values in about [0, 1], neither clipped nor rounded.
        expected: The reference's, of the same shape.
        psnr_db: The PSNR between them; ``None`` if they are identical.
    """
    # Largest over the channels: an error in one of them shows as any other.
    error = np.abs(output.astype(np.float64) - expected.astype(np.float64)).max(-1)
    height, width = error.shape
    wide, tall = min(CROP[0], width), min(CROP[1], height)
    left, top = worst_corner(error**2, wide, tall)
    window = np.s_[top : top + tall, left : left + wide]
    full = _full_scale(error)
    pictures = (
        Picture("difference, whole frame", encode(error_map(_reduced(error), full))),
        Picture("difference there", encode(error_map(error[window], full))),
        Picture("artifact", encode(to_8bit(output)[window])),
        Picture("reference", encode(to_8bit(expected)[window])),
    )
    return Case(
        subject,
        image_set,
        name,
        math.inf if psnr_db is None else psnr_db,
        left,
        top,
        pictures,
        scale=f"{full:.0e} of full scale and more; largest {error.max():.1e}",
    )


def _full_scale(error: NDArray[Any]) -> float:
    """The next of 1, 2, 5, 10 ... above nearly all errors; any will do where there are none."""
    typical = float(np.percentile(error, _FULL_PERCENTILE)) or float(error.max())
    if typical == 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(typical))
    return next(digit * power for digit in (1, 2, 5, 10, 20) if digit * power >= typical)


def _reduced(error: NDArray[np.float64]) -> NDArray[np.float64]:
    """At most :data:`_WIDEST` wide; a pixel is the largest of its block, so that none is lost."""
    step = -(-error.shape[1] // _WIDEST)
    rows, columns = (-(-length // step) * step for length in error.shape)
    padded = np.pad(error, ((0, rows - error.shape[0]), (0, columns - error.shape[1])))
    blocks = padded.reshape(rows // step, step, columns // step, step)
    return np.asarray(blocks.max(axis=(1, 3)), np.float64)
