"""SIMULATED: one run of the app's benchmark, by really running the artifact on this machine."""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnxruntime
from cdfi_runtime.files import sha256_file
from cdfi_runtime.frames import round_to_uint8
from phone_kit.phone import USER

if TYPE_CHECKING:
    from phone_kit.app import InstalledApp

PACKAGE = "io.github.cdfimobile.demo"


class EndedError(Exception):
    """The app's process is no more."""


class AppRun:
    """One call of the Activity."""

    def __init__(self, app: InstalledApp, extras: dict[str, str]) -> None:
        self.app = app
        self.extras = extras
        self.folder = app.files / "benchmarks"
        self.name = extras["run"]
        self.samples = self.folder / f"{self.name}.samples"
        self.count = 0
        self.origin: int | None = None
        self.times: dict[str, list[int]] = {}
        artifact = app.files / "artifacts" / extras["artifact"]
        self.artifact = artifact
        self.size = int(extras["width"]), int(extras["height"])
        self.result: dict[str, Any] = {
            "runner": 1,
            "complete": False,
            "stopped": None,
            "error": None,
            "runtime": "onnxruntime",
            "version": onnxruntime.__version__,
            "provider_requested": extras["provider"],
            "providers_available": ["cpu", "nnapi", "xnnpack"],
            "provider_nodes": None,
            "provider_nodes_reason": "the Java interface does not tell",
            "threads": int(extras["threads"]),
            "affinity": [0, 1],
            "machine": "x86_64",
            "emulated": None,
            "emulation_known": True,
            "load_ns": None,
            "first_run_ns": None,
            "warm_up": int(extras["warmup"]),
            "reference_ns": [],
            "vm_hwm_before_load_bytes": 50_000_000,
            "vm_hwm_bytes": 90_000_000,
            "frequency": None,
            "thermal": [[0, {"cpu": 41500}]],
            "output_shape": None,
            "app": {
                "package": PACKAGE,
                "version": "1.0",
                "artifact": extras["artifact"],
                "artifact_sha256": sha256_file(artifact),
                "source": "files",
                "provider_actual": "cpu",
                "provider_fallback": None
                if extras["provider"] == "cpu"
                else f"{extras['provider']} is not there",
                "width": self.size[0],
                "height": self.size[1],
                "thermal_status_before": 0,
                "thermal_status_after": 0,
                "error": None,
            },
        }

    def measure(self) -> None:
        extras = self.extras
        self.samples.touch()
        os.chown(self.samples, USER, USER)
        self._live(self.samples)
        while self.app.silent:
            self._live()
            time.sleep(0.05)
        manifest = json.loads(
            self.artifact.with_name(self.artifact.name + ".manifest.json").read_text()
        )
        if manifest["artifact"]["sha256"] != sha256_file(self.artifact):
            raise ValueError("the artifact is not the file its manifest describes")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = int(extras["threads"])
        session = self._timed(
            "load",
            lambda: onnxruntime.InferenceSession(
                str(self.artifact), options, providers=["CPUExecutionProvider"]
            ),
        )
        width, height = self.size
        feed = {}
        for item, name in zip(manifest["inputs"], ("first", "second"), strict=True):
            data = np.fromfile(self.app.files / "frames" / f"{name}.rgb", np.uint8)
            pixels = data.reshape(height, width, 3).transpose(2, 0, 1)[None]
            feed[item["name"]] = np.ascontiguousarray(pixels, np.float32) / np.float32(255)

        def once() -> Any:
            return session.run(None, feed)[0]

        self._timed("first", once)
        for _ in range(int(extras["warmup"])):
            self._timed("warm_up", once)
        for _ in range(int(extras["iterations"])):
            output = self._timed("burst", once)
        for _ in range(int(extras["end_to_end"])):
            self._timed("end_to_end", lambda: round_to_uint8(once()))
        end = time.monotonic() + int(extras["sustained"])
        while time.monotonic() < end:
            self._timed("sustained", once)
        self.result["load_ns"], self.result["first_run_ns"] = (
            self.times[name][0] for name in ("load", "first")
        )
        for name in ("burst", "end_to_end", "sustained"):
            self.result[f"{name}_ns"] = self.times.get(name, [])
        self.result["output_shape"] = list(output.shape)
        self.result["complete"] = True
        picture = round_to_uint8(output[0].transpose(1, 2, 0)).copy()
        self.app.spoil(picture)
        self.write(".output", output.astype("<f4").tobytes())
        self.write(".rgb", picture.tobytes())

    def fail(self, message: str) -> None:
        self.result.update(stopped="error", error=message, complete=False, output_shape=None)
        self.result["app"]["error"] = {
            "message": message,
            "expected": "what the contract says",
            "got": "something else",
            "fix": "mend it",
        }

    def write(self, suffix: str, data: bytes) -> None:
        self._live()
        part = self.folder / f"{self.name}{suffix}.part"
        part.write_bytes(data)
        os.chown(part, USER, USER)
        self._live(part)
        with self._while_there():
            part.rename(self.folder / f"{self.name}{suffix}")

    def _timed(self, phase: str, body: Callable[[], Any]) -> Any:
        if self.count % 10 == 0:
            self._live()
        if self.app.crash_after is not None and self.count >= self.app.crash_after[0]:
            self._crash(self.app.crash_after[1])
        start = time.monotonic_ns()
        value = body()
        end = time.monotonic_ns()
        self.origin = end if self.origin is None else self.origin
        self.times.setdefault(phase, []).append(end - start)
        with self._while_there(), self.samples.open("r+") as file:
            file.seek(0, os.SEEK_END)
            file.write(f"{phase} {end - self.origin} {end - start}\n")
        self.count += 1
        return value

    def _crash(self, reason: str) -> None:
        process = self.app.process()
        assert process is not None
        os.kill(process, 9)
        now = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(time.time() + 1))
        self.app.phone.simulate(
            "dumpsys.activity",
            "ACTIVITY MANAGER PROCESS EXIT INFO (dumpsys activity exit-info)\n"
            f"  package: {PACKAGE}\n    Historical Process Exit for uid=10200\n"
            f"        ApplicationExitInfo #0:\n          timestamp={now}.000 pid=1 realUid=10200 "
            "packageUid=10200 definingUid=10200 user=0\n"
            f"          process={PACKAGE} reason={reason} subreason=0 (UNKNOWN) status=0\n"
            "          importance=100 pss=0.00 rss=0.00 description=null state=empty trace=null\n",
        )
        raise EndedError

    def _live(self, written: Path | None = None) -> None:
        """A process that was ended writes no more; what this thread wrote a moment later goes."""
        if self.app.process() is None:
            if written is not None:
                written.unlink(missing_ok=True)
            raise EndedError

    @contextlib.contextmanager
    def _while_there(self) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError:
            raise EndedError from None
