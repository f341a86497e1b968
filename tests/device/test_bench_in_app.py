"""``cdfi-bench latency --device adb --runner app`` on a real adbd with a simulated app."""

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

import numpy as np
import pytest
from cdfi_bench.adb.client import Adb
from cdfi_bench.adb.workspace import workspace
from cdfi_bench.cli import app
from cdfi_bench.phone import app_job
from cdfi_bench.phone.app_job import AppRun
from cdfi_bench.report import Report, Row
from cdfi_runtime.command import run_app
from cdfi_runtime.manifest import manifest_path
from phone_kit.app import PACKAGE, InstalledApp, uninstall

DEFAULT = Path(__file__).parents[2] / "runtime/cdfi_runtime/assets/default.onnx"
SMALL = ("--size", "64x64", "--threads", 1, "--warm-up", 1, "--end-to-end", 0, "--cool-down", 0)
LONG = (*SMALL, "--runs", 1_000_000)
Phone = Any  # phone_kit.phone.Phone
Bench = Callable[..., Row]


@pytest.fixture
def installed(phone: Phone) -> Iterator[InstalledApp]:
    found = InstalledApp(phone)
    try:
        yield found
    finally:
        found.close()


@pytest.fixture
def bench(phone: Phone, tmp_path: Path) -> Bench:
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


@pytest.mark.usefixtures("installed")
def test_latency_and_parity_in_the_app(phone: Phone, bench: Bench) -> None:
    row = bench(
        *("--size", "126x128", "--threads", 1, "--cool-down", 0),
        *("--runs", 5, "--warm-up", 2, "--end-to-end", 3, "--sustained", 1),
    )
    assert row.verdict.status == "pass", row.verdict
    timing = row.timing
    assert timing is not None and timing.complete and timing.valid
    assert len(timing.samples_s) == 5 and timing.median_s == pytest.approx(
        np.median(timing.samples_s)
    )
    assert timing.end_to_end is not None and len(timing.end_to_end.samples_s) == 3
    assert timing.sustained is not None and sum(timing.sustained.samples_s) > 0.8
    assert timing.load_s and timing.first_run_s
    assert timing.ratio is None and "no reference" in timing.unmeasured["ratio"]
    assert row.parity is not None and row.parity.max_abs < 1e-4
    assert row.parity.reference.startswith("torch")
    assert row.backend is not None and row.backend.runtime == "onnxruntime"
    assert row.backend.version.endswith("app 1.0")
    assert row.backend.accelerator_actual == "cpu" and row.backend.affinity == (0, 1)
    assert row.memory is not None and row.memory.peak_bytes == 90_000_000
    assert row.conditions is not None
    assert row.conditions.temperatures_celsius[0].values == {"cpu": 41.5}
    first, second = calls(phone)
    assert "--ez prepare true" in first
    for words in ("--ei threads 1", "--ei warmup 2", "--ei iterations 5", "--es provider cpu"):
        assert words in second
    # The frames come padded to what the graph takes.
    assert "--ei width 128 --ei height 128" in second


def test_an_app_that_is_not_installed_is_said_with_the_fix(phone: Phone, bench: Bench) -> None:
    row = bench(*SMALL, code=1)
    assert f"{PACKAGE} is not installed on the device {phone.serial}" in row.verdict.reason
    assert "adb install" in row.verdict.reason
    assert not calls(phone)


@pytest.mark.usefixtures("installed")
def test_an_app_of_another_version_is_said(phone: Phone, bench: Bench) -> None:
    """It has no such activity, and Android 7 says so with exit code 0."""
    phone.simulate(
        "am.start",
        "echo 'Error type 3'; echo 'Error: Activity class {x/x.BenchmarkActivity} does not exist.'"
        "; exit 0",
    )
    row = bench(*SMALL, code=1)
    assert "did not start" in row.verdict.reason and "does not exist" in row.verdict.reason
    assert "install the version of the app" in row.verdict.reason


@pytest.mark.usefixtures("installed")
def test_a_denied_permission_is_said(phone: Phone, bench: Bench) -> None:
    phone.simulate(
        "am.start",
        "echo \"Exception occurred while executing 'start':\"\n"
        "echo 'java.lang.SecurityException: Permission Denial: starting Intent "
        "{ cmp=x/.BenchmarkActivity } from null (uid=2000) requires android.permission.DUMP'\n"
        "exit 255",
    )
    row = bench(*SMALL, code=1)
    assert "requires android.permission.DUMP" in row.verdict.reason
    assert "adb's shell may not start it" in row.verdict.reason


def test_a_folder_that_is_closed_to_the_shell_is_said(
    installed: InstalledApp, bench: Bench
) -> None:
    installed.closed = True
    row = bench(*SMALL, code=1)
    assert "may not write into the app's folder" in row.verdict.reason
    assert "leave --runner app out" in row.verdict.reason


def test_an_error_of_the_app_is_shown_whole(installed: InstalledApp, bench: Bench) -> None:
    def fail(result: dict[str, Any]) -> None:
        error = {"message": "no session", "expected": "opset 18", "got": "opset 99", "fix": "pray"}
        result.update(complete=False, stopped="error", error="no session")
        result["app"]["error"] = error

    installed.change = fail
    row = bench(*SMALL, "--runs", 2, code=1)
    for words in ("the app could not run it: no session", "opset 18", "opset 99", "pray"):
        assert words in row.verdict.reason


