"""Choosing training triplets: which frames of which clip, and which crop of them."""

from __future__ import annotations

import math
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from cdfi_runtime.errors import InputError
from numpy.typing import NDArray

from .clips import ClipInfo, decode_clip
from .dis_flow import load_cv2

STRIDES = (1, 2, 3)
DUPLICATE = 0.3  # mean absolute difference (0..255 scale) under which two frames are the same
PSNR_RANGE = (17.0, 38.0)  # dB of the frame average against the true middle
RUN_LENGTH = 240  # frames held in memory at once
_COMPLETE = 0.9  # share of the expected frames under which a clip counts as cut short
_TRIES = 3  # random crop positions among which the one with most motion is taken
_ROUNDS = 2  # crops taken at most from one frame triplet
_THUMB = 4  # motion is measured on frames shrunk by this factor

Frame = NDArray[np.uint8]


@dataclass(frozen=True)
class TripletSpec:
    """A chosen triplet: frames `frame`, `frame + stride`, `frame + 2 * stride` of a clip.

    `y` and `x` are the crop's top left corner in pixels of the shrunk frame, `scale` the factor
    the clip was shrunk by. `average_psnr` (dB) is how well the mean of the outer frames predicts
    the middle one on the crop; `rank` orders the triplets of a group, higher first.
    """

    clip: ClipInfo
    frame: int
    stride: int
    y: int
    x: int
    scale: float
    average_psnr: float
    rank: float


@dataclass(frozen=True)
class Run:
    """Consecutive frames with no cut, no duplicate and no damaged frame among them.

    `frames` are uint8 (height, width, 3); `thumbs` are the same as grey, shrunk four times.
    """

    start: int
    frames: tuple[Frame, ...]
    thumbs: tuple[Frame, ...]


