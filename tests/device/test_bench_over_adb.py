"""``cdfi-bench latency --device adb`` from the command line to the report, on a real adbd."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cdfi_bench.cli import app
from cdfi_bench.report import Report
from cdfi_runtime.command import run_app

ASSETS = Path(__file__).parents[2] / "runtime/cdfi_runtime/assets"
DEFAULT = ASSETS / "default.onnx"
Bench = Callable[..., Report]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """Runs the command; the report it wrote, after a look at the exit code."""

    def run(*arguments: object, code: int = 0) -> Report:
        out = tmp_path / "out"
        with pytest.raises(SystemExit) as end:
            run_app(app, ["latency", *map(str, arguments), "--out", str(out)])
        assert end.value.code == code
        return Report.model_validate_json((out / "latency.json").read_text())

    return run


@pytest.fixture(autouse=True)
def _compiler(lacking: Callable[[str], Any]) -> None:
    for program in ("cmake", "g++"):
        if shutil.which(program) is None:
            lacking(f"no '{program}' to build the runner with")


def test_latency_and_parity_of_the_shipped_network(phone: Any, bench: Bench) -> None:
    report = bench(
        DEFAULT,
        *("--device", f"adb:{phone.serial}", "--size", "128x128", "--threads", 1),
        *("--runs", 5, "--warm-up", 2, "--end-to-end", 3, "--sustained", 1, "--cool-down", 0),
    )
    (row,) = report.rows
    assert row.verdict.status == "pass", row.verdict
    timing = row.timing
    assert timing is not None and timing.complete and timing.valid
    assert len(timing.samples_s) == len(timing.reference_samples_s) == 5
    assert timing.end_to_end is not None and len(timing.end_to_end.samples_s) == 3
    assert timing.sustained is not None and sum(timing.sustained.samples_s) > 0.8
    assert timing.median_s == pytest.approx(np.median(timing.samples_s))
    assert row.device is not None and row.device.kind == "adb"
    assert row.device.serial == phone.serial and row.device.simulated and not row.device.emulated
    assert row.backend is not None and row.backend.accelerator_actual == "cpu"
    assert row.backend.affinity is not None and len(row.backend.affinity) <= (os.cpu_count() or 1)
    assert row.memory is not None and row.memory.peak_bytes and row.memory.before_load_bytes
    assert row.memory.peak_bytes > row.memory.before_load_bytes
    assert row.parity is not None and row.parity.max_abs < 1e-4
    assert row.parity.reference.startswith("torch")
    assert row.quality is not None and abs(row.quality.psnr_difference_db or 0) < 0.01
    assert row.conditions is not None and row.conditions.reconnects == 0
