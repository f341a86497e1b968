"""The built-in pair as the frames of a graph, for measuring speed and memory."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cdfi_runtime.frames import to_network
from cdfi_runtime.images import read_image
from cdfi_runtime.manifest import Manifest
from cdfi_runtime.padding import crop, graph_size, pad
from cdfi_runtime.samples import sample_triplet

Planes = NDArray[np.float32]


def sample_pair(manifest: Manifest, width: int, height: int) -> tuple[Planes, Planes]:
    """Both frames ``(1, 3, H, W)`` in [0, 1], cropped or mirrored to what a graph takes.

    Real frames, for gathers and warps depend on the picture.

    Args:
        manifest: The graph's.
        width: Of the frames before the graph's padding.
        height: The same.

    Raises:
        InputError: the graph is fixed at a smaller size.
    """
    frame0, _, frame2 = sample_frames(manifest, width, height)
    return frame0, frame2


def sample_frames(manifest: Manifest, width: int, height: int) -> tuple[Planes, Planes, Planes]:
    """As :func:`sample_pair`, with the true middle frame between the two."""
    height, width = graph_size(manifest, height, width)
    first, middle, last = (
        _fit(to_network(read_image(path)), height, width) for path in sample_triplet()
    )
    return first, middle, last


def _fit(frame: Planes, height: int, width: int) -> Planes:
    tall, wide = max(height, frame.shape[2]), max(width, frame.shape[3])
    return crop(pad(frame, tall, wide, "reflect"), height, width).copy()
