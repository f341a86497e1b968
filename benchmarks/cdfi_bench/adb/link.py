"""Getting a lost device back, and telling whether it is still the same boot."""

from __future__ import annotations

import time

from cdfi_bench.adb.client import Adb
from cdfi_bench.adb.errors import AdbServerError, LinkLostError
from cdfi_bench.adb.selection import is_network

PROBE_SECONDS = 5.0
PAUSE_SECONDS = 0.3

# The kernel's boot id, and when the first process started in clock ticks since then: a container
# that restarts shares the id of the kernel below it. Field 22 is the 20th after "(name) ".
BOOT_SCRIPT = (
    "boot=$(cat /proc/1/stat); set -- ${boot##*) }; "
    'boot="$(cat /proc/sys/kernel/random/boot_id)-${20}"'
)


def reconnect(adb: Adb, time_limit: float = 60.0) -> float:
    """Wait until the device answers again; returns the seconds it took.

    Raises:
        LinkLostError: it does not within ``time_limit`` seconds.
    """
    start = time.monotonic()
    while True:
        left = time_limit - (time.monotonic() - start)
        if left <= 0:
            raise LinkLostError(
                f"the device {adb.serial} did not come back within {time_limit:g} s",
                fix="check the cable and that the device is on: adb devices -l",
            )
        try:
            if adb.shell("true", min(PROBE_SECONDS, left)).code == 0:
                return time.monotonic() - start
        except LinkLostError:
            _revive(adb, max(left, 0.1))
            time.sleep(PAUSE_SECONDS)


def boot_id(adb: Adb) -> str:
    """A word that stays as long as the device runs and changes when it boots."""
    return adb.check(f'{BOOT_SCRIPT}; echo "$boot"').strip()


def _revive(adb: Adb, left: float) -> None:
    """One try; whether it helped only a shell call can tell."""
    limit = min(PROBE_SECONDS, left)
    serial = adb.serial or ""
    server = Adb(None, adb.program)
    try:
        if is_network(serial):
            # adb holds on to a dead connection and would call it "already connected".
            server.call("disconnect", serial, time_limit=limit)
            server.call("connect", serial, time_limit=limit)
        else:
            adb.call("wait-for-device", time_limit=limit)
    except (LinkLostError, AdbServerError):
        return
