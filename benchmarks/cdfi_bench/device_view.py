"""What a report's pages say of its devices: facts in words, and what is not known of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from cdfi_bench.report import Report, Row
from cdfi_bench.report_device import Condition, DeviceInfo

_THERMAL = ("none", "light", "moderate", "severe", "critical", "emergency", "shutdown")
_MOST_SENSORS = 2


@dataclass(frozen=True)
class DeviceView:
    """One device.

    Attributes:
        name: Its short name.
        badges: ``emulated`` and ``simulated``, where it is.
        facts: What is known, by its heading.
        unknown: What is not, by the reason.
        states: One line of words for each of its rows that has conditions, by the row's subject.
    """

    name: str
    badges: tuple[str, ...]
    facts: dict[str, str]
    unknown: dict[str, str]
    states: tuple[tuple[str, dict[str, str]], ...]


def device_views(report: Report) -> list[DeviceView]:
    """The devices of the rows, in their order; the report's own machine where no row has one."""
    devices: list[DeviceInfo] = []
    for row in report.rows:
        if row.device is not None and row.device not in devices:
            devices.append(row.device)
    return [_view(device, report.rows) for device in devices or [report.device]]


def state_headings(views: Iterable[DeviceView]) -> list[str]:
    """Headings of all states, each once."""
    return list(dict.fromkeys(key for view in views for _, state in view.states for key in state))


def _view(device: DeviceInfo, rows: Iterable[Row]) -> DeviceView:
    unknown: dict[str, list[str]] = {}
    for field, reason in device.unmeasured.items():
        unknown.setdefault(reason, []).append(_HEADINGS.get(field, field))
    own = [row for row in rows if row.device == device and row.conditions is not None]
    return DeviceView(
        name=device.name,
        badges=tuple(word for word in ("emulated", "simulated") if getattr(device, word)),
        facts=_facts(device),
        unknown={", ".join(fields): reason for reason, fields in unknown.items()},
        states=tuple((_subject(row), _state(row)) for row in own),
    )


_HEADINGS = {
    "model": "Model",
    "soc": "SoC",
    "cpu": "CPU",
    "serial": "Serial",
    "abi": "ABI",
    "build": "Build",
    "sdk": "API level",
    "max_frequency_khz": "Clocks",
    "governor": "Governor",
    "memory_bytes": "Memory",
}


def _facts(device: DeviceInfo) -> dict[str, str]:
    cores = f"{device.cores} usable {'core' if device.cores == 1 else 'cores'}"
    if device.max_frequency_khz:
        cores += ": " + clock_groups(device.max_frequency_khz)
    found = {
        "Reached": device.kind,
        "Model": device.model,
        "SoC": device.soc,
        "CPU": device.cpu,
        "Cores": cores,
        "Governor": device.governor,
        "Memory": f"{device.memory_bytes / 2**30:.1f} GiB" if device.memory_bytes else None,
        "Architecture": ", ".join(filter(None, (device.architecture, device.abi))),
        "System": device.os + (f", API level {device.sdk}" if device.sdk else ""),
        "Build": device.build,
        "Serial": device.serial,
    }
    return {heading: text for heading, text in found.items() if text}


def clock_groups(khz: Iterable[int]) -> str:
    """``4 x 1.80 GHz, 4 x 2.84 GHz``."""
    counts: dict[int, int] = {}
    for each in khz:
        counts[each] = counts.get(each, 0) + 1
    return ", ".join(f"{count} x {each / 1e6:.2f} GHz" for each, count in counts.items())


def _subject(row: Row) -> str:
    sizes = "" if row.input is None else " ".join(f"{w}x{h}" for w, h in row.input.sizes)
    return f"{row.subject} {sizes}".strip()


def _state(row: Row) -> dict[str, str]:
    conditions = row.conditions
    assert conditions is not None
    before, after = conditions.before, conditions.after
    pairs = {
        "Thermal status": (_thermal(before), None if after is None else _thermal(after)),
        "Battery": (_battery(before), None if after is None else _battery(after)),
        "Hottest": (_hottest(before), None if after is None else _hottest(after)),
    }
    found = {heading: _change(*pair) for heading, pair in pairs.items() if any(pair)}
    found["Cool-down"] = f"waited {conditions.cool_down_s:.0f} s"
    if conditions.fixed_performance is not None:
        found["Clocks"] = "held steady" if conditions.fixed_performance else "not held"
    if conditions.reconnects:
        times = "once" if conditions.reconnects == 1 else f"{conditions.reconnects} times"
        found["Link"] = f"lost and found {times}"
    return found


def _change(before: str | None, after: str | None) -> str:
    if before == after:
        return f"{before}, before and after"
    return f"{before or 'unknown'} → {after or 'unknown'}"


def _thermal(state: Condition) -> str | None:
    status = state.thermal_status
    if status is None:
        return None
    word = _THERMAL[status] if 0 <= status < len(_THERMAL) else "unknown word"
    return f"{status} ({word})"


def _battery(state: Condition) -> str | None:
    parts = []
    if state.battery_percent is not None:
        parts.append(f"{state.battery_percent:.0f} %")
    if state.battery_celsius is not None:
        parts.append(f"{state.battery_celsius:.1f} °C")
    if state.charging is not None:
        parts.append("charging" if state.charging else "not charging")
    return " ".join(parts) or None


def _hottest(state: Condition) -> str | None:
    sensors = sorted((state.temperatures_celsius or {}).items(), key=lambda each: -each[1])
    return ", ".join(f"{name} {value:.1f} °C" for name, value in sensors[:_MOST_SENSORS]) or None
