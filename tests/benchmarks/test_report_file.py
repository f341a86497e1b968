"""Reading report files, those of the first schema version included."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from cdfi_bench.report import REPORT_SCHEMA_VERSION
from cdfi_bench.report_file import read_report
from cdfi_bench.reports import write_report
from cdfi_runtime.errors import ArtifactError, InputError

GOLDEN = Path(__file__).parents[1] / "golden"  # written by the release before schema version 2


@pytest.mark.parametrize("kind", ["latency", "parity"])
def test_reports_of_the_first_version_are_read_and_written(kind: str, tmp_path: Path) -> None:
    path = GOLDEN / f"report_v1_{kind}.json"
    old = json.loads(path.read_text())
    report = read_report(path)
    assert old["schema_version"] == 1 and report.schema_version == REPORT_SCHEMA_VERSION
    (row,), (before,) = report.rows, old["rows"]
    assert row.device is not None and row.device.kind == "local"
    assert "version 1" in row.device.unmeasured["soc"]
    assert row.artifact is not None and row.artifact.sha256 == before["artifact"]["sha256"]
    if kind == "latency":
        assert row.timing is not None and row.timing.complete and row.timing.valid
        assert list(row.timing.samples_s) == before["timing"]["samples_s"]
        assert row.timing.median_s == pytest.approx(np.median(before["timing"]["samples_s"]))
    else:
        assert row.parity is not None and row.parity.psnr_db == before["parity"]["psnr_db"]
    write_report(report, tmp_path)
    assert read_report(tmp_path / f"{kind}.json") == report


def test_the_oldest_reports_lack_lpips_and_mobile(tmp_path: Path) -> None:
    raw = json.loads((GOLDEN / "report_v1_parity.json").read_text())
    (row,) = raw["rows"]
    for holder in (row, *row["images"]):
        del holder["quality"]["lpips"], holder["quality"]["unmeasured"]["lpips"]
    del row["mobile"]
    path = tmp_path / "report.json"
    path.write_text(json.dumps(raw))
    (read,) = read_report(path).rows
    assert read.quality is not None and "version 1" in read.quality.unmeasured["lpips"]
    assert read.images[0].quality is not None
    assert "version 1" in read.images[0].quality.unmeasured["lpips"]
    assert read.mobile is None and "version 1" in read.unmeasured["mobile"]


@pytest.mark.parametrize(
    "text", ["", "text", "[]", "{}", '{"schema_version": 1}', '{"schema_version": 99}']
)
def test_anything_else_is_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    path.write_text(text)
    with pytest.raises((ArtifactError, InputError)) as error:
        read_report(path)
    assert error.value.fix


def test_a_number_without_its_samples_is_refused(tmp_path: Path) -> None:
    raw = json.loads((GOLDEN / "report_v1_latency.json").read_text())
    del raw["rows"][0]["timing"]["samples_s"]
    path = tmp_path / "report.json"
    path.write_text(json.dumps(raw))
    with pytest.raises(ArtifactError, match="no report"):
        read_report(path)
