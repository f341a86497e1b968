"""The check on time: in units of the reference, and only where noise cannot explain the change."""

from __future__ import annotations

from cdfi_bench.compare.checks import make_check
from cdfi_bench.compare.noise import STATISTICS, Series, Slowdown, slowdown
from cdfi_bench.compare.report import Check, CheckResult
from cdfi_bench.compare.thresholds import LatencyLimits
from cdfi_bench.report import Row
from cdfi_bench.report_device import DeviceInfo
from cdfi_bench.report_timing import Timing

MEASURE = "latency"


def latency_check(base: Row, new: Row, limits: LatencyLimits) -> Check | None:
    """How much slower a frame became; ``None`` where neither side has times.

    It fails if the estimate is above ``fail``, and warns if it is above ``warn``; in both cases
    only if every statistic and the interval's lower end show a slow-down. Plain times never fail:
    a machine that halves its speed between two runs looks the same as a slower artifact.
    """
    before, after = base.timing, new.timing
    if before is None and after is None:
        return None
    why_not = _not_comparable(base, new, limits)
    if why_not is not None or before is None or after is None:
        return _not_compared(why_not or "one side has no times", before, after)
    old, fresh = _series(before), _series(after)
    with_reference = old.reference_s is not None and fresh.reference_s is not None
    if not with_reference:
        old, fresh = Series(old.samples_s, None), Series(fresh.samples_s, None)
    found = slowdown(old, fresh, limits.run_to_run if with_reference else limits.run_to_run_raw)
    result, limit, why = judge(found, limits, may_fail=with_reference)
    unit = "of the reference" if with_reference else "s"
    said = f"{found.estimate:.2f} times ({found.low:.2f} to {found.high:.2f})"
    if not with_reference:
        said += ", of plain times on the same machine, as there is no reference"
    return make_check(
        MEASURE,
        unit,
        result,
        f"{said}; {why}" if why else said,
        base=before.ratio if with_reference else before.median_s,
        new=after.ratio if with_reference else after.median_s,
        change=found.estimate,
        low=found.low,
        high=found.high,
        by_statistic=dict(zip(STATISTICS, found.by_statistic, strict=True)),
        limit=limit,
    )


def judge(
    found: Slowdown, limits: LatencyLimits, *, may_fail: bool = True
) -> tuple[CheckResult, float, str]:
    """Result, the limit that decided it, and what is to be said of it."""
    shown = min(found.by_statistic) > 1 and found.low > 1
    if found.estimate > limits.fail:
        said = f"slower than {limits.fail:g} times"
        if shown and may_fail:
            return "fail", limits.fail, said
        doubt = "the machine's own speed may be the reason" if shown else "noise would explain it"
        return "warn", limits.fail, f"{said}, but {doubt}: measure again, with more --runs"
    if found.estimate > limits.warn and shown:
        return "warn", limits.warn, f"slower than {limits.warn:g} times"
    quicker = max(found.by_statistic) < 1 and found.high < 1
    if quicker and found.estimate < 1 / limits.warn:
        return "better", limits.warn, "quicker"
    return "pass", limits.warn, ""


def _series(timing: Timing) -> Series:
    paired = len(timing.reference_samples_s) == len(timing.samples_s)
    return Series(timing.samples_s, timing.reference_samples_s if paired else None)


def _not_comparable(base: Row, new: Row, limits: LatencyLimits) -> str | None:
    before, after = base.timing, new.timing
    for name, row, timing in (("BASE", base, before), ("NEW", new, after)):
        if timing is None:
            return f"{name} has no times: {row.unmeasured['timing'].splitlines()[0]}"
        if (unfit := _unfit(timing, limits)) is not None:
            return f"{name} {unfit}"
    assert before is not None and after is not None
    if (other := _other_device(base.device, new.device)) is not None:
        return other
    for what in ("accelerator_actual", "affinity", "threads"):
        values = [getattr(row.backend, what, None) for row in (base, new)]
        if values[0] != values[1]:
            return f"{what.replace('_', ' ')}: {values[0]} in BASE, {values[1]} in NEW"
    if before.reference != after.reference:
        return f"reference: {before.reference} in BASE, {after.reference} in NEW"
    if before.reference is None and not _same_machine(base.device, new.device):
        return "no reference was measured, and plain times of two machines say nothing"
    return None


def _unfit(timing: Timing, limits: LatencyLimits) -> str | None:
    """Why these times decide nothing."""
    if not timing.valid:
        return f"has times that are not valid: {'; '.join(timing.invalid_because)}"
    if not timing.complete:
        return f"is partial: {len(timing.samples_s)} of {timing.planned_runs} runs"
    if timing.throttled:
        return "was throttled"
    if timing.tool_statistics_s is not None and not timing.samples_s:
        return "was measured by a tool that keeps no samples, so its noise is not known"
    if len(timing.samples_s) < limits.fewest_runs:
        return f"has {len(timing.samples_s)} runs, {limits.fewest_runs} are needed"
    if min((*timing.samples_s, *timing.reference_samples_s)) <= 0:
        return "has times that are not positive"
    if timing.reference is not None and len(timing.reference_samples_s) != len(timing.samples_s):
        return "has not one time of the reference for each run"
    return None


def _other_device(base: DeviceInfo | None, new: DeviceInfo | None) -> str | None:
    if base is None or new is None:
        return "a side does not tell its device"
    for what in ("kind", "model", "soc", "cpu", "architecture", "cores"):
        one, other = getattr(base, what), getattr(new, what)
        if one != other and one is not None and other is not None:
            return f"other device: {what} {one} in BASE, {other} in NEW"
    return None


def _same_machine(base: DeviceInfo | None, new: DeviceInfo | None) -> bool:
    """As far as reports tell: they name no host."""
    if base is None or new is None:
        return False
    names = ("kind", "name", "serial", "cpu", "architecture", "cores", "memory_bytes")
    return all(getattr(base, name) == getattr(new, name) for name in names)


def _not_compared(reason: str, before: Timing | None, after: Timing | None) -> Check:
    numbers = {
        name: None if timing is None else timing.median_s
        for name, timing in (("base", before), ("new", after))
    }
    return make_check(MEASURE, "s", "not compared", f"not compared: {reason}", **numbers)
