"""What goes wrong while an artifact is measured in the app: its end, the link, this machine."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from cdfi_bench.adb.client import Adb
from cdfi_bench.adb.workspace import workspace
from cdfi_bench.cli import app
from cdfi_bench.phone import app_job
from cdfi_bench.phone.app_job import AppRun
from cdfi_bench.report import Report, Row
from cdfi_runtime.command import run_app
from cdfi_runtime.manifest import manifest_path
from phone_kit.app import InstalledApp, uninstall

DEFAULT = Path(__file__).parents[2] / "runtime/cdfi_runtime/assets/default.onnx"
SMALL = ("--size", "64x64", "--threads", 1, "--warm-up", 1, "--end-to-end", 0, "--cool-down", 0)
LONG = (*SMALL, "--runs", 1_000_000)
Phone = Any  # phone_kit.phone.Phone
Bench = Callable[..., Row]


@contextmanager
def meanwhile(action: Callable[[], object]) -> Iterator[None]:
    """Runs ``action`` in a thread beside the block; its failure is the block's."""
    failures: list[BaseException] = []

    def run() -> None:
        try:
            action()
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        thread.join(60)
    assert not thread.is_alive() and not failures, failures


def wait_for_samples(installed: InstalledApp, count: int = 20) -> None:
    """Until the app has measured some of its burst, and the host has had time for two looks."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        for path in installed.files.glob("benchmarks/*.samples"):
            if path.read_text().count("burst") >= count:
                time.sleep(3)
                return
        time.sleep(0.05)
    raise AssertionError("the app never came to its burst")


def calls(phone: Phone) -> list[str]:
    return [line for line in phone.simulated("am.log").splitlines() if line.startswith("start")]


def test_a_run_that_somebody_ended_on_the_phone_is_partial(
    installed: InstalledApp, in_app: Bench
) -> None:
    def ended(result: dict[str, Any]) -> None:
        error = {"message": "the run was ended", "expected": None, "got": None, "fix": None}
        result.update(complete=False, stopped="terminated", error="the run was ended")
        result["app"].update(error=error, artifact_sha256=None)

    installed.change = ended
    row = in_app(*SMALL, "--runs", 3, code=1)
    assert "partial, 3 of 3 runs measured: the app's run was ended on the phone" in (
        row.verdict.reason
    )
    assert row.timing is not None and len(row.timing.samples_s) == 3 and row.parity is None


@pytest.mark.parametrize(
    ("reason", "shown"),
    [
        ("4 (APP CRASH(EXCEPTION))", "the app's process ended: it crashed"),
        ("3 (LOW_MEMORY)", "Android ended it for want of memory"),
        ("9 (EXCESSIVE RESOURCE USAGE)", "excessive resource usage"),
    ],
)
def test_an_app_that_ends_leaves_a_partial_row_with_androids_reason(
    installed: InstalledApp, in_app: Bench, reason: str, shown: str
) -> None:
    installed.crash_after = (40, reason)
    row = in_app(*LONG, code=1)
    assert row.verdict.status == "fail" and shown in row.verdict.reason, row.verdict
    assert row.timing is not None and not row.timing.complete and row.parity is None
    # Load, first run and one warm-up come before the burst.
    assert len(row.timing.samples_s) == 37 and row.timing.median_s is not None


def test_an_app_that_ends_at_once_without_a_reason(installed: InstalledApp, in_app: Bench) -> None:
    installed.crash_after = (0, "")
    installed.phone.simulate("dumpsys.activity", None)
    row = in_app(*LONG, code=1)
    assert "the app's process ended; the device does not tell why" in row.verdict.reason


def test_an_app_that_says_nothing_is_stopped(
    installed: InstalledApp, in_app: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app_job, "SILENT_SECONDS", 3.0)
    installed.silent = True
    row = in_app(*SMALL, "--runs", 2, code=1)
    assert "was stopped" in row.verdict.reason and "none after 0" in row.verdict.reason
    assert installed.process() is None


def test_an_uninstalled_app_is_said(phone: Phone, installed: InstalledApp, in_app: Bench) -> None:
    def pull_out() -> None:
        wait_for_samples(installed)
        process = installed.process()
        assert process is not None
        os.kill(process, signal.SIGKILL)
        uninstall(phone)

    with meanwhile(pull_out):
        row = in_app(*LONG, code=1)
    assert "was it uninstalled" in row.verdict.reason
    assert row.timing is not None and len(row.timing.samples_s) >= 20


def test_a_cut_link_costs_no_sample(phone: Phone, installed: InstalledApp, in_app: Bench) -> None:
    def cut() -> None:
        wait_for_samples(installed)
        phone.cable.cut()
        time.sleep(1.5)
        phone.cable.restore()

    with meanwhile(cut):
        row = in_app(*SMALL, "--runs", 2000, "--reconnect", 30)
    assert row.verdict.status == "pass", row.verdict
    assert row.timing is not None and len(row.timing.samples_s) == 2000
    assert row.conditions is not None and row.conditions.reconnects >= 1
    assert len(calls(phone)) == 2  # it was not started again


@pytest.mark.parametrize("arrives", [True, False])
def test_a_link_cut_while_it_starts_starts_it_once(
    phone: Phone, installed: InstalledApp, in_app: Bench, arrives: bool
) -> None:
    """Whether the start came through although its answer was lost, or did not."""
    once = "[ -f $folder/cut ] || { : > $folder/cut; sleep 2; %s; }" % (":" if arrives else "exit")
    phone.simulate("am.start", f"trap '' HUP PIPE\ncase $* in *prepare*) ;; *) {once} ;; esac")

    def cut() -> None:
        deadline = time.monotonic() + 60
        while not (phone.root / "data" / "simulated" / "cut").exists():
            assert time.monotonic() < deadline
            time.sleep(0.05)
        phone.cable.cut()
        time.sleep(1)
        phone.cable.restore()

    with meanwhile(cut):
        row = in_app(*SMALL, "--runs", 20, "--reconnect", 30)
    assert row.verdict.status == "pass", row.verdict
    assert row.timing is not None and len(row.timing.samples_s) == 20
    assert len(calls(phone)) == (2 if arrives else 3)
    assert installed.runs == 1


def test_each_row_is_tidied_up_before_the_next(
    phone: Phone, installed: InstalledApp, tmp_path: Path
) -> None:
    files: list[int] = []

    def look(_result: dict[str, Any]) -> None:
        files.append(sum(each.is_file() for each in installed.files.rglob("*")))

    installed.change = look
    out, sizes = tmp_path / "out", ("--size", "64x64", "--size", "96x64")
    command = ["latency", DEFAULT, "--device", f"adb:{phone.serial}", "--runner", "app", *sizes]
    rest = ("--runs", 2, "--end-to-end", 0, "--cool-down", 0, "--no-parity", "--out", out)
    with pytest.raises(SystemExit) as end:
        run_app(app, list(map(str, [*command, *rest])))
    assert end.value.code == 0
    # Artifact, manifest, two frames; samples, output and picture.
    assert files == [7, 7]


def test_a_link_that_stays_cut_leaves_a_partial_row(
    phone: Phone, installed: InstalledApp, in_app: Bench
) -> None:
    def cut() -> None:
        wait_for_samples(installed)
        phone.cable.cut()
        time.sleep(6)
        phone.cable.restore()  # for the tidying up

    with meanwhile(cut):
        row = in_app(*LONG, "--reconnect", 4, code=1)
    assert "did not come back within 4 s" in row.verdict.reason
    assert row.timing is not None and len(row.timing.samples_s) >= 20
    _assert_tidied_up(phone, 60)


def test_the_guard_ends_the_app_where_the_phone_stays_away(
    phone: Phone, adb: Adb, installed: InstalledApp, tmp_path: Path
) -> None:
    first, second = tmp_path / "first.rgb", tmp_path / "second.rgb"
    for path in (first, second):
        path.write_bytes(bytes(64 * 64 * 3))
    with (
        pytest.warns(UserWarning, match="did not come back: its guard"),
        workspace(adb, alive_limit=2, return_limit=0.5) as space,
    ):
        run = AppRun(space, ".onnx", 0.5)
        run.prepare()
        run.push(DEFAULT, manifest_path(DEFAULT), (first, second))
        frames = {"width": 64, "height": 64}
        endless = {"iterations": 1_000_000, "warmup": 0, "end_to_end": 0, "sustained": 0}
        run.begin({"provider": "cpu", "threads": 1, "pair": True, **endless, **frames})
        wait_for_samples(installed)
        phone.cable.cut()
    _assert_tidied_up(phone, 30)


def test_an_interruption_keeps_the_samples_and_ends_the_app(
    phone: Phone, installed: InstalledApp, tmp_path: Path
) -> None:
    running = _start_bench(phone, tmp_path)
    wait_for_samples(installed)
    os.killpg(running.pid, signal.SIGINT)
    _, error = running.communicate(timeout=60)
    assert running.returncode == 130 and "Traceback" not in error, error
    report = Report.model_validate_json((tmp_path / "out" / "latency.json").read_text())
    (row,) = report.rows
    assert report.interrupted and "interrupted by the user" in row.verdict.reason
    assert row.timing is not None and len(row.timing.samples_s) >= 20
    assert installed.process() is None


def _start_bench(phone: Phone, tmp_path: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", "from cdfi_bench.cli import main; main()", "latency", DEFAULT]
    to = ["--device", f"adb:{phone.serial}", "--runner", "app", *LONG]
    return subprocess.Popen(
        list(map(str, [*command, *to, "--out", tmp_path / "out"])),
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def _assert_tidied_up(phone: Phone, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        left = [each for each in phone.app_data.rglob("*") if each.is_file()]
        if not left and not phone.processes() and not list(phone.temporary.iterdir()):
            return
        time.sleep(0.5)
    raise AssertionError(f"left: {left}, {phone.processes()}")
