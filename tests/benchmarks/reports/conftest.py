"""Latency rows as real measurements make them, from given samples; for tests of the reports."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cdfi_runtime
import numpy as np
import pytest
from cdfi_bench.environment import device_info, run_info
from cdfi_bench.latency.measurement import LatencyFailure, LatencyMeasurement, Samples
from cdfi_bench.latency.report import latency_row
from cdfi_bench.latency.request import LatencyRequest
from cdfi_bench.report import BackendFacts, Parity, Report, Row
from cdfi_bench.report_device import Condition, Conditions, DeviceInfo, Reading
from cdfi_runtime.manifest import load_manifest

MODEL = Path(cdfi_runtime.__file__).parent / "assets" / "default.onnx"


@dataclass(frozen=True)
class NoDevice:
    """Has facts and measures nothing."""

    info: DeviceInfo


def phone(name: str = "Pixel 7 R58M1", **changes: Any) -> DeviceInfo:
    known = {
        "kind": "adb",
        "name": name,
        "serial": "R58M1",
        "model": "Google Pixel 7",
        "soc": "Google GS201",
        "cpu": "4 x Cortex-A55, 2 x Cortex-A78, 2 x Cortex-X1",
        "architecture": "aarch64",
        "abi": "arm64-v8a",
        "os": "Android 14",
        "build": "google/panther/panther:14/UQ1A.240205.002/11224170:user/release-keys",
        "sdk": 34,
        "cores": 8,
        "max_frequency_khz": (1803000,) * 4 + (2348000,) * 2 + (2850000,) * 2,
        "governor": "sched_pixel",
        "memory_bytes": 8 * 2**30,
        "emulated": False,
        "simulated": False,
    } | changes
    nulls = {key: "the device does not tell it" for key, value in known.items() if value is None}
    return DeviceInfo.model_validate(known | {"unmeasured": nulls})


def conditions(readings: int = 0, cores: int = 8) -> Conditions:
    def state(hot: float) -> Condition:
        return Condition(
            thermal_status=0 if hot < 40 else 2,
            battery_percent=84.0,
            battery_celsius=hot - 3,
            charging=False,
            temperatures_celsius={"big": hot + 6, "mid": hot + 3, "skin": hot},
            frequencies_khz=None,
            unmeasured={"frequencies_khz": "not read"},
        )

    clocks = tuple(
        Reading(
            time_s=1.0 + second,
            values={
                f"cpu{core}": (1803e3 if core < 4 else 2850e3 - 9e3 * max(0, second - 20))
                for core in range(cores)
            },
        )
        for second in range(readings)
    )
    heat = tuple(
        Reading(
            time_s=1.0 + second,
            values={"big": 38 + 0.4 * second, "mid": 36 + 0.3 * second, "skin": 31 + 0.1 * second},
        )
        for second in range(readings)
    )
    return Conditions(
        before=state(31.0),
        after=state(46.0),
        cool_down_s=42.0,
        fixed_performance=False,
        frequencies_khz=clocks,
        temperatures_celsius=heat,
        reconnects=1,
    )


def measured(
    subject: str,
    device: DeviceInfo,
    burst_s: tuple[float, ...],
    *,
    size: tuple[int, int] = (448, 256),
    planned: int | None = None,
    bytes_: int | None = None,
    psnr_db: float | None = 92.4,
    reference_s: tuple[float, ...] | None = None,
    end_to_end_s: tuple[float, ...] = (),
    sustained_s: tuple[float, ...] = (),
    accelerator: str = "cpu",
    asked: str = "auto",
    **more: Any,
) -> Row:
    """A row through the same code as the command's; ``psnr_db`` None leaves parity out."""
    manifest = load_manifest(MODEL)
    artifact = manifest.artifact.model_copy(update={"bytes": bytes_ or manifest.artifact.bytes})
    result = LatencyMeasurement(
        manifest=manifest.model_copy(update={"artifact": artifact}),
        backend=BackendFacts(
            runtime="onnxruntime",
            version="1.31.1",
            accelerator_requested=asked,
            accelerator_actual=accelerator,
            threads=4,
            affinity=None,
            unmeasured={"affinity": "left to the system"},
        ),
        size=size,
        samples=Samples(
            load_s=0.0871,
            first_run_s=0.1432 if burst_s else None,
            burst_s=burst_s,
            reference_s=tuple(0.021 + 1e-4 * (i % 3) for i in range(len(burst_s)))
            if reference_s is None
            else reference_s,
            end_to_end_s=end_to_end_s,
            sustained_s=sustained_s,
        ),
        end_to_end_path="raw frames to picture",
        reference="convolution",
        before_load_bytes=40 * 2**20,
        peak_bytes=161 * 2**20,
        **more,
    )
    request = LatencyRequest(
        Path(subject),
        size,
        planned or max(1, len(burst_s)),
        3,
        4,
        asked,
        False,
        None,
        len(end_to_end_s),
        sum(sustained_s),
    )
    row = latency_row(NoDevice(device), request, result, None)  # type: ignore[arg-type]
    if psnr_db is None:
        return row
    parity = Parity(
        reference="torch 2.13", max_abs=2e-5, p99_9=8e-6, psnr_db=psnr_db, data_range=1, ssim=0.9999
    )
    unmeasured = {key: why for key, why in row.unmeasured.items() if key != "parity"}
    return row.model_copy(update={"parity": parity, "unmeasured": unmeasured})


