"""``cdfi-bench latency --device adb`` from the command line to the report, on a real adbd."""

from __future__ import annotations

import json
import os
import shutil
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
from cdfi_bench.bundle.build import BundleRequest, build_bundle
from cdfi_bench.cli import app
from cdfi_bench.devices import DeviceOptions
from cdfi_bench.devices.adb import AdbDevice
from cdfi_bench.latency.collector import Collector
from cdfi_bench.latency.measurement import LatencyFailure
from cdfi_bench.latency.request import LatencyRequest
from cdfi_bench.report import Report, Row
from cdfi_runtime.command import run_app
from cdfi_runtime.files import sha256_file
from cdfi_runtime.manifest import load_manifest

ASSETS = Path(__file__).parents[2] / "runtime/cdfi_runtime/assets"
DEFAULT = ASSETS / "default.onnx"
SMALL = ("--size", "64x64", "--threads", 1, "--warm-up", 1, "--end-to-end", 0, "--cool-down", 0)
LONG = (*SMALL, "--runs", 1_000_000)
Bench = Callable[..., Report]
Phone = Any  # phone_kit.phone.Phone


@pytest.fixture
def bench(
    tmp_path: Path,
    lacking: Callable[[str], Any],
    bundle_cache: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Bench:
    """Runs the command; the report it wrote, after a look at the exit code."""
    monkeypatch.setenv("CDFI_CACHE", str(bundle_cache))
    for program in ("cmake", "g++"):
        if shutil.which(program) is None:
            lacking(f"no '{program}' to build the runner with")

    def run(*arguments: object, code: int = 0) -> Report:
        out = tmp_path / "out"
        with pytest.raises(SystemExit) as end:
            run_app(app, ["latency", *map(str, arguments), "--out", str(out)])
        assert end.value.code == code
        return Report.model_validate_json((out / "latency.json").read_text())

    return run


def to(*phones: Phone) -> list[str]:
    return [word for phone in phones for word in ("--device", f"adb:{phone.serial}")]


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


def wait_for_samples(phone: Phone, count: int = 20) -> None:
    """Until the host has read some samples of the burst from the runner on the phone.

    Each look of the host touches ``alive`` first and reads the samples then; so does, seldom, its
    heart's beat, which reads none: two touches are one look at least.
    """
    deadline = time.monotonic() + 60
    written, touches = None, set()
    while time.monotonic() < deadline:
        for path in phone.temporary.glob("cdfi-bench/*/run/samples"):
            if written is None and path.read_text().count("burst") >= count:
                written = time.time_ns()
        for path in phone.temporary.glob("cdfi-bench/*/alive"):
            if written is not None and path.stat().st_mtime_ns > written:
                touches.add(path.stat().st_mtime_ns)
        if len(touches) >= 2:
            time.sleep(0.5)  # for the rest of that look
            return
        time.sleep(0.05)
    raise AssertionError("the runner never came to its burst")


def assert_partial(row: Row, why: str) -> None:
    assert row.verdict.status == "fail", row.verdict
    assert "partial" in row.verdict.reason and why in row.verdict.reason, row.verdict.reason
    assert row.timing is not None and not row.timing.complete
    assert len(row.timing.samples_s) >= 20 and row.timing.median_s is not None
    assert row.timing.median_s == pytest.approx(np.median(row.timing.samples_s))
    assert row.parity is None


def test_latency_and_parity_of_the_shipped_network(phone: Phone, bench: Bench) -> None:
    phone.set_sys({"devices/system/cpu/cpu0/cpufreq/scaling_cur_freq": "1500000\n"})
    report = bench(
        DEFAULT,
        *to(phone),
        *("--size", "128x128", "--threads", 1, "--cool-down", 0, "--affinity", "0"),
        *("--runs", 5, "--warm-up", 2, "--end-to-end", 3, "--sustained", 1),
    )
    (row,) = report.rows
    assert row.verdict.status == "pass", row.verdict
    timing = row.timing
    assert timing is not None and timing.complete and timing.valid
    assert len(timing.samples_s) == len(timing.reference_samples_s) == 5
    assert timing.end_to_end is not None and len(timing.end_to_end.samples_s) == 3
    assert timing.sustained is not None and sum(timing.sustained.samples_s) > 0.8
    assert timing.median_s == pytest.approx(np.median(timing.samples_s))
    assert timing.load_s and timing.first_run_s
    assert row.device is not None and row.device.kind == "adb"
    assert row.device.serial == phone.serial and row.device.simulated and not row.device.emulated
    assert row.backend is not None and row.backend.accelerator_actual == "cpu"
    assert row.backend.affinity == (0,)
    assert row.memory is not None and row.memory.peak_bytes and row.memory.before_load_bytes
    assert row.memory.peak_bytes > row.memory.before_load_bytes
    assert row.parity is not None and row.parity.max_abs < 1e-4
    assert row.parity.reference.startswith("torch")
    assert row.quality is not None and abs(row.quality.psnr_difference_db or 0) < 0.01
    assert row.conditions is not None and row.conditions.reconnects == 0
    assert row.conditions.frequencies_khz[0].values == {"0": 1.5e6}


def test_emulated_times_are_marked_invalid_everywhere(
    arm_phone: Phone, bench: Bench, tmp_path: Path, lacking: Callable[[str], Any]
) -> None:
    """The real artifact on arm64: its picture counts, its times do not."""
    if shutil.which("aarch64-linux-gnu-g++") is None:
        lacking("no 'aarch64-linux-gnu-g++' (package g++-aarch64-linux-gnu)")
    (row,) = bench(DEFAULT, *to(arm_phone), *SMALL, "--runs", 1).rows
    assert row.parity is not None and row.parity.max_abs < 1e-4
    assert row.verdict.status == "pass" and "emulated" in row.verdict.reason
    assert row.device is not None and row.device.emulated and row.device.abi == "arm64-v8a"
    assert row.timing is not None and not row.timing.valid
    assert "emulated" in row.timing.invalid_because[0]
    out = tmp_path / "out"
    for name in ("latency.md", "latency.junit.xml", "latency.html"):
        assert "invalid" in (out / name).read_text(), name
    for path in out.glob("*.benchmark.json"):
        names = [each["name"] for each in json.loads(path.read_text())]
        assert not [name for name in names if "median" in name or "ratio" in name], names


def test_a_cut_link_costs_no_sample(phone: Phone, bench: Bench) -> None:
    def cut() -> None:
        wait_for_samples(phone)
        phone.cable.cut()
        time.sleep(1.5)
        phone.cable.restore()

    with meanwhile(cut):
        (row,) = bench(DEFAULT, *to(phone), *SMALL, "--runs", 200, "--reconnect", 30).rows
    assert row.verdict.status == "pass", row.verdict
    assert row.timing is not None and row.timing.complete
    assert len(row.timing.samples_s) == len(row.timing.reference_samples_s) == 200
    assert row.conditions is not None and row.conditions.reconnects >= 1


def test_a_link_that_stays_cut_leaves_a_partial_row(phone: Phone, bench: Bench) -> None:
    def cut() -> None:
        wait_for_samples(phone)
        phone.cable.cut()
        time.sleep(5)
        phone.cable.restore()  # for the tidying up

    with meanwhile(cut):
        (row,) = bench(DEFAULT, *to(phone), *LONG, "--reconnect", 3, code=1).rows
    assert_partial(row, "did not come back within 3 s")


def test_a_reboot_leaves_a_partial_row_and_the_next_is_measured(
    phone: Phone, bench: Bench, tmp_path: Path
) -> None:
    other = tmp_path / "second.onnx"
    shutil.copyfile(DEFAULT, other)
    manifest = load_manifest(DEFAULT)
    manifest.save(other)

    def reboot() -> None:
        wait_for_samples(phone)
        phone.reboot()

    with meanwhile(reboot):
        report = bench(DEFAULT, other, *to(phone), *SMALL, "--runs", 200, code=1)
    first, second = report.rows
    assert_partial(first, "rebooted")
    assert second.verdict.status == "pass", second.verdict
    assert second.timing is not None and len(second.timing.samples_s) == 200


def test_an_interruption_keeps_the_samples_and_cleans_the_phone(
    phone: Phone, bench: Bench, tmp_path: Path
) -> None:
    bench(DEFAULT, *to(phone), *SMALL, "--runs", 1)  # builds the bundle, if it is not there
    out = tmp_path / "interrupted"
    command = [sys.executable, "-c", "from cdfi_bench.cli import main; main()", "latency"]
    running = subprocess.Popen(
        [*command, str(DEFAULT), *to(phone), *map(str, LONG), "--out", str(out)],
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    wait_for_samples(phone)
    os.killpg(running.pid, signal.SIGINT)
    _, error = running.communicate(timeout=60)
    assert running.returncode == 130 and "Traceback" not in error, error
    report = Report.model_validate_json((out / "latency.json").read_text())
    (row,) = report.rows
    assert report.interrupted and row.verdict.status == "skip"
    assert "partial" in row.verdict.reason and "interrupted by the user" in row.verdict.reason
    assert row.timing is not None and len(row.timing.samples_s) >= 20


def test_two_phones_are_measured_at_once(phone: Phone, other_phone: Phone, bench: Bench) -> None:
    """The second has no room for the runner: its row says so, the first's is whole."""
    report = bench(DEFAULT, *to(phone, other_phone), *SMALL, "--runs", 3, code=1)
    good, full = report.rows
    assert good.verdict.status == "pass" and good.device is not None
    assert good.device.serial == phone.serial
    assert full.verdict.status == "fail" and full.device is not None
    assert full.device.serial == other_phone.serial
    assert "no room" in full.verdict.reason and "free" in full.verdict.reason


def refused(*arguments: object, capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit) as end:
        run_app(app, ["latency", *map(str, arguments)])
    assert end.value.code == 2
    return capsys.readouterr().err


def test_phones_that_cannot_be_used_end_with_2(
    phone: Phone, other_phone: Phone, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    rest = ("--out", tmp_path / "out")
    message = refused(DEFAULT, "--device", "adb", *rest, capsys=capsys)
    assert "several devices" in message and phone.serial in message
    message = refused(DEFAULT, "--device", "adb:nobody", *rest, capsys=capsys)
    assert "no device 'nobody'" in message
    message = refused(DEFAULT, "--device", "usb", *rest, capsys=capsys)
    assert "unknown device 'usb'" in message and "adb, local" in message
    twice = [*to(phone), *to(phone)]
    assert "named twice" in refused(DEFAULT, *twice, *rest, capsys=capsys)
    assert other_phone.serial


def test_a_second_bench_is_refused(
    phone: Phone, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    from cdfi_bench.adb.workspace import workspace

    with workspace(Adb(phone.serial)):
        message = refused(DEFAULT, *to(phone), "--out", tmp_path / "out", capsys=capsys)
    assert "another bench uses the device" in message


def test_a_runner_for_other_phones_is_refused(
    phone: Phone, bench: Bench, lacking: Callable[[str], Any]
) -> None:
    if shutil.which("aarch64-linux-gnu-g++") is None:
        lacking("no 'aarch64-linux-gnu-g++' (package g++-aarch64-linux-gnu)")
    foreign = build_bundle(BundleRequest("arm64-v8a")).folder
    (row,) = bench(DEFAULT, *to(phone), *SMALL, "--runner", foreign, code=1).rows
    assert "a bundle for x86_64" in row.verdict.reason and "arm64-v8a" in row.verdict.reason


def test_broken_artifacts_are_failed_rows(phone: Phone, bench: Bench, tmp_path: Path) -> None:
    """One whose bytes are not its manifest's, and one that the runtime on the phone refuses."""
    changed, garbage = tmp_path / "changed.onnx", tmp_path / "garbage.onnx"
    manifest = load_manifest(DEFAULT)
    for path in (changed, garbage):
        path.write_bytes(DEFAULT.read_bytes()[:100_000])
    manifest.save(changed)
    facts = {"sha256": sha256_file(garbage), "bytes": garbage.stat().st_size}
    own = manifest.artifact.model_copy(update=facts)
    manifest.model_copy(update={"artifact": own}).save(garbage)
    report = bench(changed, garbage, DEFAULT, *to(phone), *SMALL, "--runs", 2, code=1)
    first, second, third = report.rows
    assert first.verdict.status == "fail" and "not the file its manifest" in first.verdict.reason
    assert second.verdict.status == "fail" and "refuses the artifact" in second.verdict.reason
    assert third.verdict.status == "pass"


def test_what_the_phone_lacks_is_said(phone: Phone, bench: Bench, tmp_path: Path) -> None:
    tflite = tmp_path / "x.tflite"
    tflite.write_bytes(b"TFL3")
    manifest = load_manifest(DEFAULT)
    facts = {"sha256": sha256_file(tflite), "bytes": 4, "format": "litert", "file": tflite.name}
    manifest.model_copy(update={"artifact": manifest.artifact.model_copy(update=facts)}).save(
        tflite
    )
    (row,) = bench(tflite, *to(phone), *SMALL, code=2).rows
    assert row.verdict.status == "skip" and "--benchmark-model" in row.verdict.reason
    (row,) = bench(DEFAULT, *to(phone), *SMALL, "--accelerator", "qnn", code=1).rows
    assert "qnn" in row.verdict.reason and "cpu" in row.verdict.reason.lower()


def test_a_hot_phone_is_waited_for_and_its_times_are_marked(phone: Phone, bench: Bench) -> None:
    phone.simulate("dumpsys.thermalservice", "IsStatusOverride: false\nThermal Status: 3\n")
    (row,) = bench(DEFAULT, *to(phone), *SMALL, "--runs", 2, "--cool-down", 1).rows
    assert row.conditions is not None and row.conditions.before.thermal_status == 3
    assert row.conditions.cool_down_s >= 1
    assert row.timing is not None and not row.timing.valid and row.timing.throttled
    assert "thermal status 3, limit 0" in row.timing.invalid_because[0]


@pytest.mark.usefixtures("bench")
def test_an_interruption_ends_the_wait_for_a_hot_phone(phone: Phone) -> None:
    """Far from the ten minutes that it would wait; nothing was measured, and it says so."""
    phone.simulate("dumpsys.thermalservice", "IsStatusOverride: false\nThermal Status: 3\n")
    options = DeviceOptions(cool_down_s=600)
    device, stop = AdbDevice(phone.serial, options), threading.Event()
    told: list[str] = []

    def tell(text: str) -> None:
        told.append(text)
        if "cool" in text:
            stop.set()

    request = LatencyRequest(DEFAULT, (64, 64), runs=1, warm_up=0, threads=1)
    try:
        result = device.measure(Collector(request, lambda _: None, tell), stop)
    finally:
        device.close()
    assert isinstance(result, LatencyFailure) and result.status == "skip"
    assert result.reason == "interrupted by the user"
    assert any("pushing" in each for each in told)
