"""Golden reports of ``android_demo/core``: what ``cdfi_bench`` makes of runs, and Kotlin likewise.

``python tests/android/golden_reports.py`` writes them anew; a test on either side compares.
"""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from cdfi_bench.latency.measurement import LatencyFailure, LatencyMeasurement, Samples
from cdfi_bench.latency.report import latency_row
from cdfi_bench.latency.request import LatencyRequest
from cdfi_bench.report import BackendFacts, Report, Row, RunInfo
from cdfi_bench.report_device import Condition, Conditions, DeviceInfo, Reading
from cdfi_runtime.manifest import Manifest, parse_manifest

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "android_demo" / "core" / "src" / "test" / "resources" / "golden" / "reports"
NANO, MILLI = 1e-9, 1e-3
FRAMES = "the built-in pair"
UNKNOWN = "the device does not tell it"
NO_COMMIT = "the app does not know the commit it was built from"
NO_PARITY = "the app has no reference: cdfi-bench latency --runner app compares"

DEVICE: dict[str, Any] = {
    "name": "Pixel 8",
    "model": "Google Pixel 8",
    "soc": "Google Tensor G3",
    "architecture": "aarch64",
    "abi": "arm64-v8a",
    "os": "Android 15, Linux 6.1.99",
    "build": None,
    "sdk": 35,
    "cores": 9,
    "max_frequency_khz": [1704000, 2914000],
    "governor": None,
    "memory_bytes": 7_900_000_000,
}
COMPLETE: dict[str, Any] = {
    "artifact": "net.onnx",
    "app_version": "0.1.0",
    "version": "1.29.0",
    "requested": "nnapi",
    "actual": "cpu",
    "fallback": "NNAPI is not there",
    "threads": 4,
    "affinity": [0, 1, 2, 3],
    "emulated": None,
    "width": 448,
    "height": 256,
    "thermal_status": [0, None],
    "started": 1_795_415_400_123,
    "runs": 4,
    "end_to_end": 2,
    "sustained_s": 3,
    "load_ns": 250_123_457,
    "first_run_ns": 90_000_001,
    "warm_up": 3,
    "burst_ns": [80_000_000, 81_000_007, 79_500_000, 83_333_333],
    "end_to_end_ns": [95_000_000, 96_123_456],
    "sustained_ns": [80_000_000 + 2_345_678 * step for step in range(10)],
    "memory": [40_000_000, 190_000_000],
    "frequency": [[1_000_000, {"0": 1_800_000}], [1_001_000_000, {"0": 1_700_000}]],
    "thermal": None,
    "stopped": None,
    "error": None,
    "manifest": True,
}
"""One run, in the values that the app holds; the others differ from it in some."""

DIFFERENT: dict[str, dict[str, Any]] = {
    "complete": {},
    "hot": {
        "thermal_status": [0, 2],
        "sustained_ns": [80_000_000] * 4,
        "thermal": [[5, {"skin": 31_234, "cpu.1": 45_678}]],
    },
    "steady": {"thermal_status": [0, 0], "sustained_ns": [80_000_000] * 9, "fallback": None},
    "slower, Android says cool": {"thermal_status": [0, 0]},
    "just long enough": {
        "thermal_status": [None, None],
        "sustained_ns": [80_000_000 + 5_000_000 * step for step in range(9)],
    },
    "just too short": {"thermal_status": [None, None], "sustained_ns": [80_000_000] * 8},
    "untold": {
        "threads": 0,
        "affinity": None,
        "memory": [None, None],
        "frequency": None,
        "thermal_status": [None, None],
        "end_to_end": 0,
        "end_to_end_ns": [],
        "sustained_s": 0,
        "sustained_ns": [],
        "emulated": "qemu",
    },
    "cut short": {
        "burst_ns": [80_000_000],
        "end_to_end_ns": [],
        "sustained_ns": [],
        "stopped": "error",
        "error": "the runtime ran out of memory",
    },
    "ended": {
        "first_run_ns": None,
        "warm_up": 0,
        "burst_ns": [],
        "end_to_end_ns": [],
        "sustained_ns": [],
        "stopped": "terminated",
    },
    "never loaded": {
        "stopped": "error",
        "error": "net.onnx is missing",
        "manifest": False,
        "actual": None,
        "fallback": None,
        "load_ns": None,
        "first_run_ns": None,
        "warm_up": 0,
        "burst_ns": [],
        "end_to_end_ns": [],
        "sustained_ns": [],
    },
}


def cases() -> list[dict[str, Any]]:
    """Runs by name, each with the report that ``cdfi_bench`` makes of it."""
    found = []
    for name, change in DIFFERENT.items():
        run = COMPLETE | change
        report = make_report(run).model_dump(mode="json")
        found.append({"name": name, "device": DEVICE, "run": run, "report": report})
    return found


def make_report(run: dict[str, Any]) -> Report:
    """The report on one run, by the functions that the host's reports come from."""
    device = _device(run)
    row = _without_reference(latency_row(_as_device(device), _request(run), _result(run), None))
    return Report(
        kind="latency",
        run=RunInfo(
            started="2026-11-23T06:30:00+00:00",
            commit=None,
            dirty=None,
            tools={"io.github.cdfimobile.demo": run["app_version"], "onnxruntime": run["version"]},
            unmeasured=dict.fromkeys(("commit", "dirty"), NO_COMMIT),
        ),
        device=device,
        interrupted=run["stopped"] == "terminated",
        rows=(row,),
    )


