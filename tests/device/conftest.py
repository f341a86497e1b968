"""Test devices that adb sees: a real adbd behind a cable that tests can cut."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn

import pytest
from cdfi_bench.adb.client import Adb
from cdfi_bench.adb.selection import choose_device
from cdfi_bench.cli import app
from cdfi_bench.report import Report, Row
from cdfi_runtime.command import run_app

sys.path.insert(0, str(Path(__file__).parent))

from phone_kit.app import InstalledApp
from phone_kit.emulation import require_arm64
from phone_kit.phone import Phone, free_port, listen
from phone_kit.roots import cached_root

Lacking = Callable[[str], NoReturn]
DEFAULT = Path(__file__).parents[2] / "runtime/cdfi_runtime/assets/default.onnx"


@pytest.fixture(scope="session")
def adb_server(tmp_path_factory: pytest.TempPathFactory, lacking: Lacking) -> Iterator[str]:
    """An adb server of this process's own, with its own keys; the path of adb."""
    program = shutil.which("adb")
    if program is None:
        lacking("no 'adb' (package adb)")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ANDROID_ADB_SERVER_PORT", str(free_port()))
        patch.setenv("HOME", str(tmp_path_factory.mktemp("home")))
        patch.delenv("ADB", raising=False)
        patch.delenv("ANDROID_SERIAL", raising=False)
        started = subprocess.run([program, "start-server"], capture_output=True, text=True)
        assert started.returncode == 0, started.stderr
        try:
            yield program
        finally:
            subprocess.run([program, "kill-server"], capture_output=True)


Opener = Callable[..., Phone]


@pytest.fixture(scope="session")
def open_device(adb_server: str, lacking: Lacking) -> Iterator[Opener]:
    """Makes a device that is on: ``open_device("amd64", data_size="64m")``."""
    _require_namespaces(lacking)
    opened: list[Phone] = []

    def opening(architecture: str, data_size: str = "64m") -> Phone:
        opened.append(Phone(cached_root(architecture, lacking), listen(), data_size))
        opened[-1].switch_on()
        return opened[-1]

    try:
        yield opening
    finally:
        for each in opened:
            subprocess.run([adb_server, "disconnect", each.serial], capture_output=True)
            each.close()


def _require_namespaces(lacking: Lacking) -> None:
    if os.geteuid() != 0:
        lacking("a test device needs root")
    if shutil.which("unshare") is None:
        lacking("no 'unshare' (package util-linux)")
    tried = subprocess.run(["unshare", "--mount", "--pid", "--fork", "true"], capture_output=True)
    if tried.returncode:
        lacking(f"no namespaces here: {tried.stderr.decode().strip()}")


@pytest.fixture(scope="session")
def amd64_device(open_device: Opener) -> Phone:
    return open_device("amd64")


@pytest.fixture(scope="session")
def second_device(open_device: Opener) -> Phone:
    return open_device("amd64", data_size="8m")


@pytest.fixture(scope="session")
def arm64_device(open_device: Opener, lacking: Lacking) -> Phone:
    require_arm64(lacking)
    return open_device("arm64", data_size="1g")


def _in_use(phone: Phone) -> Iterator[Phone]:
    """Connected; afterwards nothing of ours may run or lie on it."""
    choose_device(phone.serial)
    try:
        yield phone
        _assert_clean(phone)
    finally:
        phone.cable.restore()
        if phone.processes():
            phone.reboot()
        phone.wipe()
        Adb().call("disconnect", phone.serial)


def _assert_clean(phone: Phone) -> None:
    deadline = time.monotonic() + 3  # what was killed takes a moment to go
    while (running := phone.processes()) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not running, f"left running on the device: {running}"
    left = sorted(str(each.relative_to(phone.temporary)) for each in phone.temporary.rglob("*"))
    # An app keeps its folders.
    left += sorted(str(each) for each in phone.app_data.rglob("*") if not each.is_dir())
    assert not left, f"left on the device: {left}"


@pytest.fixture
def phone(amd64_device: Phone) -> Iterator[Phone]:
    """A device of this machine's own kind."""
    yield from _in_use(amd64_device)


@pytest.fixture
def other_phone(second_device: Phone) -> Iterator[Phone]:
    """A second device at the same time."""
    yield from _in_use(second_device)


@pytest.fixture
def arm_phone(arm64_device: Phone) -> Iterator[Phone]:
    """A device whose programs are arm64's, emulated: its times mean nothing."""
    yield from _in_use(arm64_device)


@pytest.fixture
def adb(phone: Phone) -> Adb:
    """The device ``phone``, with little patience."""
    return Adb(phone.serial, time_limit=20)


@pytest.fixture
def installed(phone: Phone) -> Iterator[InstalledApp]:
    found = InstalledApp(phone)
    try:
        yield found
    finally:
        found.close()


@pytest.fixture
def in_app(phone: Phone, tmp_path: Path) -> Callable[..., Row]:
    """Runs the command in the app; the one row it wrote, after a look at the exit code."""

    def run(*arguments: object, code: int = 0) -> Row:
        out = tmp_path / "out"
        command = ["latency", DEFAULT, "--device", f"adb:{phone.serial}", "--runner", "app"]
        with pytest.raises(SystemExit) as end:
            run_app(app, list(map(str, [*command, *arguments, "--out", out])))
        (row,) = Report.model_validate_json((out / "latency.json").read_text()).rows
        assert end.value.code == code, row.verdict
        return row

    return run