def test_a_run_that_somebody_ended_on_the_phone_is_partial(
    installed: InstalledApp, bench: Bench
) -> None:
    def ended(result: dict[str, Any]) -> None:
        error = {"message": "the run was ended", "expected": None, "got": None, "fix": None}
        result.update(complete=False, stopped="terminated", error="the run was ended")
        result["app"].update(error=error, artifact_sha256=None)

    installed.change = ended
    row = bench(*SMALL, "--runs", 3, code=1)
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
    installed: InstalledApp, bench: Bench, reason: str, shown: str
) -> None:
    installed.crash_after = (40, reason)
    row = bench(*LONG, code=1)
    assert row.verdict.status == "fail" and shown in row.verdict.reason, row.verdict
    assert row.timing is not None and not row.timing.complete and row.parity is None
    # Load, first run and one warm-up come before the burst.
    assert len(row.timing.samples_s) == 37 and row.timing.median_s is not None


def test_an_app_that_ends_at_once_without_a_reason(installed: InstalledApp, bench: Bench) -> None:
    installed.crash_after = (0, "")
    installed.phone.simulate("dumpsys.activity", None)
    row = bench(*LONG, code=1)
    assert "the app's process ended; the device does not tell why" in row.verdict.reason


def test_an_app_that_says_nothing_is_stopped(
    installed: InstalledApp, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app_job, "SILENT_SECONDS", 3.0)
    installed.silent = True
    row = bench(*SMALL, "--runs", 2, code=1)
    assert "was stopped" in row.verdict.reason and "none after 0" in row.verdict.reason
    assert installed.process() is None


def test_an_uninstalled_app_is_said(phone: Phone, installed: InstalledApp, bench: Bench) -> None:
    def pull_out() -> None:
        wait_for_samples(installed)
        process = installed.process()
        assert process is not None
        os.kill(process, signal.SIGKILL)
        uninstall(phone)

    with meanwhile(pull_out):
        row = bench(*LONG, code=1)
    assert "was it uninstalled" in row.verdict.reason
    assert row.timing is not None and len(row.timing.samples_s) >= 20


def test_a_cut_link_costs_no_sample(phone: Phone, installed: InstalledApp, bench: Bench) -> None:
    def cut() -> None:
        wait_for_samples(installed)
        phone.cable.cut()
        time.sleep(1.5)
        phone.cable.restore()

    with meanwhile(cut):
        row = bench(*SMALL, "--runs", 2000, "--reconnect", 30)
    assert row.verdict.status == "pass", row.verdict
    assert row.timing is not None and len(row.timing.samples_s) == 2000
    assert row.conditions is not None and row.conditions.reconnects >= 1
    assert len(calls(phone)) == 2  # it was not started again


@pytest.mark.parametrize("arrives", [True, False])
def test_a_link_cut_while_it_starts_starts_it_once(
    phone: Phone, installed: InstalledApp, bench: Bench, arrives: bool
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
        row = bench(*SMALL, "--runs", 20, "--reconnect", 30)
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
    phone: Phone, installed: InstalledApp, bench: Bench
) -> None:
    def cut() -> None:
        wait_for_samples(installed)
        phone.cable.cut()
        time.sleep(6)
        phone.cable.restore()  # for the tidying up

    with meanwhile(cut):
        row = bench(*LONG, "--reconnect", 4, code=1)
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


def test_a_picture_that_is_not_the_networks_fails(installed: InstalledApp, bench: Bench) -> None:
    """The app's own rounding and cropping are checked too: one pixel is enough."""

    def spoil(picture: np.ndarray[Any, Any]) -> None:
        picture[3, 5, 1] ^= 64

    installed.spoil = spoil
    row = bench(*SMALL, "--runs", 2, code=1)
    assert "the app's picture is not what its network put out" in row.verdict.reason
    assert "1 of 12288 values" in row.verdict.reason


def test_another_artifact_is_not_credited(installed: InstalledApp, bench: Bench) -> None:
    installed.change = lambda result: result["app"].update(
        artifact_sha256="0" * 64, source="assets"
    )
    row = bench(*SMALL, "--runs", 2, code=1)
    assert "the app ran another artifact" in row.verdict.reason
    assert "out of its assets" in row.verdict.reason


def test_a_result_that_does_not_follow_the_contract_is_refused(
    installed: InstalledApp, bench: Bench
) -> None:
    installed.change = lambda result: result["app"].pop("provider_actual") and None
    row = bench(*SMALL, "--runs", 2, code=1)
    assert "no result that can be read" in row.verdict.reason
    assert "app.provider_actual" in row.verdict.reason


@pytest.mark.usefixtures("installed")
def test_a_fallback_is_shown_and_strict_refuses_it(bench: Bench) -> None:
    row = bench(*SMALL, "--runs", 2, "--accelerator", "nnapi")
    assert row.backend is not None and row.backend.accelerator_requested == "nnapi"
    assert row.backend.accelerator_actual == "cpu (nnapi is not there)"
    row = bench(*SMALL, "--runs", 2, "--accelerator", "nnapi", "--strict", code=1)
    assert "would not run on 'nnapi' alone: nnapi is not there" in row.verdict.reason


@pytest.mark.usefixtures("installed")
def test_what_the_app_cannot_do_is_skipped(bench: Bench) -> None:
    row = bench(*SMALL, "--accelerator", "qnn", code=2)
    assert row.verdict.status == "skip" and "no 'qnn', only cpu" in row.verdict.reason
    row = bench(*SMALL, "--affinity", "0", code=2)
    assert row.verdict.status == "skip" and "--affinity" in row.verdict.reason


def test_the_phones_own_slowing_down_is_marked(installed: InstalledApp, bench: Bench) -> None:
    installed.change = lambda result: result["app"].update(thermal_status_after=3)
    row = bench(*SMALL, "--runs", 2)
    assert row.timing is not None and row.timing.throttled
    assert Adb(installed.phone.serial).shell(f"ls {app_job.FILES}/artifacts").out == ""
