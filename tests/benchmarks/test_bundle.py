"""The folder that a device runs: built, described, checked, and run by its own loader."""

from __future__ import annotations

import json
import os
import shutil
import struct
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import cdfi_runtime
import numpy as np
import onnxruntime
import pytest
from cdfi_bench.bundle.folder import FILE, Bundle, copy_bundle, describe_folder, open_bundle
from cdfi_runtime.errors import ArtifactError, InputError, OutputError

MODEL = Path(cdfi_runtime.__file__).parent / "assets" / "default.onnx"
Lacking = Callable[[str], NoReturn]


def feed(folder: Path, side: int) -> dict[str, np.ndarray]:
    """Two frames, also written into ``folder``, with the network beside them."""
    random = np.random.default_rng(5)
    shape = (1, 3, side, side)
    frames = {n: random.random(shape, dtype=np.float32) for n in ("frame0", "frame2")}
    for name, frame in frames.items():
        frame.tofile(folder / f"{name}.raw")
    shutil.copyfile(MODEL, folder / "model.onnx")
    return frames


def options(side: int, *more: str) -> str:
    inputs = [f"--input {n}={n}.raw --shape {n}=1,3,{side},{side}" for n in ("frame0", "frame2")]
    files = "--library ./libonnxruntime.so --model model.onnx --output out.raw"
    return " ".join([files, "--result result.json --samples samples.txt", *inputs, *more])


def difference(folder: Path, frames: dict[str, np.ndarray]) -> float:
    session = onnxruntime.InferenceSession(MODEL, providers=["CPUExecutionProvider"])
    expected = session.run(None, frames)[0]
    return float(np.abs(np.fromfile(folder / "out.raw", "<f4") - expected.ravel()).max())


def mapped(process: int) -> set[str]:
    """Shared libraries that a process has loaded."""
    lines = Path(f"/proc/{process}/maps").read_text().splitlines()
    return {words[5] for line in lines if len(words := line.split()) > 5 and ".so" in words[5]}


def test_it_runs_by_its_own_loader_and_libraries_alone(host_bundle: Bundle, tmp_path: Path) -> None:
    copied = copy_bundle(host_bundle, tmp_path / "elsewhere")
    frames = feed(copied.folder, 64)
    command = f"exec {copied.command()} {options(64, '--threads 1', '--sustained 600')}"
    operators = "--operators ./libcdfi_native.so"
    with subprocess.Popen(
        ["/bin/sh", "-c", f"{command} {operators}"], cwd=copied.folder, env={}
    ) as process:
        samples = copied.folder / "samples.txt"
        while "sustained" not in (samples.read_text() if samples.exists() else ""):
            assert process.poll() is None
            time.sleep(0.05)
        libraries = mapped(process.pid)
        process.terminate()
    assert process.returncode == 4
    assert {Path(path).parent for path in libraries} == {copied.folder}
    assert {"libc.so.6", "libstdc++.so.6", "libonnxruntime.so"} <= {Path(p).name for p in libraries}
    assert difference(copied.folder, frames) <= 1e-6
    assert json.loads((copied.folder / "result.json").read_text())["emulated"] is None


