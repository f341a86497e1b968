"""The reports that Kotlin is held to are what ``cdfi_bench`` makes of the same runs today."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import jsonschema
import pytest
from cdfi_bench.report import report_schema
from cdfi_bench.report_file import read_report


def _load() -> ModuleType:
    path = Path(__file__).with_name("golden_reports.py")
    spec = importlib.util.spec_from_file_location("golden_reports", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["golden_reports"] = module
    spec.loader.exec_module(module)
    return module


golden = _load()
FILE = golden.FOLDER / "reports.json"
AGAIN = "the reports that android_demo/core writes too have changed: run golden_reports.py"
STORED: list[dict[str, Any]] = json.loads(FILE.read_text(encoding="utf-8"))


def test_the_file_is_what_python_makes() -> None:
    assert FILE.read_bytes() == golden.dump(golden.cases()), AGAIN


@pytest.mark.parametrize("case", STORED, ids=lambda case: str(case["name"]))
def test_each_report_is_read_and_fits_the_schema(case: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    path.write_text(json.dumps(case["report"]), encoding="utf-8")
    report = read_report(path)
    assert report.rows[0].verdict.status in ("pass", "fail", "skip")
    jsonschema.validate(case["report"], json.loads(report_schema()))


def test_the_cases_reach_every_field_of_time() -> None:
    timings = [case["report"]["rows"][0]["timing"] for case in STORED]
    there = [timing for timing in timings if timing is not None]
    never = {"tool_statistics_s", "reference", "reference_median_s", "ratio"}
    for name in set(there[0]) - never - {"unmeasured"}:
        assert any(timing[name] is not None for timing in there), name
    assert {timing["throttled"] for timing in there} == {True, False, None}
    assert {timing["valid"] for timing in there} == {True, False}
    assert {timing["complete"] for timing in there} == {True, False}
    statuses = {case["report"]["rows"][0]["verdict"]["status"] for case in STORED}
    assert statuses == {"pass", "fail", "skip"}
