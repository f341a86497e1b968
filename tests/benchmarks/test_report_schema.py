"""The report's schema, its rule on nulls, and the writers."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path
from xml.etree import ElementTree as ET

import jsonschema
import pytest
from cdfi_bench.environment import device_info, run_info
from cdfi_bench.gates import at_least, at_most, verdict
from cdfi_bench.report import Parity, Report, Row, Verdict, report_schema, worst_first
from cdfi_bench.reports import REPORT_FORMATS, write_report
from cdfi_bench.rows import make_row, undecided_row
from cdfi_bench.table import COLUMNS
from pydantic import ValidationError

PARITY = Parity(
    reference="torch 2", max_abs=1e-3, p99_9=5e-4, psnr_db=71.0, data_range=1.0, ssim=0.999
)


def report(*rows: Row) -> Report:
    return Report(kind="parity", run=run_info(), device=device_info(), rows=rows)


def row(subject: str, psnr_db: float, limit: float = 60.0) -> Row:
    parity = PARITY.model_copy(update={"psnr_db": psnr_db})
    decided = verdict([at_least("PSNR dB", psnr_db, limit)], passed="all gates held")
    return make_row("parity", subject, decided, parity=parity)


def test_committed_schema_is_the_one_of_the_code() -> None:
    committed = files("cdfi_bench").joinpath("schemas/report.schema.json").read_text()
    assert committed == report_schema()


def test_reports_fit_the_committed_schema() -> None:
    schema = json.loads(report_schema())
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    made = report(row("a", 70), undecided_row("parity", "b", "fail", "no model\n  got: text"))
    raw = json.loads(made.model_dump_json())
    validator.validate(raw)
    raw["rows"][0]["verdict"]["status"] = "maybe"
    with pytest.raises(jsonschema.ValidationError):
        validator.validate(raw)


def test_null_needs_a_reason_and_a_number_must_not_have_one() -> None:
    values = PARITY.model_dump()
    with pytest.raises(ValidationError, match="null fields"):
        Parity.model_validate(values | {"ssim": None})
    with pytest.raises(ValidationError, match="null fields"):
        Parity.model_validate(values | {"unmeasured": {"ssim": "why?"}})
    accepted = Parity.model_validate(values | {"ssim": None, "unmeasured": {"ssim": "too small"}})
    assert accepted.ssim is None


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_numbers_are_finite(value: float) -> None:
    with pytest.raises(ValidationError):
        Parity.model_validate(PARITY.model_dump() | {"psnr_db": value})


def test_every_missing_section_of_a_row_says_why() -> None:
    made = row("a", 70)
    assert made.unmeasured["timing"] == "not part of a parity report"
    failed = undecided_row("latency", "b", "fail", "the file is empty\n  got: 0 bytes")
    assert failed.unmeasured["timing"] == "not measured: the file is empty"


def test_verdict_names_every_missed_number() -> None:
    gates = [at_most("max abs", 0.5, 2e-3), at_least("PSNR dB", 12.34, 60), at_most("x", 1, 2)]
    decided = verdict(gates, passed="all gates held")
    assert decided.status == "fail"
    assert decided.reason == "max abs 0.5, must be <= 0.002; PSNR dB 12.34, must be >= 60"
    assert verdict(gates[2:], passed="all gates held").reason == "all gates held"


def test_limits_are_inclusive() -> None:
    assert at_most("x", 2e-3, 2e-3).held and at_least("x", 60, 60).held
    assert not at_most("x", 2.1e-3, 2e-3).held and not at_least("x", 59.99, 60).held


def test_worst_comes_first() -> None:
    skipped = undecided_row("parity", "skipped", "skip", "no weights")
    rows = (row("good", 90), row("fair", 61), skipped, row("bad", 40), row("worse", 20))
    order = [each.subject for each in worst_first(rows)]
    assert order == ["worse", "bad", "skipped", "fair", "good"]


def test_every_format_is_written_whole(tmp_path: Path) -> None:
    paths = write_report(report(row("a", 70)), tmp_path)
    endings = ("bigger.benchmark.json", "html", "json", "junit.xml", "md", "smaller.benchmark.json")
    names = [f"parity.{ending}" for ending in endings]
    assert sorted(path.name for path in paths) == names
    assert sorted(tmp_path.iterdir()) == sorted(paths), "no temporary file stays"
    again = Report.model_validate_json((tmp_path / "parity.json").read_text())
    assert again.rows[0].subject == "a"


def test_junit_counts_and_survives_control_characters() -> None:
    odd = undecided_row("parity", "odd\x00<name>&", "fail", "bad byte \x1b in it\nsecond line")
    skipped = undecided_row("parity", "s", "skip", "no weights")
    text = REPORT_FORMATS.get("junit").render(report(odd, skipped, row("a", 70)), ())
    suite = ET.fromstring(text).find("testsuite")
    assert suite is not None
    counts = [suite.get(name) for name in ("tests", "failures", "skipped", "errors")]
    assert counts == ["3", "1", "1", "0"]
    cases = suite.findall("testcase")
    assert [case.get("name") for case in cases] == ["odd?<name>&", "s", "a"]
    failure = cases[0].find("failure")
    assert failure is not None and failure.get("message") == "bad byte ? in it"
    assert failure.text == "bad byte ? in it\nsecond line"
    output = cases[2].find("system-out")
    assert output is not None and "PSNR dB: 70.0" in str(output.text)


def test_markdown_is_one_table_whose_cells_cannot_break_it() -> None:
    odd = make_row("parity", "a|b\nc", Verdict(status="pass", reason="fine"), parity=PARITY)
    text = REPORT_FORMATS.get("markdown").render(report(odd, row("z", 20)), ())
    table = [line for line in text.splitlines() if line.startswith("|")]
    assert len(table) == 4
    width = len(COLUMNS["parity"]) + 1
    assert all(line.replace("\\|", "").count("|") == width for line in table)
    assert "a\\|b c" in table[3]
    assert "PSNR = 10 log10" in text
