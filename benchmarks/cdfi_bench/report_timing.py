"""What a report says of time: phases with their raw samples, and whether they may be believed."""

from __future__ import annotations

from pydantic import Field

from cdfi_bench.section import Section


class Phase(Section):
    """Some runs in a row, in seconds. Percentiles lie linearly between samples."""

    samples_s: tuple[float, ...] = Field(min_length=1, description="in the order measured")
    min_s: float
    median_s: float
    p90_s: float
    p99_s: float


class EndToEnd(Phase):
    """Frames to picture: what surrounds the network is in the time."""

    path: str = Field(description="from what to what, in words")


class Sustained(Phase):
    """Runs back to back for as long as a user would play."""

    asked_s: float = Field(gt=0, description="how long it was to last")
    slowdown: float = Field(description="median of the last third / median of the first third")


class Timing(Section):
    """Seconds of one frame on the raw tensors, and the reference that ran in turn with it.

    ``samples_s`` and the statistics over them are the burst: runs right after the warm-up.
    """

    load_s: float | None = Field(ge=0)
    first_run_s: float | None = Field(ge=0)
    warm_up: int = Field(ge=0, description="runs between the first and the measured ones")
    planned_runs: int = Field(ge=1, description="measured runs that were asked for")
    complete: bool = Field(description="all phases that were asked for were measured to their end")
    samples_s: tuple[float, ...] = Field(description="in the order measured")
    min_s: float | None
    median_s: float | None
    p90_s: float | None
    p99_s: float | None
    tool_statistics_s: dict[str, float] | None = Field(
        description="as printed by a tool that keeps no samples"
    )
    reference: str | None = Field(description="the workload that stands for this machine's speed")
    reference_samples_s: tuple[float, ...]
    reference_median_s: float | None
    ratio: float | None = Field(description="median_s / reference_median_s")
    end_to_end: EndToEnd | None
    sustained: Sustained | None
    throttled: bool | None = Field(
        description="the device said so, or the sustained phase slowed down beyond the limit"
    )
    valid: bool = Field(description="false: the times are no statement about the device")
    invalid_because: tuple[str, ...] = Field(description="empty if valid")
