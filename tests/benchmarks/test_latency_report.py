"""``cdfi-bench latency``: samples, statistics and the reference in turn with them."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cdfi_bench.cli import app
from cdfi_bench.devices.local import LocalDevice
from cdfi_bench.environment import usable_cores
from cdfi_bench.latency.reference import reference_workload
from cdfi_bench.latency.report import Job, latency_report
from cdfi_bench.latency.request import LatencyRequest
from cdfi_bench.memory import memory
from cdfi_bench.report import Report
from cdfi_runtime.command import run_app
from cdfi_runtime.memory import peak_bytes


def test_rows_hold_samples_their_statistics_and_failures(
    tint, make_artifact, tmp_path: Path
) -> None:
    fixed = make_artifact(tint, "fixed.onnx", size=(64, 48))
    broken = tmp_path / "broken.onnx"
    broken.write_text("text")
    out = tmp_path / "out"
    options = ["--size", "64x48", "--size", "80x48", "--runs", "5", "--warm-up", "1"]
    with pytest.raises(SystemExit) as end:
        run_app(
            app, ["latency", str(fixed), str(broken), *options, "--threads", "1", "--out", str(out)]
        )
    assert end.value.code == 1
    report = Report.model_validate_json((out / "latency.json").read_text())
    assert [row.verdict.status for row in report.rows] == ["pass", "skip", "fail", "fail"]
    measured, skipped = report.rows[:2]
    assert "fixed at 64x48" in skipped.verdict.reason
    timing = measured.timing
    assert timing.warm_up == 1
    assert len(timing.samples_s) == len(timing.reference_samples_s) == 5
    assert timing.min_s == min(timing.samples_s)
    assert timing.median_s == pytest.approx(np.median(timing.samples_s))
    assert timing.min_s <= timing.median_s <= timing.p90_s <= timing.p99_s <= max(timing.samples_s)
    assert timing.ratio == pytest.approx(timing.median_s / np.median(timing.reference_samples_s))
    # A 64x48 image under one small convolution is far less work than the reference.
    assert timing.ratio < 0.5
    assert timing.load_s > 0 and timing.first_run_s > 0
    assert measured.input.sizes == ((64, 48),)
    assert measured.memory.peak_bytes >= measured.memory.before_load_bytes > 10 * 2**20


def test_crash_of_the_measuring_process_is_a_failed_row(tint: Any, make_artifact: Any) -> None:
    request = LatencyRequest(make_artifact(tint), (64, 48), runs=10**6, warm_up=0, threads=1)
    with ThreadPoolExecutor(max_workers=1) as threads:
        job = Job(LocalDevice(), True, [request], lambda _: None)
        waiting = threads.submit(latency_report, [job], None)
        while not (children := multiprocessing.active_children()):
            assert not waiting.done()
            time.sleep(0.05)
        children[0].kill()
        (row,) = waiting.result(timeout=30).rows
    assert row.verdict.status == "fail"
    assert "exit code -9" in row.verdict.reason


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="sends a POSIX signal")
def test_interruption_ends_both_processes_and_keeps_what_was_measured(
    tint: Any, make_artifact: Any, tmp_path: Path
) -> None:
    command = [sys.executable, "-c", "from cdfi_bench.cli import main; main()", "latency"]
    paths = [str(make_artifact(tint, name)) for name in ("long.onnx", "never.onnx")]
    out = tmp_path / "out"
    options = [*paths, "--runs", "1000000", "--threads", "1", "--out", str(out)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    running = subprocess.Popen(
        [*command, *options],
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        start_new_session=True,
        # A shell starts background jobs with SIGINT ignored, and children inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    time.sleep(8)  # by now it measures
    os.killpg(running.pid, signal.SIGINT)
    _, error = running.communicate(timeout=30)  # its end needs the pipe closed by both processes
    assert running.returncode == 130
    assert "interrupted" in error and "Traceback" not in error
    report = Report.model_validate_json((out / "latency.json").read_text())
    assert report.interrupted
    (row,) = report.rows
    assert row.subject == "long.onnx" and row.verdict.status == "skip"
    assert "interrupted by the user" in row.verdict.reason and "partial" in row.verdict.reason
    assert not row.timing.complete and row.timing.planned_runs == 1000000
    assert 1 <= len(row.timing.samples_s) < 1000000
    assert row.timing.median_s == pytest.approx(np.median(row.timing.samples_s))


def test_reference_does_the_same_work_every_time() -> None:
    run = reference_workload(1)
    (first,), (second,) = run(), run()
    assert first.shape == (1, 32, 256, 448)
    assert np.array_equal(first, second) and np.isfinite(first).all()


def test_peak_memory_never_falls() -> None:
    before = peak_bytes()
    assert before is not None
    block = np.ones(64 * 2**20, np.uint8)
    after = peak_bytes()
    del block
    assert after is not None and after >= before
    assert peak_bytes() >= after - 2**20  # the kernel counts pages in batches


def test_unknown_memory_is_null_with_reason() -> None:
    section = memory(None, None)
    assert set(section.unmeasured) == {"before_load_bytes", "peak_bytes"}


def test_cores_are_those_this_process_may_use() -> None:
    assert usable_cores() >= 1
