"""Which devices adb sees, and the one to use."""

from __future__ import annotations

import os
import re
import time
from dataclasses import dataclass, field

from cdfi_bench.adb.client import Adb
from cdfi_bench.adb.errors import DeviceChoiceError

READY = "device"
# States that pass by themselves within seconds of plugging in.
PASSING = ("authorizing", "connecting")
SETTLE_SECONDS = 4.0
NETWORK_SERIAL = re.compile(r"[^\s:]+:\d{1,5}|\[[0-9a-fA-F:]+\]:\d{1,5}")


@dataclass(frozen=True)
class DeviceEntry:
    """A line of ``adb devices -l``: ``state`` is ``device`` when it can be used."""

    serial: str
    state: str
    facts: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        model = self.facts.get("model")
        named = f"{self.serial} ({model})" if model else self.serial
        return named if self.state == READY else f"{named}: {self.state}"


def is_network(serial: str) -> bool:
    """Whether ``serial`` is an address, so that adb must be told to connect to it."""
    return NETWORK_SERIAL.fullmatch(serial) is not None


def list_devices(adb: Adb | None = None) -> list[DeviceEntry]:
    """All devices adb knows, usable or not.

    Raises:
        NoAdbError: there is no adb program.
        AdbServerError: its server does not start.
    """
    reply = _without_serial(adb).call("devices", "-l")
    _, _, body = reply.out.partition("List of devices attached")
    return [_entry(line) for line in body.splitlines() if line.strip()]


def _entry(line: str) -> DeviceEntry:
    serial, _, rest = line.strip().partition(" " if "\t" not in line else "\t")
    words = rest.split()
    first_fact = next((i for i, each in enumerate(words) if _is_fact(each)), len(words))
    # "no permissions (reason; see [address])" is a state of several words.
    facts = dict(each.split(":", 1) for each in words[first_fact:] if ":" in each)
    return DeviceEntry(serial, " ".join(words[:first_fact]) or "unknown", facts)


def _is_fact(word: str) -> bool:
    return re.match(r"(usb|product|model|device|transport_id|features):", word) is not None


def choose_device(serial: str | None = None, adb: Adb | None = None) -> Adb:
    """The device ``serial``, else ``$ANDROID_SERIAL``, else the only one there is.

    A ``host:port`` is connected to first.

    Raises:
        NoAdbError: there is no adb program.
        AdbServerError: its server does not start.
        DeviceChoiceError: none, several, an unknown one, or one that is not ready.
    """
    base = _without_serial(adb)
    serial = serial or os.environ.get("ANDROID_SERIAL") or None
    entries = list_devices(base)
    connecting = ""
    if serial is not None and is_network(serial) and serial not in _ready(entries):
        # adb holds on to a dead connection, and its exit code is 0 even when nothing listens there.
        base.call("disconnect", serial)
        connecting = base.call("connect", serial).text
        entries = list_devices(base)
    deadline = time.monotonic() + SETTLE_SECONDS
    while any(each.state in PASSING for each in entries) and time.monotonic() < deadline:
        time.sleep(0.3)
        entries = list_devices(base)
    return base.of(_pick(entries, serial, connecting).serial)


def _without_serial(adb: Adb | None) -> Adb:
    return Adb() if adb is None else Adb(None, adb.program, adb.time_limit)


def _ready(entries: list[DeviceEntry]) -> list[str]:
    return [each.serial for each in entries if each.state == READY]


def _pick(entries: list[DeviceEntry], serial: str | None, connecting: str) -> DeviceEntry:
    if serial is not None:
        for each in entries:
            if each.serial == serial:
                return _require_ready(each)
        raise DeviceChoiceError(
            f"adb knows no device '{serial}'",
            expected="one of " + ", ".join(map(str, entries)) if entries else "a known device",
            got=connecting or serial,
            fix="check the serial: adb devices -l",
        )
    if not entries:
        raise DeviceChoiceError(
            "no device",
            expected="one device in 'adb devices'",
            got="an empty list",
            fix="plug one in, unlock it, switch on USB debugging in its developer options; "
            "over the network: --device adb:HOST:PORT",
        )
    usable = [each for each in entries if each.state == READY]
    if len(usable) > 1:
        raise DeviceChoiceError(
            "several devices",
            expected="one device, or the serial of one",
            got=", ".join(map(str, usable)),
            fix=f"choose one: --device adb:{usable[0].serial}",
        )
    return usable[0] if usable else _require_ready(entries[0])


STATE_FIXES = {
    "unauthorized": "unlock the device and accept this computer's key on its screen; if it does "
    "not ask: revoke USB debugging authorisations in its developer options and plug it in again",
    "authorizing": "unlock the device and accept this computer's key on its screen",
    "offline": "plug it in again, or run: adb reconnect offline",
    "no permissions": "add your user to the group 'plugdev' and install udev rules for Android "
    "(Debian and Ubuntu: apt install android-sdk-platform-tools-common), then plug it in again",
    "recovery": "boot it into Android: adb reboot",
    "sideload": "boot it into Android: adb reboot",
    "bootloader": "boot it into Android: fastboot reboot",
}


def _require_ready(entry: DeviceEntry) -> DeviceEntry:
    if entry.state == READY:
        return entry
    fix = next((STATE_FIXES[key] for key in STATE_FIXES if entry.state.startswith(key)), None)
    raise DeviceChoiceError(
        f"the device {entry.serial} cannot be used",
        expected="the state 'device'",
        got=entry.state,
        fix=fix or "see what 'adb devices -l' says of it",
    )
