"""What can be asked for a middle frame: an opened artifact, or the mean of the two frames."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from cdfi_runtime.frames import to_network
from cdfi_runtime.manifest import Manifest
from cdfi_runtime.middle import raw_middle
from cdfi_runtime.runtimes import Session
from numpy.typing import NDArray

RawFrame = NDArray[np.float32]


class Predictor(Protocol):
    """Makes raw middle frames. ``label`` names it in reports."""

    label: str

    def predict(self, frame0: NDArray[Any], frame2: NDArray[Any]) -> RawFrame:
        """The middle of two ``(H, W, 3)`` uint8 frames: float32, neither clipped nor rounded."""
        ...


class FrameAverage:
    """The mean of the two frames: the least that any network must beat."""

    label = "frame average"

    def predict(self, frame0: NDArray[Any], frame2: NDArray[Any]) -> RawFrame:
        """See :class:`Predictor`."""
        total = frame0.astype(np.float32) + frame2.astype(np.float32)
        return total / np.float32(510)


class SessionPredictor:
    """An opened artifact or network with the padding around it.

    Args:
        session: What runs.
        label: Its name in reports.
        like: Pad as this manifest says instead of the session's own, so that a reference sees
            exactly the tensors that the artifact sees.
    """

    def __init__(self, session: Session, label: str, *, like: Manifest | None = None) -> None:
        self.label = label
        self._session = session
        self._like = like

    def predict(self, frame0: NDArray[Any], frame2: NDArray[Any]) -> RawFrame:
        """See :class:`Predictor`.

        Raises:
            InputError: the frames are larger than a fixed-size graph.
            ArtifactError: the output has another shape than the input, or is not finite.
        """
        planes = (to_network(frame) for frame in (frame0, frame2))
        raw = raw_middle(self._session, *planes, like=self._like)
        return np.ascontiguousarray(raw[0].transpose(1, 2, 0))
