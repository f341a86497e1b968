"""``cdfi-bench latency --device adb --runner app`` on a real adbd with a simulated app."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cdfi_bench.adb.client import Adb
from cdfi_bench.phone import app_job
from cdfi_bench.report import Row
from phone_kit.app import PACKAGE, InstalledApp

DEFAULT = Path(__file__).parents[2] / "runtime/cdfi_runtime/assets/default.onnx"
SMALL = ("--size", "64x64", "--threads", 1, "--warm-up", 1, "--end-to-end", 0, "--cool-down", 0)
LONG = (*SMALL, "--runs", 1_000_000)
Phone = Any  # phone_kit.phone.Phone
Bench = Callable[..., Row]


def calls(phone: Phone) -> list[str]:
    return [line for line in phone.simulated("am.log").splitlines() if line.startswith("start")]


@pytest.mark.usefixtures("installed")
def test_latency_and_parity_in_the_app(phone: Phone, in_app: Bench) -> None:
    row = in_app(
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


def test_an_app_that_is_not_installed_is_said_with_the_fix(phone: Phone, in_app: Bench) -> None:
    row = in_app(*SMALL, code=1)
    assert f"{PACKAGE} is not installed on the device {phone.serial}" in row.verdict.reason
    assert "adb install" in row.verdict.reason
    assert not calls(phone)


@pytest.mark.usefixtures("installed")
def test_an_app_of_another_version_is_said(phone: Phone, in_app: Bench) -> None:
    """It has no such activity, and Android 7 says so with exit code 0."""
    phone.simulate(
        "am.start",
        "echo 'Error type 3'; echo 'Error: Activity class {x/x.BenchmarkActivity} does not exist.'"
        "; exit 0",
    )
    row = in_app(*SMALL, code=1)
    assert "did not start" in row.verdict.reason and "does not exist" in row.verdict.reason
    assert "install the version of the app" in row.verdict.reason


@pytest.mark.usefixtures("installed")
def test_a_denied_permission_is_said(phone: Phone, in_app: Bench) -> None:
    phone.simulate(
        "am.start",
        "echo \"Exception occurred while executing 'start':\"\n"
        "echo 'java.lang.SecurityException: Permission Denial: starting Intent "
        "{ cmp=x/.BenchmarkActivity } from null (uid=2000) requires android.permission.DUMP'\n"
        "exit 255",
    )
    row = in_app(*SMALL, code=1)
    assert "requires android.permission.DUMP" in row.verdict.reason
    assert "adb's shell may not start it" in row.verdict.reason


def test_a_folder_that_is_closed_to_the_shell_is_said(
    installed: InstalledApp, in_app: Bench
) -> None:
    installed.closed = True
    row = in_app(*SMALL, code=1)
    assert "may not write into the app's folder" in row.verdict.reason
    assert "leave --runner app out" in row.verdict.reason


def test_an_error_of_the_app_is_shown_whole(installed: InstalledApp, in_app: Bench) -> None:
    def fail(result: dict[str, Any]) -> None:
        error = {"message": "no session", "expected": "opset 18", "got": "opset 99", "fix": "pray"}
        result.update(complete=False, stopped="error", error="no session")
        result["app"]["error"] = error

    installed.change = fail
    row = in_app(*SMALL, "--runs", 2, code=1)
    for words in ("the app could not run it: no session", "opset 18", "opset 99", "pray"):
        assert words in row.verdict.reason


def test_a_picture_that_is_not_the_networks_fails(installed: InstalledApp, in_app: Bench) -> None:
    """The app's own rounding and cropping are checked too: one pixel is enough."""

    def spoil(picture: np.ndarray[Any, Any]) -> None:
        picture[3, 5, 1] ^= 64

    installed.spoil = spoil
    row = in_app(*SMALL, "--runs", 2, code=1)
    assert "the app's picture is not what its network put out" in row.verdict.reason
    assert "1 of 12288 values" in row.verdict.reason


def test_another_artifact_is_not_credited(installed: InstalledApp, in_app: Bench) -> None:
    installed.change = lambda result: result["app"].update(
        artifact_sha256="0" * 64, source="assets"
    )
    row = in_app(*SMALL, "--runs", 2, code=1)
    assert "the app ran another artifact" in row.verdict.reason
    assert "out of its assets" in row.verdict.reason


def test_a_result_that_does_not_follow_the_contract_is_refused(
    installed: InstalledApp, in_app: Bench
) -> None:
    installed.change = lambda result: result["app"].pop("provider_actual") and None
    row = in_app(*SMALL, "--runs", 2, code=1)
    assert "no result that can be read" in row.verdict.reason
    assert "app.provider_actual" in row.verdict.reason


@pytest.mark.usefixtures("installed")
def test_a_fallback_is_shown_and_strict_refuses_it(in_app: Bench) -> None:
    row = in_app(*SMALL, "--runs", 2, "--accelerator", "nnapi")
    assert row.backend is not None and row.backend.accelerator_requested == "nnapi"
    assert row.backend.accelerator_actual == "cpu (nnapi is not there)"
    row = in_app(*SMALL, "--runs", 2, "--accelerator", "nnapi", "--strict", code=1)
    assert "would not run on 'nnapi' alone: nnapi is not there" in row.verdict.reason


@pytest.mark.usefixtures("installed")
def test_what_the_app_cannot_do_is_skipped(in_app: Bench) -> None:
    row = in_app(*SMALL, "--accelerator", "qnn", code=2)
    assert row.verdict.status == "skip" and "no 'qnn', only cpu" in row.verdict.reason
    row = in_app(*SMALL, "--affinity", "0", code=2)
    assert row.verdict.status == "skip" and "--affinity" in row.verdict.reason


def test_the_phones_own_slowing_down_is_marked(installed: InstalledApp, in_app: Bench) -> None:
    installed.change = lambda result: result["app"].update(thermal_status_after=3)
    row = in_app(*SMALL, "--runs", 2)
    assert row.timing is not None and row.timing.throttled
    assert Adb(installed.phone.serial).shell(f"ls {app_job.FILES}/artifacts").out == ""
