"""The files for github-action-benchmark: names, directions, values and ranges."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from cdfi_bench.report import Report
from cdfi_bench.reports import REPORT_FORMATS


def entries(report: Report, direction: str) -> list[dict[str, Any]]:
    text = REPORT_FORMATS.get(f"benchmark-{direction}").render(report, ())
    found: list[dict[str, Any]] = json.loads(text)
    return found


def test_each_entry_has_what_the_action_reads(full: Report) -> None:
    for direction in ("smaller", "bigger"):
        found = entries(full, direction)
        names = [entry["name"] for entry in found]
        assert found and len(set(names)) == len(names)
        for entry in found:
            assert set(entry) <= {"name", "unit", "value", "range", "extra"}
            assert entry["name"] and entry["unit"]
            assert isinstance(entry["value"], float) and np.isfinite(entry["value"])
            assert all(isinstance(entry.get(field, ""), str) for field in ("range", "extra"))


def test_values_and_ranges_come_from_the_samples(full: Report) -> None:
    row = full.rows[0]
    head = "fp32.onnx 448x256 on Pixel 7 R58M1 (onnxruntime, cpu, 4 threads)"
    found = {entry["name"]: entry for entry in entries(full, "smaller")}
    for measure, samples in (
        ("median", row.timing.samples_s),
        ("end to end", row.timing.end_to_end.samples_s),
        ("sustained median", row.timing.sustained.samples_s),
    ):
        entry = found[f"{head}: {measure}"]
        low, high = 1e3 * np.percentile(samples, 10), 1e3 * np.percentile(samples, 90)
        assert entry["unit"] == "ms" and entry["value"] == pytest.approx(1e3 * np.median(samples))
        assert entry["range"] == f"± {(high - low) / 2:.4g}"
        assert f"{len(samples)} samples" in entry["extra"]
    ratio = np.median(row.timing.samples_s) / np.median(row.timing.reference_samples_s)
    assert found[f"{head}: ratio"]["value"] == pytest.approx(ratio)
    assert found[f"{head}: peak memory"]["value"] == 161 * 2**20
    assert found["int8.onnx: file size"]["value"] == 790_113
    (psnr,) = [entry for entry in entries(full, "bigger") if entry["name"].startswith(head)]
    assert psnr["value"] == 92.4 and psnr["unit"] == "dB"


def test_names_do_not_change_with_versions_and_values(full: Report) -> None:
    row = full.rows[1]
    backend = row.backend.model_copy(update={"version": "9.9"})
    timing = row.timing.model_copy(update={"median_s": 1.0})
    later = row.model_copy(update={"backend": backend, "timing": timing})
    first, second = (full.model_copy(update={"rows": (each,)}) for each in (row, later))
    names = [[entry["name"] for entry in entries(each, "smaller")] for each in (first, second)]
    assert names[0] == names[1] and any(": median" in name for name in names[0])


def test_two_artifacts_of_one_name_stay_apart(full: Report) -> None:
    row = full.rows[1]
    other = row.model_copy(update={"timing": row.timing.model_copy(update={"median_s": 0.5})})
    report = full.model_copy(update={"rows": (row, other)})
    medians = [e for e in entries(report, "smaller") if ": median" in e["name"]]
    assert [entry["value"] for entry in medians] == [1e3 * row.timing.median_s, 500]
    assert medians[1]["name"] == medians[0]["name"] + " #2"
    sizes = [e for e in entries(report, "smaller") if "file size" in e["name"]]
    assert len(sizes) == 1, "the same file is one entry"


def test_what_was_not_measured_is_left_out(full: Report) -> None:
    report = full.model_copy(update={"rows": full.rows[-1:]})
    assert entries(report, "smaller") == entries(report, "bigger") == []
