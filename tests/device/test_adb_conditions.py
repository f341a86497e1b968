"""Heat, battery and clocks of a device: reading them, judging them, waiting for them."""

from __future__ import annotations

import threading

import pytest
from cdfi_bench.adb.client import Adb
from cdfi_bench.adb.conditions import parse_zones, read_conditions
from cdfi_bench.adb.dumpsys import UnreadableError, parse_battery, parse_thermalservice
from cdfi_bench.adb.performance_mode import fixed_performance
from cdfi_bench.adb.readiness import Gates, wait_until_ready
from cdfi_bench.adb.workspace import workspace
from phone_kit.phone import Phone

# The shapes that Android 10 to 15 print, with values of our own.
THERMAL = """\
IsStatusOverride: false
ThermalEventListeners:
\tcallbacks: 2
\tkilled: false
\tbroadcasts count: -1
ThermalStatusListeners:
\tcallbacks: 4
\tkilled: false
\tbroadcasts count: -1
Thermal Status: {status}
Cached temperatures:
\tTemperature{{mValue=71.3, mType=0, mName=CPU0, mStatus=0}}
\tTemperature{{mValue=44.0, mType=3, mName=skin, mStatus=1}}
HAL Ready: true
HAL connection:
\tThermalHAL AIDL 1  connected: yes
Current temperatures from HAL:
\tTemperature{{mValue=52.25, mType=0, mName=CPU0, mStatus=0}}
\tTemperature{{mValue=33.1, mType=3, mName=skin, mStatus=0}}
\tTemperature{{mValue=-99.9, mType=5, mName=PA, mStatus=0}}
\tTemperature{{mValue=NaN, mType=9, mName=TPU, mStatus=0}}
Current cooling devices from HAL:
\tCoolingDevice{{mValue=0, mType=2, mName=thermal-cpufreq-0}}
Temperature static thresholds from HAL:
\tTemperatureThreshold{{mType=3, mName=skin, mHotThrottlingThresholds=[NaN, 37.0], mVrThr=NaN}}
Temperature headroom thresholds:
\tskin: 0.9
"""

SAMSUNG = """\
IsStatusOverride: false
Thermal Status: 0
Cached temperatures:
 Temperature{mValue=-99.9, mType=6, mName=TYPE_POWER_AMPLIFIER, mStatus=0}
\tTemperature{mValue=25.3, mType=4, mName=TYPE_SKIN, mStatus=0}
HAL Ready: true
HAL connection:
\tSdhms connected: yes
Current temperatures from HAL:
\tTemperature{mValue=24.5, mType=1, mName=TYPE_CPU, mStatus=0}
"""

NO_HAL = "IsStatusOverride: false\nThermal Status: 2\nCached temperatures:\nHAL Ready: false\n"

BATTERY = """\
Current Battery Service state:
  AC powered: false
  USB powered: {usb}
  Wireless powered: false
  Dock powered: false
  Max charging current: 500000
 Time when the latest updated value of the voltage was sent via battery changed broadcast: +1h51m
  Charge counter: 2532000
  status: 2
  health: 2
  present: true
  level: {level}
  scale: 100
  voltage: 4110
  temperature: {tenths}
  technology: Li-ion
  mSecPlugTypeSummary: 2
BatteryInfoBackUp
  level: 3
"""

CPU = "devices/system/cpu/cpu{n}/cpufreq/{file}"


def clocks(*cpus: tuple[int, int, int]) -> dict[str, str]:
    files = ("scaling_cur_freq", "scaling_max_freq", "cpuinfo_max_freq")
    return {
        CPU.format(n=n, file=file): f"{value}\n"
        for n, values in enumerate(cpus)
        for file, value in zip(files, values, strict=True)
    }


def simulate(phone: Phone, status: int = 0, level: int = 80, tenths: int = 305) -> None:
    phone.simulate("dumpsys.thermalservice", THERMAL.format(status=status))
    phone.simulate("dumpsys.battery", BATTERY.format(usb="true", level=level, tenths=tenths))


