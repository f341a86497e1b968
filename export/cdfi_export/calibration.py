"""Real frames for the ranges of activations."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cdfi_export.frame_size import FrameSize

if TYPE_CHECKING:
    from cdfi_export.format_spec import FramePair


def calibration_pairs(folder: Path | None, size: FrameSize, *, count: int) -> tuple[FramePair, ...]:
    """Frame pairs of the graph's size, spread over the image sets of ``folder``.

    Args:
        folder: Image sets in a known layout, or a video; ``None`` takes the runtime's triplet.
        size: Of the graph; larger frames are cut at their centre, smaller ones padded as the
            runtime pads.
        count: At most so many.

    Returns:
        Pairs of ``(1, H, W, 3)`` float32 in [0, 1].

    Raises:
        InputError: no image sets, or an image that cannot be read.
    """
    from cdfi_model.data.image_sets import find_image_sets, sample_set
    from cdfi_runtime.images import read_image

    sets = [sample_set()] if folder is None else find_image_sets(folder)
    triplets = [triplet for image_set in sets for triplet in image_set.triplets]
    taken = sorted({index * len(triplets) // count for index in range(count)})
    pairs = []
    for triplet in (triplets[index] for index in taken):
        frames = [read_image(path) for path in (triplet.frame0, triplet.frame2)]
        first, second = (_fit(frame, size) for frame in frames)
        pairs.append((first, second))
    return tuple(pairs)


def _fit(frame: NDArray[np.uint8], size: FrameSize) -> NDArray[np.float32]:
    from cdfi_runtime.frames import to_network
    from cdfi_runtime.manifest import SizeInfo
    from cdfi_runtime.padding import centre_cut, pad

    graph = SizeInfo(dynamic=False, width=size.width, height=size.height)
    part = frame[centre_cut(graph, *frame.shape[:2])]
    planes = pad(to_network(part), size.height, size.width, "reflect")
    return np.ascontiguousarray(planes.transpose(0, 2, 3, 1))
