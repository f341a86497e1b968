"""A program that runs on the device by itself, so that a lost link costs no measurement."""

from __future__ import annotations

import shlex
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from cdfi_bench.adb import scripts
from cdfi_bench.adb.errors import AdbError, JobLostError, JobStoppedError, LinkLostError
from cdfi_bench.adb.link import reconnect
from cdfi_bench.adb.workspace import Workspace

MOST_BYTES = 1 << 18  # of samples per look
START_SECONDS = 20.0
TAIL_LINES = 20

OnSamples = Callable[[list[str]], None]


@dataclass(frozen=True)
class JobState:
    """``running``; ``done`` with its exit code; or ``gone`` without one, for ``reason``."""

    kind: Literal["running", "done", "gone"]
    code: int | None = None
    reason: str | None = None


class Job:
    """One command in a folder of its own inside a workspace.

    Its outputs go to the files ``stdout`` and ``stderr`` there. What it wrote to ``samples`` has
    been read into ``lines`` up to the last look and stays there whatever becomes of the device.

    Attributes:
        folder: Its folder on the device, absolute.
        lines: Whole lines of its samples so far.
        drops: How often the link was lost meanwhile.
        away_seconds: How long the device was out of reach in all.
    """

    def __init__(self, workspace: Workspace, name: str = "job", samples: str = "samples") -> None:
        self.workspace = workspace
        self.folder = workspace.path(name)
        self.samples = samples
        self.lines: list[str] = []
        self.drops = 0
        self.away_seconds = 0.0
        self._offset = 0

    def path(self, name: str) -> str:
        """The absolute path of ``name`` in the job's folder."""
        return f"{self.folder}/{name}"

    def start(
        self,
        command: Sequence[str],
        environment: Mapping[str, str] | None = None,
        *,
        return_limit: float = 60.0,
    ) -> None:
        """Start ``command``, detached, in the job's folder, where files may have been pushed to.

        If the link is lost meanwhile, the device has ``return_limit`` seconds to come back; the
        command starts once in any case.

        Raises:
            DeviceCommandError: the folder cannot be written to.
            JobLostError: it does not start.
            LinkLostError: the device did not come back; the workspace's end tidies up.
        """
        adb, script = self.workspace.adb, self.path("job.sh")
        text = shlex.quote(scripts.job(self.folder, command, dict(environment or {})))
        start = (
            f"mkdir -p {self.folder} && printf %s {text} > {script} || exit\n"
            f"mkdir {self.path('started')} 2>/dev/null || exit 0\n{scripts.started(f'sh {script}')}"
        )
        try:
            adb.check(start)
        except LinkLostError:
            self._return(return_limit)
            adb.check(start)
        deadline = time.monotonic() + START_SECONDS
        while adb.shell(f"[ -f {self.path('pid')} ]").code:
            if time.monotonic() > deadline:
                raise JobLostError(f"{command[0]} did not start on {adb.serial}")
            time.sleep(0.1)

    def poll(self) -> JobState:
        """Look once: the state, and new lines of samples into ``lines``.

        Raises:
            LinkLostError: the device does not answer; the job goes on.
        """
        while True:
            script = self.poll_script(self._offset, MOST_BYTES)
            head, _, fresh = self.workspace.adb.check(script).partition("\n")
            # A line in the middle of being written comes whole with the next look.
            whole, found, _ = fresh.rpartition("\n")
            self._offset += len((whole + found).encode())
            self.lines += whole.splitlines()
            if not found or len(fresh) < MOST_BYTES:
                return self._state(head)

    def poll_script(self, offset: int, most: int) -> str:
        """The script of one look: it prints the state, then samples from ``offset`` on."""
        return scripts.poll(self.folder, self.workspace.alive, self.samples, offset, most)

    def wait(
        self,
        on_samples: OnSamples | None = None,
        *,
        interval: float = 1.0,
        return_limit: float = 120.0,
        time_limit: float | None = None,
        stop: threading.Event | None = None,
    ) -> int:
        """Wait for its end, through lost links; returns its exit code.

        Args:
            on_samples: Called with each batch of new lines.
            interval: Seconds between looks; each costs the device some milliseconds of one CPU.
            return_limit: Seconds that a lost device has to come back, each time. Past the
                workspace's ``alive_limit`` the device gives the job up by itself.
            time_limit: Seconds the job may take in all; it is stopped then.
            stop: Once set, the job is stopped and what it wrote until then is read.

        Raises:
            JobLostError: it is gone without an exit code.
            LinkLostError: the device did not come back; ``lines`` has what was read until then.
            AdbError: the time is over.
        """
        start = time.monotonic()
        while True:
            known = len(self.lines)
            try:
                state = self.poll()
            except LinkLostError:
                self._return(return_limit)
                continue
            seen = len(self.lines)
            if on_samples is not None and seen > known:
                on_samples(self.lines[known:])
            if state.kind == "done":
                assert state.code is not None
                return state.code
            if state.kind == "gone":
                raise JobLostError(
                    f"the job on the device {self.workspace.adb.serial} ended without a result",
                    got=state.reason,
                )
            if stop is not None and stop.is_set():
                self.stop()
                if on_samples is not None and len(self.lines) > seen:
                    on_samples(self.lines[seen:])
                raise JobStoppedError(
                    f"the job on the device {self.workspace.adb.serial} was stopped"
                )
            if time_limit is not None and time.monotonic() - start > time_limit:
                self.stop()
                raise AdbError(
                    f"the job on the device {self.workspace.adb.serial} was stopped",
                    expected=f"its end within {time_limit:g} s",
                    got=f"{len(self.lines)} lines of samples until then",
                )
            time.sleep(interval)

    def stop(self, grace: float = 10.0) -> JobState:
        """End it: SIGTERM, and SIGKILL after ``grace`` seconds; returns its last state.

        Raises:
            LinkLostError: the device does not answer.
        """
        for signal, limit in (("TERM", grace), ("KILL", 5.0)):
            self.workspace.adb.check(scripts.stop(self.folder, signal))
            deadline = time.monotonic() + limit
            while (state := self.poll()).kind == "running" and time.monotonic() < deadline:
                time.sleep(0.1)
            if state.kind != "running":
                break
        return state

    def output_tail(self) -> str:
        """The last lines of its two outputs, for messages."""
        files = f"{self.path('stdout')} {self.path('stderr')}"
        script = f"for each in {files}; do tail -n {TAIL_LINES} $each; done 2>/dev/null"
        return self.workspace.adb.shell(script).out.strip()

    def _state(self, head: str) -> JobState:
        word, _, boot = head.partition(" ")
        if word == "running":
            return JobState("running")
        if word.startswith("done:"):
            return JobState("done", int(word.removeprefix("done:")))
        if boot != self.workspace.boot:
            return JobState("gone", reason="the device rebooted")
        return JobState("gone", reason=self.why_gone(folder_lost=word == "lost"))

    def why_gone(self, *, folder_lost: bool) -> str:
        """Why it ended without an exit code, without a reboot; ``folder_lost``: its files too.

        Raises:
            LinkLostError: the device does not answer.
        """
        if folder_lost:
            limit = self.workspace.alive_limit
            return f"its folder was removed: no sign of life from here for {limit:g} s"
        return "it was killed, perhaps for want of memory"

    def _return(self, return_limit: float) -> None:
        self.drops += 1
        start = time.monotonic()
        try:
            reconnect(self.workspace.adb, return_limit)
        finally:
            self.away_seconds += time.monotonic() - start