def find_runs(frames: Iterable[tuple[int, Frame]], cuts: Iterable[int]) -> Iterator[Run]:
    """Split a decoded clip into runs of 3 to 240 frames.

    `frames` yields (index, uint8 (height, width, 3)); `cuts` are indices of first frames after
    a cut. A new run starts at a cut, at a gap in the indices, and when a run is full. A frame
    that repeats the one before it ends a run and belongs to none: it may stand in for a lost
    frame, so that the step after it would be twice as long.
    """
    cv2 = load_cv2()
    borders = frozenset(cuts)
    start = -1
    held: list[Frame] = []
    thumbs: list[Frame] = []
    previous: Frame | None = None
    for index, frame in frames:
        repeats = previous is not None and _repeats(previous, frame)
        previous = frame
        full = len(held) == RUN_LENGTH
        if held and (repeats or full or index in borders or index != start + len(held)):
            if len(held) >= 3:
                yield Run(start, tuple(held), tuple(thumbs))
            held, thumbs = [], []
        if repeats:
            continue
        if not held:
            start = index
        height, width = frame.shape[:2]
        small = (max(1, width // _THUMB), max(1, height // _THUMB))
        grey = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)
        held.append(frame)
        thumbs.append(np.asarray(cv2.resize(grey, small, interpolation=cv2.INTER_AREA), np.uint8))
    if len(held) >= 3:
        yield Run(start, tuple(held), tuple(thumbs))


def _repeats(previous: Frame, frame: Frame) -> bool:
    return float(np.mean(load_cv2().absdiff(frame, previous))) < DUPLICATE


def plan_clip(
    clip: ClipInfo, *, crop: int, budget: int, seed: int, notes: dict[str, str] | None = None
) -> list[TripletSpec]:
    """Choose up to `budget` triplets of a clip, spread over it and favouring motion.

    `crop` is the side of the square crops in pixels. The result depends only on the clip's name
    and frames, `crop`, `budget` and `seed`. A clip that ends long before its expected length is
    used as far as it goes; `notes` then gets a line under its name.
    Raises `InputError` when the clip can't be decoded or its frames are smaller than the crop.
    """
    rng = np.random.default_rng([seed, zlib.crc32(clip.name.encode())])
    chosen: list[TripletSpec] = []
    decoded = 0

    def counted() -> Iterator[tuple[int, Frame]]:
        nonlocal decoded
        for index, frame in decode_clip(clip):
            decoded = index + 1
            yield index, frame

    for run in find_runs(counted(), clip.cuts):
        height, width = run.frames[0].shape[:2]
        if min(height, width) < crop:
            raise InputError(
                f"the clip {clip.path} is smaller than the crop",
                expected=f"frames of at least {crop} x {crop} px",
                got=f"{width} x {height} px",
                fix="take a smaller crop or leave the clip out",
            )
        share = math.ceil(budget * len(run.frames) / max(clip.frames, len(run.frames)))
        chosen += _plan_run(clip, run, crop, share, rng)
    if notes is not None and decoded < _COMPLETE * clip.frames:
        notes[clip.name] = f"ends after {decoded} of {clip.frames} frames"
    return sorted(chosen, key=lambda spec: -spec.rank)[:budget]


def balance_groups(specs: list[TripletSpec], count: int) -> list[TripletSpec]:
    """Keep the best `count` specs, taking equally many from every group as far as they last.

    The limit per group is the smallest that reaches `count`; fewer come back when there are
    not enough. Within a group the higher `rank` wins.
    """
    sizes = sorted(Counter(spec.clip.group for spec in specs).values())
    limit = next(
        (top for top in range(1, count + 1) if sum(min(size, top) for size in sizes) >= count),
        count,
    )
    taken: Counter[str] = Counter()
    kept: list[TripletSpec] = []
    for spec in sorted(specs, key=_order):
        if taken[spec.clip.group] < limit:
            taken[spec.clip.group] += 1
            kept.append(spec)
    excess = len(kept) - count  # at most one per group: drop the lowest ranks
    return sorted(kept, key=_order)[: len(kept) - max(0, excess)]


def _order(spec: TripletSpec) -> tuple[float, str, int, int, int, int]:
    return (-spec.rank, spec.clip.name, spec.frame, spec.stride, spec.y, spec.x)


def _plan_run(
    clip: ClipInfo, run: Run, crop: int, budget: int, rng: np.random.Generator
) -> list[TripletSpec]:
    cv2 = load_cv2()
    length = len(run.frames)
    places = [(i, s) for s in STRIDES for i in range(length - 2 * s)]
    motion = np.array(
        [float(np.mean(cv2.absdiff(run.thumbs[i], run.thumbs[i + 2 * s]))) for i, s in places]
    )
    # Weighted order without replacement: the exponential race, lowest time first.
    weight = np.sqrt(np.clip(motion, 0.2, 12.0)) / np.array([s for _, s in places])
    race = rng.exponential(size=len(places)) / weight
    scale = min(clip.width, clip.height) / min(run.frames[0].shape[:2])
    chosen: list[TripletSpec] = []
    for _ in range(_ROUNDS):
        for place in np.argsort(race, kind="stable"):
            if len(chosen) >= budget:
                return chosen
            i, stride = places[int(place)]
            y, x = _busiest_crop(run.thumbs[i], run.thumbs[i + 2 * stride], run, crop, rng)
            triplet = run.frames[i : i + 2 * stride + 1 : stride]
            psnr = _average_psnr(*(image[y : y + crop, x : x + crop] for image in triplet))
            if PSNR_RANGE[0] <= psnr <= PSNR_RANGE[1]:
                chosen.append(
                    TripletSpec(
                        clip=clip,
                        frame=run.start + i,
                        stride=stride,
                        y=y,
                        x=x,
                        scale=round(scale, 3),
                        average_psnr=round(psnr, 3),
                        rank=-float(race[place]),
                    )
                )
    return chosen


def _busiest_crop(
    first: Frame, last: Frame, run: Run, crop: int, rng: np.random.Generator
) -> tuple[int, int]:
    height, width = run.frames[0].shape[:2]
    difference = load_cv2().absdiff(first, last)
    side = max(1, crop // _THUMB)
    best, best_motion = (0, 0), -1.0
    for _ in range(_TRIES):
        y = int(rng.integers(height - crop + 1))
        x = int(rng.integers(width - crop + 1))
        top, left = y // _THUMB, x // _THUMB
        motion = float(np.mean(difference[top : top + side, left : left + side]))
        if motion > best_motion:
            best, best_motion = (y, x), motion
    return best


def _average_psnr(first: Frame, middle: Frame, last: Frame) -> float:
    average = (first.astype(np.float32) + last.astype(np.float32)) / 2
    error = float(np.mean(np.square(average - middle)))
    return 10 * math.log10(255.0**2 / max(error, 1e-6))
