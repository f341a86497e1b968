"""OpenCV's DIS optical flow (Kroeger et al., ECCV 2016): both frames warped half-way, averaged.

With flow F between the frames in both directions, motion is taken as linear and as valid at the
middle frame's own pixels: m = (F_0to2 - F_2to0) / 2, frame 0 is sampled at x - m / 2, frame 2 at
x + m / 2, bilinearly, and the two samples are averaged. No occlusion reasoning.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from cdfi_runtime.errors import MissingDependencyError
from numpy.typing import NDArray

from cdfi_bench.baselines import BASELINES, Baseline
from cdfi_bench.predictors import Predictor, RawFrame

LABEL = "OpenCV DIS"
_LEAST = 64  # pixels: smaller frames are padded, the flow's coarsest patches need that room


class DisBlend:
    """DIS (medium preset) warp and blend. One thread: results must not depend on the machine.

    Raises:
        MissingDependencyError: OpenCV is not installed.
    """

    label = LABEL

    def __init__(self) -> None:
        try:
            import cv2
        except ImportError as error:
            raise MissingDependencyError("cv2", extra="video", needed_for=LABEL) from error
        self._cv2: Any = cv2
        self._dis = self._cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)

    def predict(self, frame0: NDArray[Any], frame2: NDArray[Any]) -> RawFrame:
        """See :class:`cdfi_bench.predictors.Predictor`."""
        height, width = frame0.shape[:2]
        room = ((0, max(0, _LEAST - height)), (0, max(0, _LEAST - width)), (0, 0))
        padded = [np.pad(frame, room, mode="edge") for frame in (frame0, frame2)]
        threads = self._cv2.getNumThreads()
        self._cv2.setNumThreads(1)
        try:
            middle = self._middle(*padded)
        finally:
            self._cv2.setNumThreads(threads)
        return np.ascontiguousarray(middle[:height, :width])

    def _middle(self, frame0: NDArray[Any], frame2: NDArray[Any]) -> RawFrame:
        cv2 = self._cv2
        grey0, grey2 = (cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in (frame0, frame2))
        forward = self._dis.calc(grey0, grey2, None)
        backward = self._dis.calc(grey2, grey0, None)
        quarter = (forward - backward) / 4
        rows, columns = np.mgrid[: grey0.shape[0], : grey0.shape[1]]
        here = np.dstack((columns, rows)).astype(np.float32)
        total = self._sample(frame0, here - quarter) + self._sample(frame2, here + quarter)
        return np.asarray(total / np.float32(510), np.float32)

    def _sample(self, frame: NDArray[Any], where: NDArray[np.float32]) -> NDArray[np.float32]:
        cv2 = self._cv2
        sampled = cv2.remap(
            frame.astype(np.float32), where, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        return np.asarray(sampled, np.float32)


def _load() -> Predictor:
    return DisBlend()


BASELINES.register(Baseline("dis", LABEL, _load))
