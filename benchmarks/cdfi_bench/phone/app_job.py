"""One run of the app's benchmark Activity: its files on the phone, its start, and its progress.

``android_demo/BENCHMARK.md`` has the contract. The run is the app's own: it goes on when the link
is lost, and what is pushed and written goes away at the end in any case, at the latest with the
workspace.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from cdfi_runtime.manifest import MANIFEST_SUFFIX

from cdfi_bench.adb import app_scripts
from cdfi_bench.adb.app import AppError, device_time, require_app, start_activity, why_ended
from cdfi_bench.adb.errors import AdbError, LinkLostError
from cdfi_bench.adb.job import Job, JobState
from cdfi_bench.adb.transfer import Upload, push_all
from cdfi_bench.adb.workspace import Workspace

PACKAGE = "io.github.cdfimobile.demo"
ACTIVITY = f"{PACKAGE}/.BenchmarkActivity"
FILES = f"/sdcard/Android/data/{PACKAGE}/files"
PREPARE_SECONDS = 20.0
ARRIVAL_SECONDS = 5.0
SILENT_SECONDS = 300.0  # a driver may take minutes to compile a graph before the first sample
_FRAMES = ("first.rgb", "second.rgb")
_INSTALL = "build it from android_demo (its README.md says how), then: adb install app-debug.apk"


class AppRun(Job):
    """A :class:`~cdfi_bench.adb.job.Job` that the app runs: it has a result file, no exit code.

    Args:
        workspace: The claimed phone.
        suffix: Of the artifact's name, by which the app tells the format.
        return_limit: Seconds that a lost device has to come back, each time.
    """

    def __init__(self, workspace: Workspace, suffix: str, return_limit: float) -> None:
        self.run = f"cdfi-{uuid.uuid4().hex[:12]}"
        super().__init__(workspace, samples=f"{self.run}.samples")
        self.folder = f"{FILES}/benchmarks"
        self.artifact = self.run + suffix
        self.return_limit = return_limit
        self._started = ""
        self._last_news = time.monotonic()

    @property
    def result(self) -> str:
        """Path of the result on the phone."""
        return self.path(f"{self.run}.json")

    @property
    def output(self) -> str:
        """Path of the raw output."""
        return self.path(f"{self.run}.output")

    @property
    def picture(self) -> str:
        """Path of the RGB picture."""
        return self.path(f"{self.run}.rgb")

    def prepare(self) -> None:
        """Have the app, freshly started, make its folders, where the shell may then write.

        Raises:
            AppError: it is not installed, does not start, or its folders stay closed to the shell.
            LinkLostError: the device does not answer.
        """
        adb = self.workspace.adb
        require_app(adb, PACKAGE, _INSTALL)
        self.workspace.tidy_at_end(self._removal)
        adb.shell(f"am force-stop {PACKAGE}")
        start_activity(adb, ACTIVITY, {"prepare": True})
        deadline = time.monotonic() + PREPARE_SECONDS
        while adb.shell(f"[ -d {self.folder} ]").code:
            if time.monotonic() > deadline:
                raise AppError(
                    f"the app on {adb.serial} did not make its folder",
                    expected=f"{self.folder} within {PREPARE_SECONDS:g} s",
                    fix="install the version of the app that goes with this release",
                )
            time.sleep(0.2)
        probe = f"{FILES}/artifacts/{self.run}.part"
        tried = adb.shell(f": > {probe} && rm -f {probe}")
        if tried.code:
            raise AppError(
                f"adb's shell may not write into the app's folder on {adb.serial}",
                expected=f"write permission in {FILES}/artifacts",
                got=tried.text or f"exit code {tried.code}",
                fix="leave --runner app out: the runner that is pushed needs no such folder",
            )

    def push(self, artifact: Path, manifest: Path, frames: tuple[Path, Path]) -> None:
        """Bring artifact, manifest and both frames to the app's folders.

        Raises:
            DeviceFullError: there is no room.
            AdbError: the link, or what arrived.
        """
        local = (artifact, manifest, *frames)
        uploads = [Upload(*pair) for pair in zip(local, self._pushed, strict=True)]
        push_all(self.workspace.adb, uploads, return_limit=self.return_limit)

    def begin(self, extras: Mapping[str, str | int | bool]) -> None:
        """Start the run; if the link is lost meanwhile, once in any case.

        Raises:
            AppError: it does not start.
            LinkLostError: the device did not come back.
        """
        adb = self.workspace.adb
        self._started = device_time(adb)
        call = {"run": self.run, "artifact": self.artifact, **extras}
        try:
            start_activity(adb, ACTIVITY, call)
        except LinkLostError:
            self._return(self.return_limit)
            if not self._has_begun():
                start_activity(adb, ACTIVITY, call)
        self._last_news = time.monotonic()

    def _has_begun(self) -> bool:
        """Whether a start whose answer was lost came through; it may take a while to."""
        deadline = time.monotonic() + ARRIVAL_SECONDS
        there = f"[ -f {self.path(self.samples)} ] || [ -f {self.result} ]"
        while self.workspace.adb.shell(there).code:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.2)
        return True

    def poll_script(self, offset: int, most: int) -> str:
        """See :class:`~cdfi_bench.adb.job.Job`."""
        return app_scripts.poll_app(
            PACKAGE,
            self.workspace.alive,
            self.folder,
            f"{self.run}.json",
            self.samples,
            offset,
            most,
        )

    def poll(self) -> JobState:
        """See :class:`~cdfi_bench.adb.job.Job`.

        Raises:
            LinkLostError: the device does not answer; the run goes on.
            AppError: the app has said nothing for long; it is stopped.
        """
        known = len(self.lines)
        try:
            state = super().poll()
        except LinkLostError:
            self._last_news = time.monotonic()  # who is out of reach is not silent
            raise
        if len(self.lines) > known or state.kind != "running":
            self._last_news = time.monotonic()
        elif time.monotonic() - self._last_news > SILENT_SECONDS:
            self.workspace.adb.shell(f"am force-stop {PACKAGE}")
            raise AppError(
                f"the app on {self.workspace.adb.serial} was stopped",
                expected=f"a sample every {SILENT_SECONDS:g} s",
                got=f"none after {len(self.lines)}",
            )
        return state

    def stop(self, grace: float = 10.0) -> JobState:
        """End the app; what it wrote until then is read.

        Raises:
            LinkLostError: the device does not answer.
        """
        self.workspace.adb.shell(f"am force-stop {PACKAGE}")
        deadline = time.monotonic() + grace
        while (state := self.poll()).kind == "running" and time.monotonic() < deadline:
            time.sleep(0.1)
        return state

    def why_gone(self, *, folder_lost: bool) -> str:
        """See :class:`~cdfi_bench.adb.job.Job`."""
        if folder_lost:
            return "the app's folder is gone: was it uninstalled, or its data cleared?"
        return why_ended(self.workspace.adb, PACKAGE, self._started)

    def remove(self) -> None:
        """End the app and remove all of this run; without a link the workspace's end does."""
        with suppress(AdbError):
            self.workspace.adb.shell(self._removal)

    @property
    def _pushed(self) -> tuple[str, ...]:
        artifact = f"{FILES}/artifacts/{self.artifact}"
        frames = (f"{FILES}/frames/{name}" for name in _FRAMES)
        return (artifact, artifact + MANIFEST_SUFFIX, *frames)

    @property
    def _removal(self) -> str:
        written = (self.path(f"{self.run}.*"),)
        parts = tuple(f"{path}.*.part" for path in self._pushed)
        return app_scripts.remove_run(PACKAGE, (*self._pushed, *parts, *written))