def failed(subject: str, device: DeviceInfo, reason: str) -> Row:
    request = LatencyRequest(Path(subject), (448, 256), 1, 0, 1, "auto", False, None, 0, 0)
    return latency_row(NoDevice(device), request, LatencyFailure("fail", reason), None)  # type: ignore[arg-type]


def report(*rows: Row, **more: Any) -> Report:
    return Report(kind="latency", run=run_info(), device=device_info(), rows=rows, **more)


def spread(count: int, middle_s: float, seed: int = 0) -> tuple[float, ...]:
    """Times as they are: most near the fastest, a few far above."""
    values = middle_s * (1 + np.abs(np.random.default_rng(seed).normal(0, 0.05, count)))
    return tuple(float(each) for each in values)


@pytest.fixture(scope="session")
def full() -> Report:
    """Two phones and an emulator; a failed, a partial, two throttled rows and one of a tool."""
    big, small = phone(), phone("A15 RZCX", serial="RZCX", soc=None, max_frequency_khz=None)
    emulator = phone("emulator", emulated=True, simulated=True)
    slowing = tuple(0.05 + 0.02 * i / 800 + 0.004 * (i % 4 == 3) for i in range(800))
    return report(
        measured(
            "fp32.onnx",
            big,
            spread(30, 0.0482),
            end_to_end_s=spread(10, 0.056, 1),
            sustained_s=slowing,
            conditions=conditions(60),
        ),
        measured("int8.onnx", big, spread(30, 0.0312, 2), bytes_=790_113, psnr_db=44.2),
        measured("fp32.onnx", small, spread(20, 0.146, 3), throttled=True, psnr_db=92.2),
        measured("int8.onnx", small, spread(9, 0.118, 4), planned=30, ended="lost", psnr_db=None),
        measured(
            "fp32.onnx",
            emulator,
            spread(10, 1.912, 5),
            end_to_end_s=spread(3, 2.1, 6),
            sustained_s=spread(20, 2.0, 7),
            invalid=("instructions are translated by qemu",),
        ),
        measured(
            "tool.tflite",
            big,
            (),
            planned=30,
            psnr_db=None,
            tool_statistics_s={"mean": 0.0412},
            no_reference="the tool runs nothing else",
        ),
        failed("corrupt.onnx", big, "the file is no ONNX model\n  got: zeros"),
    )
