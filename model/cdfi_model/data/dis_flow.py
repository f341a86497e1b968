"""Optical flow labels from OpenCV's DIS method, from the known middle frame outwards."""

from __future__ import annotations

from typing import Any

import numpy as np
from cdfi_runtime.errors import MissingDependencyError
from numpy.typing import NDArray

MARGIN = 48  # pixels around a crop that the flow search may look at


def load_cv2() -> Any:
    """The `cv2` module; raises `MissingDependencyError` when OpenCV is not installed."""
    try:
        import cv2
    except ImportError as error:
        raise MissingDependencyError("cv2", extra="video", needed_for="optical flow") from error
    return cv2


class FlowLabeller:
    """Computes half-resolution flow labels of crops with DIS (medium preset).

    One thread only: the method's result depends on how its work is split among threads.
    Raises `MissingDependencyError` without OpenCV.
    """

    def __init__(self) -> None:
        self._cv2 = load_cv2()
        self._dis = self._cv2.DISOpticalFlow_create(self._cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)

    def __call__(
        self,
        first: NDArray[np.uint8],
        middle: NDArray[np.uint8],
        last: NDArray[np.uint8],
        y: int,
        x: int,
        crop: int,
    ) -> NDArray[np.float16]:
        """Flow from `middle` to `first` and to `last` on the crop at (`y`, `x`).

        Frames are uint8 (height, width, 3), RGB; `crop` is even. Returns float16
        (2, crop / 2, crop / 2, 2): [to first, to last], each a vector (x, y) averaged over
        2 x 2 pixels, in pixels of the full-resolution crop.
        """
        height, width = middle.shape[:2]
        top, left = max(0, y - MARGIN), max(0, x - MARGIN)
        area = np.s_[top : min(height, y + crop + MARGIN), left : min(width, x + crop + MARGIN)]
        flows = self._search(first[area], middle[area], last[area])
        return _halve(flows[:, y - top : y - top + crop, x - left : x - left + crop])

    def whole(
        self, first: NDArray[np.uint8], middle: NDArray[np.uint8], last: NDArray[np.uint8]
    ) -> NDArray[np.float16]:
        """The same for whole frames of even height and width: (2, height / 2, width / 2, 2)."""
        return _halve(self._search(first, middle, last))

    def _search(
        self, first: NDArray[np.uint8], middle: NDArray[np.uint8], last: NDArray[np.uint8]
    ) -> NDArray[np.float32]:
        threads = self._cv2.getNumThreads()
        self._cv2.setNumThreads(1)
        try:
            greys = [
                self._cv2.cvtColor(np.ascontiguousarray(frame), self._cv2.COLOR_RGB2GRAY)
                for frame in (first, middle, last)
            ]
            return np.stack([self._dis.calc(greys[1], greys[other], None) for other in (0, 2)])
        finally:
            self._cv2.setNumThreads(threads)


def _halve(flows: NDArray[np.float32]) -> NDArray[np.float16]:
    """Average over 2 x 2 pixels; values stay in full-size pixels."""
    sides, height, width, _ = flows.shape
    pooled = flows.reshape(sides, height // 2, 2, width // 2, 2, 2).mean(axis=(2, 4))
    return np.asarray(pooled, np.float16)
