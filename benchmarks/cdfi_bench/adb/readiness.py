"""Waiting until a device is cool and charged enough that its times mean something."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from cdfi_bench.adb.client import Adb
from cdfi_bench.adb.conditions import Conditions, read_conditions


@dataclass(frozen=True)
class Gates:
    """Limits to measure within; ``None`` for a limit that does not matter.

    Attributes:
        max_thermal_status: Android's, 0 to 6.
        min_battery_percent: Phones slow down when they run out.
        max_battery_celsius: The battery follows the phone's body.
        min_cap_ratio: Share of its highest frequency that each CPU must be allowed.
    """

    max_thermal_status: int | None = 0
    min_battery_percent: int | None = 20
    max_battery_celsius: float | None = 38.0
    min_cap_ratio: float | None = 0.95


@dataclass(frozen=True)
class Readiness:
    """The outcome of a wait.

    Attributes:
        waited_seconds: How long it took.
        against: What still speaks against measuring; empty if the device is ready.
        unknown: Limits that could not be checked, and why.
        conditions: The last look.
    """

    waited_seconds: float
    against: tuple[str, ...]
    unknown: tuple[str, ...]
    conditions: Conditions


def judge(gates: Gates, now: Conditions) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What speaks against measuring now, and what nobody can tell."""
    against: list[str] = []
    unknown: list[str] = []

    def check(
        name: str, limit: float | None, value: float | None, bad: bool, reason: str, unit: str = ""
    ) -> None:
        if limit is None:
            return
        if value is None:
            unknown.append(f"{name}: {reason}")
        elif bad:
            against.append(f"{name} {value:g}{unit}, limit {limit:g}{unit}")

    status, most = now.thermal_status, gates.max_thermal_status
    check("thermal status", most, status, _over(status, most), _why(now, "thermal_status"))
    percent, least = now.battery_percent, gates.min_battery_percent
    check(
        "battery level", least, percent, _over(least, percent), _why(now, "battery_percent"), " %"
    )
    warm, hot = now.battery_celsius, gates.max_battery_celsius
    check("battery temperature", hot, warm, _over(warm, hot), _why(now, "battery_celsius"), " °C")
    ratio, low = now.cap_ratio, gates.min_cap_ratio
    check("frequency cap", low, ratio, _over(low, ratio), _why(now, "cap_khz"))
    return tuple(against), tuple(unknown)


def wait_until_ready(
    adb: Adb,
    gates: Gates,
    time_limit: float = 300.0,
    *,
    interval: float = 5.0,
    on_wait: Callable[[float, tuple[str, ...]], None] | None = None,
) -> Readiness:
    """Look at the device until it is within ``gates``, for at most ``time_limit`` seconds.

    ``on_wait`` is called before each pause with the seconds so far and what is in the way.

    Raises:
        LinkLostError: the device does not answer.
    """
    start = time.monotonic()
    while True:
        now = read_conditions(adb)
        against, unknown = judge(gates, now)
        waited = time.monotonic() - start
        if not against or waited >= time_limit:
            return Readiness(waited, against, unknown, now)
        if on_wait is not None:
            on_wait(waited, against)
        time.sleep(min(interval, max(time_limit - waited, 0)))


def _over(value: float | None, limit: float | None) -> bool:
    return value is not None and limit is not None and value > limit


def _why(now: Conditions, name: str) -> str:
    return now.reasons.get(name, "the device does not tell")
