"""Real frames for the ranges of activations."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cdfi_export.frame_size import FrameSize

if TYPE_CHECKING:
    from cdfi_export.format_spec import FramePair

    Frames = tuple[NDArray[np.uint8], NDArray[np.uint8]]


def calibration_pairs(folder: Path | None, size: FrameSize, *, count: int) -> tuple[FramePair, ...]:
    """Frame pairs of the graph's size, spread over the image sets of ``folder``.

    Args:
        folder: Image sets in a known layout, a video or a folder of videos; ``None`` takes the
            runtime's triplet.
        size: Of the graph; larger frames are cut at their centre, smaller ones padded as the
            runtime pads.
        count: At most so many.

    Returns:
        Pairs of ``(1, H, W, 3)`` float32 in [0, 1].

    Raises:
        InputError: no image sets, or an image or video that cannot be read.
    """
    from cdfi_model.data.image_sets import find_image_sets, sample_set
    from cdfi_runtime.images import read_image

    videos = [] if folder is None else _videos(folder)
    if videos:
        return tuple(_fit_pair(pair, size) for pair in _from_videos(videos, count))
    sets = [sample_set()] if folder is None else find_image_sets(folder)
    triplets = [triplet for image_set in sets for triplet in image_set.triplets]
    taken = sorted({index * len(triplets) // count for index in range(count)})
    chosen = (triplets[index] for index in taken)
    read = ((read_image(triplet.frame0), read_image(triplet.frame2)) for triplet in chosen)
    return tuple(_fit_pair(pair, size) for pair in read)


def _videos(path: Path) -> list[Path]:
    from cdfi_model.data.layouts.video import SUFFIXES

    files = sorted(path.iterdir()) if path.is_dir() else [path]
    return [each for each in files if each.is_file() and each.suffix.lower() in SUFFIXES]


def _from_videos(videos: Sequence[Path], count: int) -> Iterator[Frames]:
    """Frames two apart from ``count`` places, spread over the videos and over each one's length.

    They are sought, not decoded from the start: a folder of hours of clips takes seconds.
    """
    from cdfi_model.data.layouts.video import frames_at

    chosen = [videos[place * len(videos) // count] for place in range(count)]
    for place, video in enumerate(chosen):
        share = (place - chosen.index(video) + 1) / (chosen.count(video) + 1)
        first, _, last = frames_at(video, share, 3)
        yield first, last


def _fit_pair(pair: Frames, size: FrameSize) -> FramePair:
    first, second = (_fit(frame, size) for frame in pair)
    return first, second


def _fit(frame: NDArray[np.uint8], size: FrameSize) -> NDArray[np.float32]:
    from cdfi_runtime.frames import to_network
    from cdfi_runtime.manifest import SizeInfo
    from cdfi_runtime.padding import centre_cut, pad

    graph = SizeInfo(dynamic=False, width=size.width, height=size.height)
    part = frame[centre_cut(graph, *frame.shape[:2])]
    planes = pad(to_network(part), size.height, size.width, "reflect")
    return np.ascontiguousarray(planes.transpose(0, 2, 3, 1))
