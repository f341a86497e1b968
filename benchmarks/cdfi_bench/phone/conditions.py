"""The state of a phone before, while and after it was measured, as a report has it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from cdfi_bench.adb.conditions import Conditions as Look
from cdfi_bench.adb.readiness import Gates, Readiness, judge
from cdfi_bench.report_device import Condition, Conditions, Reading

GATES = Gates()
_UNKNOWN = "the device does not tell it"


def condition(look: Look) -> Condition:
    """One look as the report's section."""
    values = {
        "thermal_status": ("thermal_status", look.thermal_status),
        "battery_percent": ("battery_percent", look.battery_percent),
        "battery_celsius": ("battery_celsius", look.battery_celsius),
        "charging": ("plugged", look.plugged),
        "temperatures_celsius": ("temperatures", look.temperatures),
        "frequencies_khz": (
            "khz",
            {str(cpu): khz for cpu, khz in look.khz.items()} if look.khz else None,
        ),
    }
    unmeasured = {
        name: look.reasons.get(source, _UNKNOWN)
        for name, (source, value) in values.items()
        if value is None
    }
    return Condition.model_validate(
        {name: value for name, (_, value) in values.items()} | {"unmeasured": unmeasured}
    )


def conditions(
    ready: Readiness,
    after: Look | None,
    *,
    fixed: tuple[bool, str | None] | None,
    frequency: Iterable[tuple[float, Mapping[str, float]]],
    thermal: Iterable[tuple[float, Mapping[str, float]]],
    reconnects: int,
) -> Conditions:
    """The report's section.

    Args:
        ready: How the waiting before it ended.
        after: The last look; ``None`` if the device was gone by then.
        fixed: Whether fixed performance mode was on, and why not; ``None`` if not asked for.
        frequency: Seconds and kHz by core, as read between frames.
        thermal: Seconds and degrees by sensor.
        reconnects: Times the link was lost and found again.
    """
    unmeasured = {}
    if after is None:
        unmeasured["after"] = "the device was gone by then"
    if fixed is None:
        unmeasured["fixed_performance"] = "not asked for"
    return Conditions(
        before=condition(ready.conditions),
        after=None if after is None else condition(after),
        cool_down_s=ready.waited_seconds,
        fixed_performance=None if fixed is None else fixed[0],
        frequencies_khz=_readings(frequency),
        temperatures_celsius=_readings(thermal),
        reconnects=reconnects,
        unmeasured=unmeasured,
    )


def throttled(after: Look | None) -> bool | None:
    """Whether the device says right after a run that it slows itself down."""
    if after is None or (after.thermal_status is None and after.cap_ratio is None):
        return None
    against, _ = judge(Gates(0, None, None, GATES.min_cap_ratio), after)
    return bool(against)


def _readings(found: Iterable[tuple[float, Mapping[str, float]]]) -> tuple[Reading, ...]:
    return tuple(Reading(time_s=time_s, values=dict(values)) for time_s, values in found)
