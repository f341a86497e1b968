"""What to measure of one artifact."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cdfi_runtime.runtimes import AUTO

DEFAULT_SIZE = (448, 256)


@dataclass(frozen=True)
class LatencyRequest:
    """One artifact at one size, and for how long.

    Attributes:
        path: The artifact.
        size: ``(width, height)``; ``None`` takes the graph's own, or 448x256 if it is dynamic.
        runs: Measured runs of the burst.
        warm_up: Runs after the first one that are not kept.
        threads: CPU threads; ``None`` leaves it to the runtime.
        accelerator: What to run on; see :func:`cdfi_runtime.runtimes.open_artifact`.
        strict: Refuse to measure what does not run wholly on it.
        affinity: Cores to keep to; ``None`` leaves it to the system.
        end_to_end: Measured runs from frames to picture; 0 leaves the phase out.
        sustained_s: Seconds of runs back to back; 0 leaves the phase out.
    """

    path: Path
    size: tuple[int, int] | None
    runs: int
    warm_up: int
    threads: int | None
    accelerator: str = AUTO
    strict: bool = False
    affinity: tuple[int, ...] | None = None
    end_to_end: int = 0
    sustained_s: float = 0.0


def graph_frame(
    request: LatencyRequest, width: int | None, height: int | None
) -> tuple[int, int] | str:
    """``(width, height)`` of the frames to measure with, or why that size is not possible.

    Args:
        request: What was asked for.
        width: Of the graph; ``None`` if it is dynamic.
        height: The same.
    """
    if width is None or height is None:
        return request.size or DEFAULT_SIZE
    if request.size not in (None, (width, height)):
        asked = "x".join(map(str, request.size or ()))
        return f"the graph is fixed at {width}x{height}, not {asked}"
    return width, height