def test_thermal_status_and_live_temperatures_only() -> None:
    found = parse_thermalservice(THERMAL.format(status=3))
    assert found.status == 3
    assert found.temperatures == {"CPU0": 52.25, "skin": 33.1}
    assert parse_thermalservice(SAMSUNG).temperatures == {"TYPE_CPU": 24.5}
    assert parse_thermalservice(NO_HAL).status == 2
    assert parse_thermalservice(NO_HAL).temperatures == {}
    assert parse_thermalservice(SAMSUNG.replace("\n", "\r\n")).temperatures == {"TYPE_CPU": 24.5}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("Can't find service: thermalservice\n", "Can't find service"),
        ("", "says nothing"),
        (THERMAL.format(status=0).replace("Override: false", "Override: true"), "set by hand"),
    ],
)
def test_no_thermal_status_is_made_up(text: str, why: str) -> None:
    with pytest.raises(UnreadableError, match=why):
        parse_thermalservice(text)


def test_battery() -> None:
    found = parse_battery(BATTERY.format(usb="true", level=66, tenths=360))
    assert (found.percent, found.celsius, found.plugged) == (66, 36.0, True)
    found = parse_battery(BATTERY.format(usb="false", level=66, tenths=-15).replace("\n", "\r\n"))
    assert (found.percent, found.celsius, found.plugged) == (66, -1.5, False)
    assert parse_battery("state:\n  level: 50\n  scale: 200\n").percent == 25


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("Can't find service: battery", "Can't find service"),
        ("", "says nothing"),
        ("state:\n  present: false\n  level: 0\n  scale: 100\n", "no battery"),
        (
            "Current Battery Service state:\n  (UPDATES STOPPED -- use 'reset' to restart)\n"
            "  level: 90\n  scale: 100\n",
            "set by hand",
        ),
    ],
)
def test_no_battery_is_made_up(text: str, why: str) -> None:
    with pytest.raises(UnreadableError, match=why):
        parse_battery(text)


def test_thermal_zones_in_either_unit() -> None:
    text = "cpu-0-0 41500\ncpu-0-0 42000\nbattery 31\noff 0\nbroken -274000\n"
    assert parse_zones(text) == {"cpu-0-0": 41.5, "cpu-0-0#2": 42.0, "battery": 31.0}


def test_a_look_at_a_device(adb: Adb, phone: Phone) -> None:
    simulate(phone)
    phone.set_sys(clocks((300, 1800, 1800), (900, 2000, 2500)))
    now = read_conditions(adb)
    assert (now.thermal_status, now.battery_percent, now.battery_celsius) == (0, 80, 30.5)
    assert now.plugged is True and now.reasons == {}
    assert now.temperatures == {"CPU0": 52.25, "skin": 33.1}
    assert (now.khz, now.cap_khz) == ({0: 300, 1: 900}, {0: 1800, 1: 2000})
    assert now.max_khz == {0: 1800, 1: 2500} and now.cap_ratio == 0.8


def test_what_a_device_does_not_tell_has_a_reason(adb: Adb, phone: Phone) -> None:
    now = read_conditions(adb)
    told = {name for name, value in vars(now).items() if value is not None} - {"reasons"}
    assert told == set()
    assert set(now.reasons) == set(vars(now)) - {"reasons"}
    assert now.reasons["thermal_status"] == "Can't find service: thermalservice"
    assert "scaling_cur_freq" in now.reasons["khz"]
    phone.set_sys({"class/thermal/thermal_zone0/type": "cpu", **zone(41000)})
    assert read_conditions(adb).temperatures == {"cpu": 41.0}


def zone(value: int) -> dict[str, str]:
    return {"class/thermal/thermal_zone0/temp": f"{value}\n"}


def test_a_cool_device_is_ready_at_once(adb: Adb, phone: Phone) -> None:
    simulate(phone)
    phone.set_sys(clocks((300, 1800, 1800)))
    ready = wait_until_ready(adb, Gates(), 20)
    assert ready.against == () and ready.unknown == ()


