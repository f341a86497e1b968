"""What a device hands back: raw samples, and what stands against believing them."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from cdfi_runtime.manifest import Manifest
from numpy.typing import NDArray

from cdfi_bench.report import BackendFacts, Status
from cdfi_bench.report_device import Conditions

INTERRUPTED = "interrupted by the user"


@dataclass(frozen=True)
class Samples:
    """Seconds of runs by phase, in the order measured; empty where a phase was not come to."""

    load_s: float | None = None
    first_run_s: float | None = None
    burst_s: tuple[float, ...] = ()
    reference_s: tuple[float, ...] = ()
    end_to_end_s: tuple[float, ...] = ()
    sustained_s: tuple[float, ...] = ()


@dataclass(frozen=True)
class LatencyMeasurement:
    """One artifact on one device.

    Attributes:
        manifest: Of what really ran (a portable file may have taken an artifact's place).
        backend: What ran it.
        size: ``(width, height)`` of the frames.
        samples: Raw times.
        end_to_end_path: From what to what the end-to-end runs went.
        reference: The workload that stands for the machine's speed; ``None`` if there was none.
        no_reference: Why there was none.
        before_load_bytes: Peak memory before the artifact was loaded; ``None`` if unknown.
        peak_bytes: Peak memory after the warm-up.
        output: ``(1, 3, H, W)`` raw frame of the last burst run; ``None`` if none came back.
        tool_statistics_s: Figures of a tool that keeps no samples.
        conditions: The device's state, if it tells.
        invalid: Why the times are no statement about the device; empty if they are.
        throttled: Whether the device said that it slowed itself down; ``None`` if it cannot tell.
        ended: Why it ended before its end; ``None`` if it did not.
    """

    manifest: Manifest
    backend: BackendFacts
    size: tuple[int, int]
    samples: Samples
    end_to_end_path: str
    reference: str | None
    no_reference: str = ""
    before_load_bytes: int | None = None
    peak_bytes: int | None = None
    output: NDArray[np.float32] | None = field(default=None, compare=False)
    tool_statistics_s: dict[str, float] | None = None
    conditions: Conditions | None = None
    invalid: tuple[str, ...] = ()
    throttled: bool | None = None
    ended: str | None = None


@dataclass(frozen=True)
class LatencyFailure:
    """Why nothing came out."""

    status: Status
    reason: str
