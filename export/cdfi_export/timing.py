"""How long an artifact takes on this machine, as a ratio to another one, frame by frame in turn."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING

from cdfi_runtime.apart import Send, run_apart
from cdfi_runtime.errors import CdfiError, first_line

from cdfi_export.frame_size import TYPICAL_SIZE

if TYPE_CHECKING:
    import numpy as np
    from cdfi_runtime.runtimes import Session
    from numpy.typing import NDArray

WARM_UP = 2
RUNS = 9
# Networks that take seconds a frame are measured with fewer runs, at least one.
_PATIENCE_S = 30.0


@dataclass(frozen=True)
class Timing:
    """Wall-clock medians in seconds; what was not measured is ``None`` with a ``reason``.

    Attributes:
        load_s: Opening the artifact, its runtime already imported.
        frame_s: One frame.
        ratio: ``frame_s`` to the reference's median in the same run; 1 for the reference itself.
        reason: Why something is missing.
    """

    load_s: float | None = None
    frame_s: float | None = None
    ratio: float | None = None
    reason: str | None = None


def time_artifact(artifact: Path, reference: Path | None, threads: int) -> Timing:
    """Measure in a process of its own.

    Args:
        artifact: With its manifest beside it.
        reference: Of the same frame size; the artifact itself for a ratio of 1, or ``None``.
        threads: CPU threads of both.
    """
    try:
        return run_apart(_measure, artifact, reference, threads)
    except CdfiError as error:
        return Timing(reason=first_line(error))


def _measure(_send: Send, artifact: Path, reference: Path | None, threads: int) -> Timing:
    from cdfi_runtime.runtimes import choose_runtime, open_artifact
    from cdfi_runtime.samples.pair import sample_pair

    spec = choose_runtime(artifact).spec
    if spec.emulated:
        return Timing(reason=f"'{spec.name}' computes what the runtime would, not as fast")
    open_artifact(artifact, threads=threads)  # brings the library in
    started = perf_counter()
    session = open_artifact(artifact, threads=threads)
    load_s = perf_counter() - started
    other = open_artifact(reference, threads=threads) if reference not in (None, artifact) else None
    size = session.manifest.size
    width, height = size.width or TYPICAL_SIZE.width, size.height or TYPICAL_SIZE.height
    frames = sample_pair(session.manifest, width, height)
    for _warm_up in range(WARM_UP):
        _run(session, frames)
        if other is not None:
            _run(other, frames)
    samples, references = [], []
    until = perf_counter() + _PATIENCE_S
    for _sample in range(RUNS):
        samples.append(_run(session, frames))
        if other is not None:
            references.append(_run(other, frames))
        if perf_counter() > until:
            break
    frame_s = median(samples)
    if other is not None:
        return Timing(load_s, frame_s, frame_s / median(references))
    if reference is None:
        return Timing(load_s, frame_s, reason="no float32 ONNX artifact of this size to compare to")
    return Timing(load_s, frame_s, 1.0)


def _run(session: Session, frames: tuple[NDArray[np.float32], NDArray[np.float32]]) -> float:
    started = perf_counter()
    session.run(*frames)
    return perf_counter() - started
