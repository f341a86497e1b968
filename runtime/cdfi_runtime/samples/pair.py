"""The built-in pair as the frames of a graph, for measuring speed and memory."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cdfi_runtime.frames import to_network
from cdfi_runtime.images import read_image
from cdfi_runtime.manifest import Manifest
from cdfi_runtime.padding import crop, graph_size, pad
from cdfi_runtime.samples import sample_triplet


def sample_pair(
    manifest: Manifest, width: int, height: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Both frames ``(1, 3, H, W)`` in [0, 1], cropped or mirrored to what a graph takes.

    Real frames, for gathers and warps depend on the picture.

    Args:
        manifest: The graph's.
        width: Of the frames before the graph's padding.
        height: The same.

    Raises:
        InputError: the graph is fixed at a smaller size.
    """
    height, width = graph_size(manifest, height, width)
    first, _, last = (to_network(read_image(path)) for path in sample_triplet())
    tall, wide = max(height, first.shape[2]), max(width, first.shape[3])
    frame0, frame2 = (
        crop(pad(frame, tall, wide, "reflect"), height, width).copy() for frame in (first, last)
    )
    return frame0, frame2