@pytest.mark.slow
def test_the_other_processors_bundle_under_emulation(
    build: Callable[[str], Bundle], tmp_path: Path, lacking: Lacking
) -> None:
    if shutil.which("qemu-aarch64") is None:
        lacking("'qemu-aarch64' is not installed: apt-get install qemu-user")
    copied = copy_bundle(build("arm64-v8a"), tmp_path / "arm64")
    frames = feed(copied.folder, 32)
    # ONNX Runtime crashes on another processor's list of CPUs, so the emulator shows an empty one.
    cpus = tmp_path / "system" / "sys" / "devices" / "system" / "cpu"
    cpus.mkdir(parents=True)
    for name in ("possible", "present"):
        (cpus / name).touch()
    emulator = f"{shutil.which('qemu-aarch64')} -L {tmp_path / 'system'}"
    command = f"{emulator} {copied.command()} {options(32, '--runs 1 --warm-up 0 --threads 1')}"
    done = subprocess.run(
        ["/bin/sh", "-c", f"{command} --operators ./libcdfi_native.so"],
        cwd=copied.folder,
        env={},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    result = json.loads((copied.folder / "result.json").read_text())
    assert (result["complete"], result["machine"]) == (True, "aarch64")
    assert result["emulated"].startswith("qemu-aarch64")
    assert result["version"] == copied.version
    assert difference(copied.folder, frames) <= 1e-4


def test_the_description(host_bundle: Bundle) -> None:
    opened = open_bundle(host_bundle.folder)
    assert opened.files == host_bundle.files
    assert opened.version == onnxruntime.__version__
    assert (opened.libc, opened.unverified) == ("glibc", None)
    assert opened.loader in opened.files
    assert opened.command() == f"./{opened.loader} --library-path . ./cdfi_runner"
    executables = {name for name, file in opened.files.items() if file.executable}
    assert executables == {"cdfi_runner", opened.loader}
    assert opened.bytes == sum(p.stat().st_size for p in opened.folder.iterdir() if p.name != FILE)


@pytest.fixture
def small(tmp_path: Path) -> Bundle:
    """A bundle of a few bytes: what is checked does not depend on what the files are."""
    folder = tmp_path / "small"
    folder.mkdir()
    names = ("cdfi_runner", "libonnxruntime.so", "libcdfi_native.so", "ld.so", "libm.so.6")
    for name in (*names, "libc.so.6"):
        (folder / name).write_bytes(name.encode() * 50)
        (folder / name).chmod(0o755)
    return describe_folder(
        folder, abi="x86_64", libc="glibc", loader="ld.so", version="1.2.3", unverified=None
    )


def flip(folder: Path) -> None:
    data = bytearray((folder / "libm.so.6").read_bytes())
    data[len(data) // 2] ^= 1
    (folder / "libm.so.6").write_bytes(data)


def describe(**changes: Any) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        told = json.loads((folder / FILE).read_text())
        (folder / FILE).write_text(json.dumps(told | changes))

    return change


TAMPERED: dict[str, tuple[Callable[[Path], object], str]] = {
    "one bit": (flip, "libm.so.6"),
    "shorter": (lambda f: os.truncate(f / "cdfi_runner", 100), "cdfi_runner"),
    "gone": (lambda f: (f / "libc.so.6").unlink(), "libc.so.6"),
    "more": (lambda f: (f / "evil.so").write_bytes(b"1"), "evil.so"),
    "not executable": (lambda f: (f / "cdfi_runner").chmod(0o644), "cdfi_runner"),
    "no description": (lambda f: (f / FILE).unlink(), FILE),
    "no JSON": (lambda f: (f / FILE).write_text("{"), FILE),
    "a later schema": (describe(schema_version=2), FILE),
    "no files": (describe(files={}), FILE),
    "no loader": (describe(loader=None), FILE),
    "a path": (describe(loader="../../bin/sh"), FILE),
}


@pytest.mark.parametrize("case", TAMPERED)
def test_what_was_changed_is_refused(small: Bundle, tmp_path: Path, case: str) -> None:
    copied = copy_bundle(small, tmp_path / "copy")
    tamper, message = TAMPERED[case]
    tamper(copied.folder)
    with pytest.raises(ArtifactError, match=message):
        open_bundle(copied.folder)


def test_no_folder_and_a_folder_in_the_way(small: Bundle, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not found"):
        open_bundle(tmp_path / "none")
    with pytest.raises(OutputError, match="exists already"):
        copy_bundle(small, tmp_path)


def test_each_file_is_for_the_abi(host_bundle: Bundle) -> None:
    for name in host_bundle.files:
        machine = struct.unpack_from("<H", (host_bundle.folder / name).read_bytes(), 18)[0]
        assert machine == {"x86_64": 62, "arm64-v8a": 183}[host_bundle.abi]
