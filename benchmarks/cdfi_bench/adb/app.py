"""An app on a device: whether it is there, starting an activity of it, and why it ended."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping

from cdfi_bench.adb import app_scripts
from cdfi_bench.adb.client import Adb
from cdfi_bench.adb.errors import AdbError

START_SECONDS = 60.0
_LOOKS, _PAUSE_SECONDS = 4, 0.5
_REFUSALS = ("Error", "Exception", "Permission Denial")
_END = re.compile(
    r"timestamp=(\S+ \S+).*?process=(\S+)\s+reason=(\d+) \((.*?)\)(?=\s+\w+=).*?"
    r"description=(.*?)\s+(?:state|trace)=",
    re.DOTALL,
)
_WORDS = {
    2: "a signal ended it, perhaps for want of memory",
    3: "Android ended it for want of memory",
    4: "it crashed",
    5: "it crashed in native code",
    6: "it no longer answered",
    10: "somebody stopped it",
}


class AppError(AdbError):
    """An app is missing, does not start, or may not be used."""


def require_app(adb: Adb, package: str, fix: str) -> None:
    """Check that ``package`` is installed; ``fix`` tells how to.

    Raises:
        AppError: it is not.
        LinkLostError: the device does not answer.
    """
    reply = adb.shell(f"pm path {package}")
    if reply.code or not reply.out.startswith("package:"):
        raise AppError(
            f"the app {package} is not installed on the device {adb.serial}",
            expected=f"'pm path {package}' to name its package file",
            got=reply.text or "nothing",
            fix=fix,
        )


def start_activity(adb: Adb, component: str, extras: Mapping[str, str | int | bool]) -> None:
    """Start an activity of an app and wait until it is shown.

    Raises:
        AppError: Android refuses; older versions say so with exit code 0.
        LinkLostError: the device does not answer; whether it was started is not known.
    """
    reply = adb.shell(app_scripts.start_activity(component, extras), START_SECONDS)
    lines = [line.strip() for line in reply.text.splitlines()]
    refusals = [line for line in lines if any(word in line for word in _REFUSALS)]
    if not refusals and reply.code == 0:
        return
    # "Error type 3" and the name of a method say less than the lines that follow them.
    telling = [line for line in refusals if "Permission Denial" in line or "Error:" in line]
    got = (telling or refusals or lines or ["no output"])[0]
    denied = "Permission Denial" in got
    raise AppError(
        f"{component} did not start on the device {adb.serial}",
        expected="am start to say that it started",
        got=f"exit code {reply.code}: {got}",
        fix="adb's shell may not start it: install the app as this checkout builds it"
        if denied
        else "install the version of the app that goes with this release",
    )


def device_time(adb: Adb) -> str:
    """The device's clock as :func:`why_ended` compares it.

    Raises:
        LinkLostError: the device does not answer.
    """
    return adb.check("date '+%Y-%m-%d %H:%M:%S'").strip()


def why_ended(adb: Adb, package: str, since: str) -> str:
    """Why the app's process ended after ``since``, as Android 11 and newer tell it.

    Raises:
        LinkLostError: the device does not answer.
    """
    for _ in range(_LOOKS):  # the system notes it a moment later
        text = adb.shell(f"dumpsys activity exit-info {package}").out
        for when, process, number, name, description in _END.findall(text):
            if process == package and when >= since:
                reason = _WORDS.get(int(number), name.lower())
                told = f": {description}" if description not in ("", "null") else ""
                return f"the app's process ended: {reason}{told}"
        time.sleep(_PAUSE_SECONDS)
    return "the app's process ended; the device does not tell why (adb logcat -b crash -d may)"
