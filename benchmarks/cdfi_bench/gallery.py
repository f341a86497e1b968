"""Pictures of the worst cases: where an output differs most from the true frame.

Differences from a reference instead of the truth are in :mod:`cdfi_bench.differences`.

Each is a crop around the largest error, encoded at once, so that a gallery of any number of frames
stays small.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from cdfi_runtime.metrics import to_8bit
from numpy.typing import NDArray

from cdfi_bench.evaluate import Watch
from cdfi_bench.pairs import Pair
from cdfi_bench.predictors import RawFrame
from cdfi_bench.report import ImageRow

WORST = 3
"""Cases kept for each subject and image set."""
CROP = (192, 144)
"""Width and height of a crop in pixels, less where the frame is smaller."""
MOST_BYTES = 2_000_000
"""Of all pictures together; the mildest cases are left out beyond it."""
FULL_ERROR = 64
"""Levels (of 255) that the error map shows as its brightest."""

# Black over violet and orange to pale yellow: brightness rises evenly, also without colour vision.
_STOPS = np.array([(0, 0, 4), (87, 16, 110), (188, 55, 84), (249, 142, 9), (252, 255, 164)])


@dataclass(frozen=True)
class Picture:
    """A small picture: ``webp`` holds the encoded bytes."""

    caption: str
    webp: bytes


@dataclass(frozen=True)
class Case:
    """One frame pair of a subject on an image set, as pictures of one crop.

    ``left`` and ``top`` are the crop's corner in the frame, in pixels. ``psnr_db`` may be infinite.
    ``scale`` tells what the error maps' brightest stands for, where that differs between cases.
    """

    subject: str
    image_set: str
    name: str
    psnr_db: float
    left: int
    top: int
    pictures: tuple[Picture, ...]
    scale: str = ""

    @property
    def bytes(self) -> int:
        """Size of its pictures."""
        return sum(len(picture.webp) for picture in self.pictures)


Rank: TypeAlias = Callable[[Pair, ImageRow], float | None]
"""The PSNR that pairs are ranked by; ``None`` where there is nothing to show."""
Draw: TypeAlias = Callable[[str, str, Pair, RawFrame, RawFrame | None, float], Case]
"""Draws a pair: subject, image set, pair, output, the reference's output, PSNR."""


def _truth_rank(pair: Pair, row: ImageRow) -> float | None:
    return None if pair.truth is None or row.quality is None else row.quality.psnr_db


def _truth_case(
    subject: str,
    image_set: str,
    pair: Pair,
    output: RawFrame,
    _expected: RawFrame | None,
    psnr_db: float,
) -> Case:
    return _case(subject, image_set, pair, to_8bit(output), psnr_db)


@dataclass
class Gallery:
    """Collects the worst cases of each subject and image set: against the truth, if not told
    otherwise by ``rank`` and ``draw``."""

    rank: Rank = _truth_rank
    draw: Draw = _truth_case
    _worst: dict[tuple[str, str], list[Case]] = field(default_factory=dict)

    def watch(self, subject: str, image_set: str) -> Watch:
        """A function for :func:`cdfi_bench.evaluate.evaluate` that keeps the worst pairs."""
        kept = self._worst.setdefault((subject, image_set), [])

        def see(
            pair: Pair, output: RawFrame, row: ImageRow, expected: RawFrame | None = None
        ) -> None:
            psnr_db = self.rank(pair, row)
            if psnr_db is None or (len(kept) == WORST and psnr_db >= kept[-1].psnr_db):
                return
            kept.append(self.draw(subject, image_set, pair, output, expected, psnr_db))
            kept.sort(key=lambda case: case.psnr_db)
            del kept[WORST:]

        return see

    def cases(self) -> tuple[Case, ...]:
        """Subject by subject, worst first; the mildest are dropped to stay below the limit."""
        found = [case for kept in self._worst.values() for case in kept]
        total, allowed = 0, set()
        for case in sorted(found, key=lambda each: each.psnr_db):
            total += case.bytes
            if total > MOST_BYTES:
                break
            allowed.add(id(case))
        return tuple(case for case in found if id(case) in allowed)


def worst_corner(error: NDArray[np.float64], width: int, height: int) -> tuple[int, int]:
    """Left and top of the window of ``width`` x ``height`` with the largest sum of ``error``."""
    sums = np.pad(error.cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    windows = (
        sums[height:, width:]
        - sums[:-height, width:]
        - sums[height:, :-width]
        + sums[:-height, :-width]
    )
    top, left = np.unravel_index(int(windows.argmax()), windows.shape)
    return int(left), int(top)


def _case(
    subject: str, image_set: str, pair: Pair, output: NDArray[np.uint8], psnr_db: float
) -> Case:
    assert pair.truth is not None
    difference = np.abs(output.astype(np.int16) - pair.truth)
    width, height = min(CROP[0], pair.width), min(CROP[1], pair.height)
    left, top = worst_corner((difference.astype(np.float64) ** 2).sum(-1), width, height)
    window = np.s_[top : top + height, left : left + width]
    frames = {
        "frame 0": pair.frame0,
        "output": output,
        "truth": pair.truth,
        "error": error_map(difference.max(-1), FULL_ERROR),
    }
    pictures = tuple(Picture(name, encode(frame[window])) for name, frame in frames.items())
    return Case(subject, image_set, pair.name, psnr_db, left, top, pictures)


def error_map(error: NDArray[Any], full: float) -> NDArray[np.uint8]:
    """``(H, W)`` errors as ``(H, W, 3)`` colours; ``full`` and more is the brightest."""
    share = np.clip(error / full, 0, 1)
    places = np.linspace(0, 1, len(_STOPS))
    channels = [np.interp(share, places, _STOPS[:, channel]) for channel in range(3)]
    return np.asarray(np.rint(np.stack(channels, axis=-1)), np.uint8)


def encode(frame: NDArray[np.uint8]) -> bytes:
    """``(H, W, 3)`` as WebP."""
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(frame)).save(buffer, "WEBP", quality=85, method=4)
    return buffer.getvalue()
