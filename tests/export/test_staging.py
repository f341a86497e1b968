"""Moving results out of the staging folder, whatever happens on the way."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from cdfi_export.staging import publish, remove_abandoned, staging
from cdfi_runtime.errors import CdfiError
from cdfi_runtime.manifest import load_manifest, manifest_path

pytestmark = pytest.mark.skipif(os.name == "nt", reason="needs file locks")

# Publishes artifact after artifact under one name until it is killed.
_WRITER = """
import shutil, sys
from pathlib import Path
from cdfi_export.staging import publish, staging
from cdfi_runtime.manifest import manifest_path
folder = Path(sys.argv[1])
sources = [Path(item) for item in sys.argv[2:]]
print("ready", flush=True)
while True:
    for source in sources:
        with staging(folder) as stage:
            staged = stage / "artifact.onnx"
            shutil.copy(source, staged)
            shutil.copy(manifest_path(source), manifest_path(staged))
            publish(staged, folder / staged.name)
"""


@pytest.fixture
def sources(tiny_run: Any) -> list[Path]:
    return [tiny_run.out / "tiny_64x64.onnx", tiny_run.out / "tiny_dynamic.onnx"]


def _writer(folder: Path, sources: list[Path]) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", _WRITER, str(folder), *map(str, sources)],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None and process.stdout.readline() == "ready\n"
    return process


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def _check_whole(folder: Path) -> None:
    """What lies there is an artifact with its own manifest, or nothing."""
    names = [name for name in _names(folder) if not name.startswith(".export-")]
    if "artifact.onnx" in names:
        load_manifest(folder / "artifact.onnx")
    else:
        assert names in ([], ["artifact.onnx.manifest.json"])


def test_a_kill_at_any_point_leaves_whole_artifacts_or_nothing(
    tmp_path: Path, sources: list[Path]
) -> None:
    draw = random.Random(1)
    for _ in range(6):
        process = _writer(tmp_path, sources)
        time.sleep(draw.uniform(0.01, 0.15))
        process.kill()
        process.wait()
        _check_whole(tmp_path)
    remove_abandoned(tmp_path)
    assert _names(tmp_path) in ([], ["artifact.onnx", "artifact.onnx.manifest.json"])


def test_two_exports_into_one_folder_do_not_mix(tmp_path: Path, sources: list[Path]) -> None:
    first, second = _writer(tmp_path, sources), _writer(tmp_path, sources[::-1])
    seen = 0
    until = time.monotonic() + 2.0
    while time.monotonic() < until or seen == 0:
        assert first.poll() is None and second.poll() is None
        seen += (tmp_path / "artifact.onnx").exists()
        time.sleep(0.01)
    for process in (first, second):
        process.send_signal(signal.SIGKILL)
        process.wait()
    remove_abandoned(tmp_path)
    _check_whole(tmp_path)


def _hold(folder: str, ready: Any, done: Any) -> None:
    with staging(Path(folder)):
        ready.set()
        done.wait(60)


def test_what_a_living_export_writes_is_left_alone(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    ready, done = context.Event(), context.Event()
    process = context.Process(target=_hold, args=(str(tmp_path), ready, done))
    process.start()
    assert ready.wait(60)
    remove_abandoned(tmp_path)
    assert len(_names(tmp_path)) == 1
    process.kill()
    process.join()
    assert len(_names(tmp_path)) == 1
    remove_abandoned(tmp_path)
    assert _names(tmp_path) == []


@pytest.mark.parametrize("failing", [0, 1, 2, 3])
def test_a_move_that_fails_brings_the_former_pair_back(
    failing: int, tmp_path: Path, sources: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    import shutil

    target = tmp_path / "artifact.onnx"
    shutil.copy(sources[0], target)
    shutil.copy(manifest_path(sources[0]), manifest_path(target))
    before = target.read_bytes()
    rename, calls = Path.replace, []

    def fails(self: Path, to: Path) -> Path:
        calls.append(self)
        if len(calls) == failing + 1:
            raise OSError(5, "Input/output error")
        return rename(self, to)

    with pytest.raises(CdfiError, match="Input/output error"), staging(tmp_path) as stage:
        staged = stage / target.name
        shutil.copy(sources[1], staged)
        shutil.copy(manifest_path(sources[1]), manifest_path(staged))
        monkeypatch.setattr(Path, "replace", fails)
        publish(staged, target)
    assert len(calls) > failing
    assert _names(tmp_path) == [target.name, manifest_path(target).name]
    assert target.read_bytes() == before
    load_manifest(target)
