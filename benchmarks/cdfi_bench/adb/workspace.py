"""A folder on the device for one run: locked, guarded, and removed at the end in any case.

Three things remove it. The end of the context, also by an exception or Ctrl-C. Where this process
was killed or the device never came back to it: the guard, a small process on the device, once
nobody has touched the file ``alive`` for ``alive_limit`` seconds. Where the device went off: the
next bench that claims the device.
"""

from __future__ import annotations

import getpass
import math
import os
import platform
import re
import shlex
import threading
import time
import uuid
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from cdfi_bench.adb import scripts
from cdfi_bench.adb.client import Adb
from cdfi_bench.adb.errors import AdbError, DeviceBusyError, DeviceCommandError, LinkLostError
from cdfi_bench.adb.link import reconnect

BASE = "/data/local/tmp/cdfi-bench"
ALIVE_LIMIT = 180.0
RETURN_LIMIT = 60.0


@dataclass(frozen=True)
class Workspace:
    """A claimed device and our folder on it.

    Attributes:
        adb: The device.
        folder: The folder, absolute; its path has no characters that a shell would mind.
        alive: The file whose age tells whether we live, for the runner's ``--alive``.
        alive_limit: Seconds after which we count as dead.
        boot: The device's boot when it was claimed, see ``link.boot_id``.
    """

    adb: Adb
    folder: str
    alive: str
    alive_limit: float
    boot: str

    def path(self, name: str) -> str:
        """The absolute path of ``name`` in the folder."""
        return f"{self.folder}/{name}"

    def restore_at_death(self, command: str) -> None:
        """Have the guard run ``command`` too, should it have to tidy up in our place."""
        self.adb.check(f"echo {shlex.quote(command)} >> {self.path('restore')}")

    def tidy_at_end(self, command: str) -> None:
        """Have ``command`` run when the folder is removed, whoever does that; it may be twice."""
        self.adb.check(f"echo {shlex.quote(command)} >> {self.path('tidy')}")


@contextmanager
def workspace(
    adb: Adb,
    *,
    alive_limit: float = ALIVE_LIMIT,
    return_limit: float = RETURN_LIMIT,
    base: str = BASE,
) -> Iterator[Workspace]:
    """Claim the device and make a folder there; both end with the context.

    If the link is lost at the end, the device has ``return_limit`` seconds to come back; if it does
    not, a warning says what is left and when the guard removes it.

    Raises:
        DeviceBusyError: another bench that is alive uses the device.
        DeviceCommandError: the folder cannot be made.
        LinkLostError: the device does not answer.
    """
    identity = uuid.uuid4().hex[:12]
    folder = f"{base}/{identity}"
    alive = f"{folder}/alive"
    done = threading.Event()
    beat = threading.Thread(target=_beat, args=(adb, alive, alive_limit / 4, done), daemon=True)
    try:
        boot = _claim(adb, base, identity, alive_limit, return_limit)
        _start_guard(adb, base, identity, alive_limit)
        beat.start()
        yield Workspace(adb, folder, alive, alive_limit, boot)
    finally:
        done.set()
        if not _release(adb, base, identity, return_limit):
            warnings.warn(
                f"the device {adb.serial} did not come back: its guard ends what runs in {folder} "
                f"and removes it within {alive_limit:g} s, or the next bench does",
                stacklevel=3,
            )


def _claim(adb: Adb, base: str, identity: str, alive_limit: float, return_limit: float) -> str:
    owner = f"{_user()}@{platform.node()} process {os.getpid()} since {time.strftime('%H:%M:%S')}"
    script = scripts.claim(base, identity, math.ceil(alive_limit), owner)
    try:
        answer = adb.check(script)
    except LinkLostError:  # it may have been claimed all the same
        _release(adb, base, identity, return_limit)
        answer = adb.check(script)
    lines = answer.strip().splitlines() or [""]
    word, _, rest = lines[-1].partition(" ")
    if word == "claimed":
        return rest
    held = re.fullmatch(r"by=(\S*) age=(-?\d+) limit=(\d*) owner=(.*)", rest)
    if word != "held" or held is None:
        raise DeviceCommandError("claim the device", 0, answer)
    other, age, limit, name = held.groups()
    left = max(int(limit or 30) - int(age), 0) + 1
    raise DeviceBusyError(
        f"another bench uses the device {adb.serial}",
        expected="a device that nobody else measures on",
        got=f"run {other or 'of unknown name'} by {name or 'an unknown owner'}, "
        f"last sign of life {age} s ago",
        fix=f"wait for its end; if it is dead, the device is free again in {left} s",
    )


def _start_guard(adb: Adb, base: str, identity: str, alive_limit: float) -> None:
    path = f"{base}/{identity}/guard.sh"
    text = shlex.quote(scripts.guard(base, identity, alive_limit))
    adb.check(f"printf %s {text} > {path}\n{scripts.started(f'sh {path}')}")


def _beat(adb: Adb, alive: str, interval: float, done: threading.Event) -> None:
    while not done.wait(interval):
        # While the link is down nothing can be said; who waits for the device reconnects.
        with suppress(AdbError):
            adb.shell(f"touch -c {alive}", 10)


def _release(adb: Adb, base: str, identity: str, return_limit: float) -> bool:
    script = scripts.release(base, identity)
    try:
        try:
            return adb.shell(script).code == 0
        except LinkLostError:
            reconnect(adb, return_limit)
            return adb.shell(script).code == 0
    except AdbError:
        return False


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):  # a user number without a name
        return "unknown"