@pytest.mark.parametrize(
    ("values", "against"),
    [
        ({"status": 2}, "thermal status 2, limit 0"),
        ({"level": 12}, "battery level 12 %, limit 20 %"),
        ({"tenths": 412}, "battery temperature 41.2 °C, limit 38 °C"),
    ],
)
def test_what_stands_against_it(
    adb: Adb, phone: Phone, values: dict[str, int], against: str
) -> None:
    simulate(phone, **values)
    phone.set_sys(clocks((300, 1800, 1800)))
    ready = wait_until_ready(adb, Gates(), 0)
    assert ready.against == (against,) and ready.unknown == ()
    off = Gates(None, None, None, None)
    assert wait_until_ready(adb, off, 0).against == ()


def test_capped_clocks_stand_against_it(adb: Adb, phone: Phone) -> None:
    simulate(phone)
    phone.set_sys(clocks((300, 1800, 1800), (300, 1900, 2500)))
    assert wait_until_ready(adb, Gates(), 0).against == ("frequency cap 0.76, limit 0.95",)


def test_what_nobody_can_tell_does_not_block_but_is_said(adb: Adb) -> None:
    ready = wait_until_ready(adb, Gates(), 20)
    assert ready.against == () and len(ready.unknown) == 4
    assert "thermal status: Can't find service: thermalservice" in ready.unknown


def test_a_hot_device_is_waited_for(adb: Adb, phone: Phone) -> None:
    simulate(phone, status=3)
    told: list[tuple[str, ...]] = []
    cooling = threading.Timer(0.5, lambda: simulate(phone))
    cooling.start()
    ready = wait_until_ready(
        adb, Gates(), 20, interval=0.1, on_wait=lambda _, against: told.append(against)
    )
    cooling.join()
    assert ready.against == () and ready.waited_seconds > 0
    assert told and set(told) == {("thermal status 3, limit 0",)}


def test_the_wait_has_an_end(adb: Adb, phone: Phone) -> None:
    simulate(phone, status=3)
    ready = wait_until_ready(adb, Gates(), 0.5, interval=0.1)
    assert ready.against == ("thermal status 3, limit 0",) and ready.waited_seconds >= 0.5


MODE = "power set-fixed-performance-mode-enabled"


def test_fixed_performance_is_switched_back(adb: Adb, phone: Phone) -> None:
    phone.simulate("cmd.power", "exit 0")
    with workspace(adb) as space:
        with fixed_performance(space) as mode:
            assert mode.enabled and mode.reason is None
            assert phone.simulated("cmd.log").splitlines() == [f"{MODE} true"]
        assert phone.simulated("cmd.log").splitlines() == [f"{MODE} true", f"{MODE} false"]
        with pytest.raises(ZeroDivisionError), fixed_performance(space):
            raise ZeroDivisionError
    assert phone.simulated("cmd.log").splitlines()[-2:] == [f"{MODE} true", f"{MODE} false"]


@pytest.mark.parametrize(
    ("stub", "reason"),
    [
        (None, "Can't find service: power"),
        ("echo 'Failed to set FIXED_PERFORMANCE mode' >&2; exit 255", "Failed to set"),
        ("echo 'Unknown command: set-fixed-performance-mode-enabled'", "Unknown command"),
    ],
)
def test_a_device_without_that_mode_says_so(
    adb: Adb, phone: Phone, stub: str | None, reason: str
) -> None:
    phone.simulate("cmd.power", stub)
    with workspace(adb) as space, fixed_performance(space) as mode:
        assert not mode.enabled and mode.reason is not None and reason in mode.reason


def test_a_mode_that_stays_on_is_warned_of(adb: Adb, phone: Phone) -> None:
    phone.simulate("cmd.power", '[ "$2" = true ]')
    with (
        pytest.warns(UserWarning, match="may still be on"),
        workspace(adb) as space,
        fixed_performance(space),
    ):
        pass


def test_the_guard_switches_it_back(adb: Adb, phone: Phone) -> None:
    phone.simulate("cmd.power", "exit 0")
    with (
        pytest.warns(UserWarning),
        workspace(adb, alive_limit=2, return_limit=0.3) as space,
        fixed_performance(space, return_limit=0.3),
    ):
        phone.cable.cut()
    for _ in range(100):
        if not phone.processes():
            break
        threading.Event().wait(0.1)
    assert phone.simulated("cmd.log").splitlines() == [f"{MODE} true", f"{MODE} false"]
