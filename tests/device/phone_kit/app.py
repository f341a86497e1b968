"""SIMULATED: the Android app on a test device, as ``android_demo/BENCHMARK.md`` describes it.

Its process is one on the device, which ``stubs/am`` starts and ends; its work is done from here, by
really running the artifact. It ends when its process does.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
from phone_kit.app_run import PACKAGE, AppRun, EndedError
from phone_kit.phone import USER, Phone

Change = Callable[[dict[str, Any]], None]


class InstalledApp:
    """The app, installed; ``close`` it. One attribute set by a test is one fault.

    Attributes:
        crash_after: Samples after which the process ends, and the system's word for why.
        silent: The runs get stuck before their first sample.
        change: Given the result before it is written.
        spoil: Given the picture before it is written.
        closed: The folders are made so that the shell cannot write into them.
        runs: Runs that were begun.
    """

    def __init__(self, phone: Phone) -> None:
        self.phone = phone
        self.files = phone.app_data / PACKAGE / "files"
        self.crash_after: tuple[int, str] | None = None
        self.silent = False
        self.change: Change = lambda _result: None
        self.spoil: Callable[[np.ndarray[Any, Any]], None] = lambda _picture: None
        self.closed = False
        self.runs = 0
        self._simulated = phone.root / "data" / "simulated"
        phone.simulate(f"installed.{PACKAGE}", "")
        (self._simulated / PACKAGE).symlink_to("/bin/mksh")
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """No more intents are acted on; what runs ends with its process."""
        self._done.set()
        self._thread.join(30)

    def process(self) -> int | None:
        """Its number, as seen from here."""
        running = self.phone.processes().items()
        found = [pid for pid, line in running if PACKAGE in line.partition(" ")[0]]
        return found[0] if found else None

    def _serve(self) -> None:
        while not self._done.wait(0.02):
            for path in sorted(self._simulated.glob("intent.*[0-9]")):
                lines = path.read_text().splitlines()
                path.unlink()
                extras = dict(line.split("=", 1) for line in lines)
                with contextlib.suppress(EndedError):
                    self._prepare() if extras.get("prepare") == "true" else self._run(extras)

    def _prepare(self) -> None:
        for name in ("artifacts", "frames", "benchmarks"):
            (self.files / name).mkdir(parents=True, exist_ok=True)
        for folder in (self.files.parent, self.files, *self.files.iterdir()):
            os.chown(folder, USER, USER)
        if self.closed:
            os.chown(self.files / "artifacts", 0, 0)

    def _run(self, extras: dict[str, str]) -> None:
        self.runs += 1
        run = AppRun(self, extras)
        try:
            run.measure()
        except EndedError:
            raise
        except Exception as error:  # as the app answers whatever goes wrong
            run.fail(str(error))
        self.change(run.result)
        run.write(".json", json.dumps(run.result).encode())


def uninstall(phone: Phone) -> None:
    """Its files go with it."""
    phone.simulate(f"installed.{PACKAGE}", None)
    shutil.rmtree(phone.app_data / PACKAGE, ignore_errors=True)