def _as_device(info: DeviceInfo) -> Any:
    return SimpleNamespace(info=info)


def _request(run: dict[str, Any]) -> LatencyRequest:
    return LatencyRequest(
        path=Path(run["artifact"]),
        size=None,
        runs=run["runs"],
        warm_up=run["warm_up"],
        threads=run["threads"] or None,
        accelerator=run["requested"],
        end_to_end=run["end_to_end"],
        sustained_s=run["sustained_s"],
    )


def _result(run: dict[str, Any]) -> LatencyMeasurement | LatencyFailure:
    if not run["manifest"]:
        return LatencyFailure("fail", run["error"])
    after = run["thermal_status"][1]
    return LatencyMeasurement(
        manifest=manifest(),
        backend=_backend(run),
        size=(run["width"], run["height"]),
        samples=Samples(
            load_s=_seconds(run["load_ns"]),
            first_run_s=_seconds(run["first_run_ns"]),
            burst_s=tuple(each * NANO for each in run["burst_ns"]),
            end_to_end_s=tuple(each * NANO for each in run["end_to_end_ns"]),
            sustained_s=tuple(each * NANO for each in run["sustained_ns"]),
        ),
        end_to_end_path="two RGB frames in memory to the RGB picture, in the app: "
        "packing, network, rounding",
        reference=None,
        no_reference="the app runs no reference in turn",
        before_load_bytes=run["memory"][0],
        peak_bytes=run["memory"][1],
        conditions=_conditions(run),
        invalid=(f"the processor is emulated ({run['emulated']})",) if run["emulated"] else (),
        throttled=None if after is None else after > 0,
        ended=_ended(run),
    )


def _ended(run: dict[str, Any]) -> str | None:
    if run["stopped"] is None:
        return None
    return run["error"] or f"the run was ended before its end ({run['stopped']})"


def _without_reference(row: Row) -> Row:
    """With the reasons that only the phone has, and as skipped where its user ended it."""
    raw = row.model_dump(mode="json")
    if raw["artifact"] is not None:
        raw["unmeasured"] |= dict.fromkeys(("parity", "quality"), NO_PARITY)
        raw["input"]["image_set"] = FRAMES
        raw["input"]["unmeasured"]["data_sha256"] = "the frames are made for the size"
    if "(terminated)" in raw["verdict"]["reason"]:
        raw["verdict"]["status"] = "skip"
    return Row.model_validate(raw)


def _backend(run: dict[str, Any]) -> BackendFacts:
    unmeasured = {} if run["threads"] else {"threads": "left to the runtime"}
    unmeasured |= {} if run["affinity"] else {"affinity": "the app cannot tell"}
    return BackendFacts(
        runtime="onnxruntime",
        version=f"{run['version']}, app {run['app_version']}",
        accelerator_requested=run["requested"],
        accelerator_actual=run["actual"] + (f" ({run['fallback']})" if run["fallback"] else ""),
        threads=run["threads"] or None,
        affinity=run["affinity"],
        unmeasured=unmeasured,
    )


def _device(run: dict[str, Any]) -> DeviceInfo:
    unmeasured = {name: UNKNOWN for name, value in DEVICE.items() if value is None}
    unmeasured |= {"serial": "an app is not told it", "cpu": "the SoC stands for it"}
    return DeviceInfo(
        kind="app",
        serial=None,
        cpu=None,
        emulated=run["emulated"] is not None,
        simulated=False,
        unmeasured=unmeasured,
        **DEVICE,
    )


def _conditions(run: dict[str, Any]) -> Conditions:
    before, after = (_condition(status) for status in run["thermal_status"])
    return Conditions(
        before=before,
        after=after,
        cool_down_s=0,
        fixed_performance=None,
        frequencies_khz=_readings(run["frequency"], 1),
        temperatures_celsius=_readings(run["thermal"], MILLI),
        reconnects=0,
        unmeasured={"fixed_performance": "an app cannot ask for it"},
    )


def _condition(status: int | None) -> Condition:
    names = set(Condition.model_fields) - {"thermal_status", "unmeasured"}
    unmeasured = dict.fromkeys(names, "not read by the app")
    if status is None:
        unmeasured["thermal_status"] = "Android tells it from version 10 on"
    return Condition.model_validate(
        dict.fromkeys(names) | {"thermal_status": status, "unmeasured": unmeasured}
    )


def _readings(found: list[Any] | None, scale: float) -> tuple[Reading, ...]:
    return tuple(
        Reading(time_s=time * NANO, values={name: value * scale for name, value in values.items()})
        for time, values in found or ()
    )


def _seconds(time: int | None) -> float | None:
    return None if time is None else time * NANO


def manifest() -> Manifest:
    """The embedded artifact's."""
    path = ROOT / "runtime" / "cdfi_runtime" / "assets" / "default.onnx.manifest.json"
    return parse_manifest(path.read_text(encoding="utf-8"), path.name)


def dump(content: list[dict[str, Any]]) -> bytes:
    """JSON for a golden file, a line for each case."""
    lines = (json.dumps(case, sort_keys=True, separators=(",", ":")) for case in content)
    return ("[\n" + ",\n".join(lines) + "\n]\n").encode()


def main() -> None:
    """Write all reports."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / "reports.json").write_bytes(dump(cases()))


if __name__ == "__main__":
    main()
