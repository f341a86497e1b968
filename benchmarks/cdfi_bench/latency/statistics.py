"""From raw samples to the report's section on time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np

from cdfi_bench.latency.measurement import LatencyMeasurement
from cdfi_bench.latency.request import LatencyRequest
from cdfi_bench.report_timing import EndToEnd, Phase, Sustained, Timing

PhaseType = TypeVar("PhaseType", bound=Phase)

THROTTLED = 1.15
"""A sustained phase whose last third is this much slower than its first was throttled."""
_FEWEST = 9  # thirds of fewer runs say nothing


def timing(result: LatencyMeasurement, request: LatencyRequest) -> Timing:
    """The report's section on one measurement; see :class:`Timing`."""
    samples = result.samples
    unmeasured: dict[str, str] = {}
    ended = result.ended or "the device did not report it"
    for name, value in (("load_s", samples.load_s), ("first_run_s", samples.first_run_s)):
        if value is None:
            unmeasured[name] = ended
    burst = _statistics(samples.burst_s)
    if not burst:
        unmeasured |= dict.fromkeys(("min_s", "median_s", "p90_s", "p99_s"), _no_samples(result))
    reference = float(np.median(samples.reference_s)) if samples.reference_s else None
    if result.reference is None:
        unmeasured |= dict.fromkeys(("reference", "reference_median_s"), result.no_reference)
    elif reference is None:
        unmeasured["reference_median_s"] = ended
    median = burst.get("median_s")
    ratio = median / reference if median is not None and reference is not None else None
    if ratio is None:
        unmeasured["ratio"] = result.no_reference or ended
    if result.tool_statistics_s is None:
        unmeasured["tool_statistics_s"] = "samples are kept"
    end_to_end = None
    if samples.end_to_end_s:
        end_to_end = phase(samples.end_to_end_s, EndToEnd, path=result.end_to_end_path)
    else:
        unmeasured["end_to_end"] = ended if request.end_to_end else "not asked for"
    sustained = None
    if samples.sustained_s:
        sustained = phase(
            samples.sustained_s,
            Sustained,
            asked_s=request.sustained_s,
            slowdown=slowdown(samples.sustained_s),
        )
    else:
        unmeasured["sustained"] = ended if request.sustained_s else "not asked for"
    throttled = _throttled(result, sustained)
    if throttled is None:
        unmeasured["throttled"] = (
            "the device does not tell, and the sustained phase of "
            f"{len(samples.sustained_s)} runs is too short to show it"
        )
    return Timing(
        load_s=samples.load_s,
        first_run_s=samples.first_run_s,
        warm_up=request.warm_up,
        planned_runs=request.runs,
        complete=result.ended is None,
        samples_s=samples.burst_s,
        min_s=burst.get("min_s"),
        median_s=median,
        p90_s=burst.get("p90_s"),
        p99_s=burst.get("p99_s"),
        tool_statistics_s=result.tool_statistics_s,
        reference=result.reference,
        reference_samples_s=samples.reference_s,
        reference_median_s=reference,
        ratio=ratio,
        end_to_end=end_to_end,
        sustained=sustained,
        throttled=throttled,
        valid=not result.invalid,
        invalid_because=result.invalid,
        unmeasured=unmeasured,
    )


def phase(samples_s: Sequence[float], kind: type[PhaseType], **more: Any) -> PhaseType:
    """A section of at least one sample with its statistics."""
    return kind(samples_s=tuple(samples_s), **_statistics(samples_s), **more)


def slowdown(samples_s: Sequence[float]) -> float:
    """Median of the last third over the median of the first."""
    third = max(1, len(samples_s) // 3)
    return float(np.median(samples_s[-third:]) / np.median(samples_s[:third]))


def _statistics(samples_s: Sequence[float]) -> dict[str, Any]:
    if not samples_s:
        return {}
    median, p90, p99 = (float(value) for value in np.percentile(samples_s, (50, 90, 99)))
    return {"min_s": min(samples_s), "median_s": median, "p90_s": p90, "p99_s": p99}


def _throttled(result: LatencyMeasurement, sustained: Sustained | None) -> bool | None:
    slowed = None
    if sustained is not None and len(sustained.samples_s) >= _FEWEST:
        slowed = sustained.slowdown > THROTTLED
    return True if result.throttled else slowed if result.throttled is None else bool(slowed)


def _no_samples(result: LatencyMeasurement) -> str:
    if result.tool_statistics_s is not None:
        return "the tool that measured keeps no samples; see tool_statistics_s"
    return result.ended or "no run was measured"
