"""What state a device is in right now: heat, battery, processor frequencies."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from cdfi_bench.adb.client import Adb
from cdfi_bench.adb.dumpsys import UnreadableError, parse_battery, parse_thermalservice
from cdfi_bench.adb.questions import ask, cpu_lines, per_cpu

# Millidegrees on most kernels, degrees on some.
ZONES = (
    "for zone in /sys/class/thermal/thermal_zone*; do [ -r $zone/temp ] || continue; "
    'echo "$(cat $zone/type) $(cat $zone/temp)"; done 2>/dev/null'
)


@dataclass(frozen=True)
class Conditions:
    """A look at a device; what it did not tell is ``None`` and has a reason.

    Attributes:
        thermal_status: 0 none, 1 light, 2 moderate, 3 severe, 4 critical, 5 emergency, 6 shutdown.
        temperatures: Celsius by the sensor's name, from Android's thermal service or else from
            the kernel.
        battery_percent, battery_celsius: The battery's charge and temperature.
        plugged: Whether a power source is connected.
        khz: Frequency by CPU at that moment.
        cap_khz: Frequency that each CPU may reach now.
        max_khz: Frequency that each CPU is made for.
        reasons: Why a field is ``None``, by its name.
    """

    thermal_status: int | None
    temperatures: dict[str, float] | None
    battery_percent: int | None
    battery_celsius: float | None
    plugged: bool | None
    khz: dict[int, int] | None
    cap_khz: dict[int, int] | None
    max_khz: dict[int, int] | None
    reasons: dict[str, str] = field(default_factory=dict)

    @property
    def cap_ratio(self) -> float | None:
        """The lowest share of its highest frequency that any CPU may reach now."""
        caps, most = self.cap_khz or {}, self.max_khz or {}
        return min((caps[n] / most[n] for n in caps if most.get(n)), default=None)


def read_conditions(adb: Adb) -> Conditions:
    """Look at the device ``adb`` once.

    Raises:
        LinkLostError: the device does not answer.
    """
    files = ("scaling_cur_freq", "scaling_max_freq", "cpuinfo_max_freq")
    answers = ask(
        adb,
        {
            "thermal": "dumpsys thermalservice",
            "battery": "dumpsys battery",
            "cpus": per_cpu(*files),
            "zones": ZONES,
        },
    )
    reasons: dict[str, str] = {}
    status: int | None = None
    temperatures = parse_zones(answers["zones"].out)
    try:
        thermal = parse_thermalservice(answers["thermal"].out)
        status, temperatures = thermal.status, thermal.temperatures or temperatures
    except UnreadableError as error:
        reasons["thermal_status"] = str(error)
    if not temperatures:
        reasons["temperatures"] = "neither the thermal service nor the kernel tells any"
    percent = celsius = plugged = None
    try:
        battery = parse_battery(answers["battery"].out)
        percent, celsius, plugged = battery.percent, battery.celsius, battery.plugged
        if celsius is None:
            reasons["battery_celsius"] = "dumpsys battery tells no temperature"
    except UnreadableError as error:
        for name in ("battery_percent", "battery_celsius", "plugged"):
            reasons[name] = str(error)
    cpus = cpu_lines(answers["cpus"].out)
    frequencies: dict[str, dict[int, int] | None] = {}
    for i, (name, file) in enumerate(zip(("khz", "cap_khz", "max_khz"), files, strict=True)):
        frequencies[name] = {n: int(v) for n, row in cpus.items() if (v := row[i])} or None
        if frequencies[name] is None:
            reasons[name] = f"no CPU lets {file} be read"
    return Conditions(
        thermal_status=status,
        temperatures=temperatures or None,
        battery_percent=percent,
        battery_celsius=celsius,
        plugged=plugged,
        reasons=reasons,
        **frequencies,
    )


def parse_zones(out: str) -> dict[str, float]:
    """The kernel's thermal zones in Celsius; a name that occurs twice gets a number."""
    zones: dict[str, float] = {}
    for name, text in re.findall(r"^(\S+) (-?\d+)$", out, re.MULTILINE):
        value = int(text)
        celsius = value / 1000 if abs(value) >= 1000 else float(value)
        if -40 < celsius < 200 and celsius != 0:  # 0 is what switched-off sensors tell
            number = sum(each.split("#")[0] == name for each in zones)
            zones[f"{name}#{number + 1}" if number else name] = celsius
    return zones
