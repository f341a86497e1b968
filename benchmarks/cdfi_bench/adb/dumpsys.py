"""What Android's ``dumpsys`` prints about heat and the battery."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

LIVE = "Current temperatures from HAL:"
COLDEST, HOTTEST = -40.0, 200.0  # sensors that do not exist report -99.9 or NaN


class UnreadableError(ValueError):
    """The text does not tell; the message says why."""


@dataclass(frozen=True)
class Thermal:
    """``status``: 0 none, 1 light, 2 moderate, 3 severe ... 6 shutdown; temperatures in Celsius."""

    status: int
    temperatures: dict[str, float]


@dataclass(frozen=True)
class Battery:
    """Level in percent, temperature in Celsius, and whether any power source is plugged in."""

    percent: int
    celsius: float | None
    plugged: bool


def parse_thermalservice(text: str) -> Thermal:
    """``dumpsys thermalservice`` of Android 10 and newer.

    Of the two lists of temperatures only the current one counts: the cached one may be hours old.

    Raises:
        UnreadableError: no such service, or a status that was set by hand.
    """
    found = re.search(r"^\s*Thermal Status:\s*(\d+)", text, re.MULTILINE)
    if found is None:
        raise UnreadableError(_first(text) or "dumpsys thermalservice says nothing")
    if re.search(r"^\s*IsStatusOverride:\s*true", text, re.MULTILINE):
        raise UnreadableError(
            "the thermal status was set by hand: adb shell cmd thermalservice reset"
        )
    _, _, live = text.partition(LIVE)
    live = re.split(r"^\S", live.lstrip("\r\n"), maxsplit=1, flags=re.MULTILINE)[0]
    temperatures: dict[str, float] = {}
    for each in re.findall(r"Temperature\{([^}]*)\}", live):
        fields = dict(re.findall(r"(\w+)=([^,]*)", each))
        value = _float(fields.get("mValue"))
        if value is not None and COLDEST < value < HOTTEST:
            temperatures[fields.get("mName", "unnamed")] = value
    return Thermal(int(found.group(1)), temperatures)


def parse_battery(text: str) -> Battery:
    """``dumpsys battery``: the first block; makers add lines of their own below and between.

    Raises:
        UnreadableError: no such service, no battery, or values that were set by hand.
    """
    fields: dict[str, str] = {}
    for name, value in re.findall(r"^\s+([A-Za-z][\w ]*?): *(\S+)\s*$", text, re.MULTILINE):
        fields.setdefault(name.lower(), value)
    if "UPDATES STOPPED" in text:
        raise UnreadableError(
            "the battery's values were set by hand: adb shell dumpsys battery reset"
        )
    level, scale = _float(fields.get("level")), _float(fields.get("scale")) or 100.0
    if level is None:
        raise UnreadableError(_first(text) or "dumpsys battery says nothing")
    if fields.get("present") == "false":
        raise UnreadableError("no battery is present")
    tenths = _float(fields.get("temperature"))
    return Battery(
        percent=round(100 * level / scale),
        celsius=None if tenths is None else tenths / 10,
        plugged=any(k.endswith(" powered") and v == "true" for k, v in fields.items()),
    )


def _float(text: str | None) -> float | None:
    try:
        value = float(text) if text is not None else math.nan
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _first(text: str) -> str:
    return next((line.strip() for line in text.splitlines() if line.strip()), "")
