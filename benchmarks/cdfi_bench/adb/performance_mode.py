"""Android's fixed performance mode: clocks that a device can hold, instead of its highest."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from cdfi_bench.adb.client import Adb
from cdfi_bench.adb.errors import AdbError, LinkLostError
from cdfi_bench.adb.link import reconnect
from cdfi_bench.adb.workspace import Workspace

SWITCH = "cmd power set-fixed-performance-mode-enabled"
# `cmd` may end with 0 although it could not do a thing.
REFUSALS = ("Failed", "Unknown command", "Can't find service", "Exception", "not found", "Error")


@dataclass(frozen=True)
class FixedPerformance:
    """Whether the mode is on; if not, why."""

    enabled: bool
    reason: str | None = None


@contextmanager
def fixed_performance(
    workspace: Workspace, *, return_limit: float = 60.0
) -> Iterator[FixedPerformance]:
    """Have the mode on meanwhile (Android 11 and newer); off afterwards in any case.

    A device without it is no error: the value says so. If this process dies, the workspace's guard
    switches it off; if the device reboots, it is off anyway.
    """
    workspace.restore_at_death(f"{SWITCH} false")
    outcome = _switch(workspace.adb, "true")
    try:
        yield outcome
    finally:
        # Also if it was refused: half of it may have been done.
        try:
            try:
                back = _switch(workspace.adb, "false")
            except LinkLostError:
                reconnect(workspace.adb, return_limit)
                back = _switch(workspace.adb, "false")
        except AdbError as error:
            back = FixedPerformance(False, str(error.problem))
        if outcome.enabled and not back.enabled:
            warnings.warn(
                f"fixed performance mode may still be on at {workspace.adb.serial} "
                f"({back.reason}); adb shell {SWITCH} false, or a reboot, ends it",
                stacklevel=3,
            )


def _switch(adb: Adb, to: str) -> FixedPerformance:
    """``enabled`` here: the device did as told."""
    reply = adb.shell(f"{SWITCH} {to}")
    if reply.code or any(each in reply.text for each in REFUSALS):
        first = (reply.text.splitlines() or [f"exit code {reply.code}"])[0]
        return FixedPerformance(False, first)
    return FixedPerformance(True)
