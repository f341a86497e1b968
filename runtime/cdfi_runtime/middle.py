"""One pair through a session: pad, run, check, crop. All that runs a network goes by here."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cdfi_runtime.errors import ArtifactError
from cdfi_runtime.frames import from_8bit, round_to_uint8
from cdfi_runtime.manifest import IMAGE, Manifest
from cdfi_runtime.padding import crop, graph_size, pad
from cdfi_runtime.runtimes import Session

Planes = NDArray[np.float32]


def raw_middle(
    session: Session, frame0: Planes, frame2: Planes, *, like: Manifest | None = None
) -> Planes:
    """The middle frame as the network gives it, neither clipped nor rounded.

    Args:
        session: What runs.
        frame0: ``(1, 3, H, W)`` float32 RGB in [0, 1].
        frame2: The same shape.
        like: Pad as this manifest says instead of the session's own, so that a reference sees
            exactly the tensors that an artifact sees, and round to 8 bits where its output is an
            image.

    Returns:
        ``(1, 3, H, W)`` float32, contiguous.

    Raises:
        InputError: the frames are larger than a graph of fixed size.
        ArtifactError: the network returned another shape, NaN or infinite values.
    """
    rules = like or session.manifest
    height, width = frame0.shape[-2:]
    full = graph_size(rules, height, width)
    padded = [pad(frame, *full, rules.padding.mode) for frame in (frame0, frame2)]
    raw = session.run(padded[0], padded[1])
    check_result(session.manifest.artifact.file, raw, padded[0].shape)
    frame = np.ascontiguousarray(crop(raw, height, width))
    if like is not None and like.outputs[0].dtype == IMAGE:
        return from_8bit(round_to_uint8(frame))
    return frame


def check_result(file: str, raw: Planes, shape: tuple[int, ...]) -> None:
    """Refuse what no network of this kind can mean.

    Raises:
        ArtifactError: another shape than the frames had, NaN or infinite values.
    """
    if raw.shape != shape:
        raise ArtifactError(
            f"the network of {file} returned another shape",
            expected=str(shape),
            got=str(raw.shape),
            fix="export the artifact again with cdfi-export",
        )
    bad = int(np.count_nonzero(~np.isfinite(raw)))
    if bad:
        raise ArtifactError(
            f"the network of {file} returned NaN or infinite values",
            expected="finite values",
            got=f"{bad} of {raw.size} values",
            fix="its weights are damaged or its precision is too low: export it again",
        )
