"""What can be asked for a middle frame: an opened artifact, or the mean of the two frames."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from cdfi_runtime.errors import ArtifactError
from cdfi_runtime.frames import to_network
from cdfi_runtime.manifest import Manifest
from cdfi_runtime.padding import crop, graph_size, pad
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
        self._manifest = like or session.manifest

    def predict(self, frame0: NDArray[Any], frame2: NDArray[Any]) -> RawFrame:
        """See :class:`Predictor`.

        Raises:
            InputError: the frames are larger than a fixed-size graph.
            ArtifactError: the output has another shape than the input, or is not finite.
        """
        height, width = frame0.shape[:2]
        target = graph_size(self._manifest, height, width)
        mode = self._manifest.padding.mode
        padded0, padded2 = (pad(to_network(frame), *target, mode) for frame in (frame0, frame2))
        output = self._session.run(padded0, padded2)
        if output.shape != padded0.shape:
            raise ArtifactError(
                f"{self.label} returns another shape than it was given",
                expected=str(padded0.shape),
                got=str(output.shape),
            )
        bad = int(np.count_nonzero(~np.isfinite(output)))
        if bad:
            raise ArtifactError(
                f"{self.label} returns values that are not finite",
                expected="finite numbers",
                got=f"{bad} of {output.size} values",
            )
        frame: RawFrame = np.ascontiguousarray(crop(output, height, width)[0].transpose(1, 2, 0))
        return frame
