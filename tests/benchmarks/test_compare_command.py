"""``cdfi-bench compare``: every verdict, exit code and file, from real reports that are changed."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import jsonschema
import pytest
from cdfi_bench.cli import app
from cdfi_bench.compare.report import ComparedRow, Comparison, comparison_schema
from cdfi_bench.compare.view import MARKER, render_junit, render_markdown
from cdfi_bench.report_file import read_report
from cdfi_runtime.command import run_app

GOLDEN = Path(__file__).parents[1] / "golden"
Changes = dict[str, Any]


@pytest.fixture
def report(tmp_path: Path) -> Callable[..., Path]:
    """Writes the recorded report of a kind, its only row changed: ``{"parity.max_abs": 1.0}``."""

    def make(name: str, kind: str = "parity", changes: Changes | None = None) -> Path:
        raw = json.loads(read_report(GOLDEN / f"report_v1_{kind}.json").model_dump_json())
        for place, value in (changes or {}).items():
            *sections, last = place.split(".")
            section = raw["rows"][0]
            for each in sections:
                section = section[each]
            section[last] = value
            if value is None:
                section["unmeasured"][last] = "left out by the test"
            else:
                section.get("unmeasured", {}).pop(last, None)
        path = tmp_path / name / f"{kind}.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(raw))
        return path

    return make


def compare(tmp_path: Path, base: Path, new: Path, *options: str) -> tuple[int, Comparison | None]:
    out = tmp_path / "out"
    with pytest.raises(SystemExit) as end:
        run_app(app, ["compare", str(base), str(new), "--out", str(out), *options])
    written = out / "compare.json"
    text = written.read_text() if written.exists() else None
    return int(end.value.code or 0), text and Comparison.model_validate_json(text)


def only(comparison: Comparison | None) -> ComparedRow:
    assert comparison is not None
    (row,) = comparison.rows
    return row


@pytest.mark.parametrize("kind", ["parity", "latency"])
def test_a_report_of_the_first_version_is_compared_with_a_new_one(
    kind: str, report: Any, tmp_path: Path
) -> None:
    old = GOLDEN / f"report_v1_{kind}.json"
    code, found = compare(tmp_path, old, report("new", kind))
    row = only(found)
    assert (code, row.state, row.outcome) == (0, "unchanged", "pass")
    measures = {check.measure for check in row.checks}
    assert ("latency" in measures) == (kind == "latency")
    assert {"size"} <= measures
    if kind == "parity":
        assert {"max abs to torch", "PSNR to torch", "PSNR to truth"} <= measures


@pytest.mark.parametrize(
    ("changes", "measure"),
    [
        ({"parity.max_abs": 6e-5}, "max abs to torch"),
        ({"parity.psnr_db": 99.9}, "PSNR to torch"),
        ({"quality.psnr_db": 29.33}, "PSNR to truth"),
        ({"quality.psnr_db": 30.28}, "PSNR to truth"),
        ({"artifact.bytes": 2_900_000}, "size"),
        ({"artifact.bytes": 2_660_000}, "size"),
    ],
)
def test_hard_gates_fail(changes: Changes, measure: str, report: Any, tmp_path: Path) -> None:
    base = report("base", changes={"artifact.bytes": 2_627_956})
    code, found = compare(tmp_path, base, report("new", changes=changes))
    row = only(found)
    (failed,) = [check for check in row.checks if check.result == "fail"]
    assert (code, row.state, failed.measure) == (1, "regression", measure)
    assert row.reason.startswith(f"{measure} ")


@pytest.mark.parametrize(
    "changes",
    [
        {"parity.max_abs": 4.9e-5},
        {"parity.psnr_db": 100.1},
        {"quality.psnr_db": 30.29},
        {"artifact.bytes": 2_650_000},
    ],
)
def test_what_other_cpus_change_passes(changes: Changes, report: Any, tmp_path: Path) -> None:
    base = report("base", changes={"artifact.bytes": 2_627_956})
    same = {"artifact.bytes": 2_627_956} | changes
    code, found = compare(tmp_path, base, report("new", changes=same))
    assert (code, only(found).outcome) == (0, "pass")


def test_equal_outputs_are_the_best_and_losing_them_is_seen(report: Any, tmp_path: Path) -> None:
    equal = report("base", changes={"parity.psnr_db": None, "parity.max_abs": 0.0})
    code, found = compare(tmp_path, equal, report("new"))
    assert (code, only(found).outcome) == (0, "pass")  # 127 dB: rounding
    worse = report("new", changes={"parity.psnr_db": 90.0})
    code, found = compare(tmp_path, equal, worse)
    assert code == 1 and "equal to 90.000 dB" in only(found).reason
    assert compare(tmp_path, worse, equal)[0] == 0


def test_better_numbers_are_improvements(report: Any, tmp_path: Path) -> None:
    new = report("new", changes={"quality.psnr_db": 31.0, "artifact.bytes": 2_000_000})
    code, found = compare(tmp_path, report("base"), new)
    row = only(found)
    assert (code, row.state) == (0, "improvement")
    assert {check.measure for check in row.checks if check.result == "better"} == {
        "size",
        "PSNR to truth",
    }


@pytest.mark.parametrize(
    ("mebibytes", "outcome"), [(64, "pass"), (75, "warn"), (90, "fail"), (40, "pass")]
)
def test_memory_beyond_the_empty_process(
    mebibytes: int, outcome: str, report: Any, tmp_path: Path
) -> None:
    def memory(added: int) -> Changes:
        before = 68 * 2**20
        return {"memory.before_load_bytes": before, "memory.peak_bytes": before + added * 2**20}

    base = report("base", "latency", memory(64))
    code, found = compare(tmp_path, base, report("new", "latency", memory(mebibytes)))
    row = only(found)
    assert (code, row.outcome) == (int(outcome == "fail"), outcome)
    (check,) = [check for check in row.checks if check.measure == "memory"]
    assert check.result == ("better" if mebibytes == 40 else outcome)


@pytest.mark.parametrize("status", ["fail", "skip"])
def test_what_passed_and_does_not_any_more_fails(status: str, report: Any, tmp_path: Path) -> None:
    verdict = {"verdict.status": status, "verdict.reason": "the file is empty\nmore"}
    code, found = compare(tmp_path, report("base"), report("new", changes=verdict))
    row = only(found)
    assert (code, row.state, row.outcome) == (1, "regression", "fail")
    assert row.reason == f"pass in BASE, {status} in NEW: the file is empty"
    code, found = compare(tmp_path, report("base", changes=verdict), report("new"))
    assert (code, only(found).state) == (0, "improvement")
    failed = report("base", changes=verdict | {"verdict.status": "fail"})
    code, found = compare(tmp_path, failed, report("new", changes=verdict))
    assert code == 0 and "regression" not in only(found).state


@pytest.mark.parametrize("size", [None, "many"])
def test_a_row_that_could_not_be_opened_is_no_missing_row(
    size: str | None, report: Any, tmp_path: Path
) -> None:
    base = report("base")
    if size:
        raw = json.loads(base.read_text())
        other = json.loads(json.dumps(raw["rows"][0]))
        other["input"]["sizes"] = [[64, 64]]
        raw["rows"].append(other)
        base.write_text(json.dumps(raw))
    dead = dict.fromkeys(("artifact", "input", "backend", "parity", "quality"))
    verdict = {"verdict.status": "fail", "verdict.reason": "no model", "verdict.gates": []}
    code, found = compare(tmp_path, base, report("new", changes=dead | verdict))
    assert code == 1 and found is not None
    assert [row.state for row in found.rows] == ["regression"] * (2 if size else 1)


def test_missing_and_new_rows(report: Any, tmp_path: Path) -> None:
    base, new = report("base"), report("new")
    for path, name in ((base, "dropped.onnx"), (new, "added.onnx")):
        raw = json.loads(path.read_text())
        raw["rows"].append(raw["rows"][0] | {"subject": name})
        path.write_text(json.dumps(raw))
    code, found = compare(tmp_path, base, new)
    assert code == 0 and found is not None
    states = {row.key.subject: (row.state, row.outcome) for row in found.rows}
    assert states["dropped.onnx"] == ("missing", "warn")
    assert states["added.onnx"] == ("new", "pass")
    for policy, expected in (("fail", 1), ("ignore", 0)):
        file = tmp_path / "limits.toml"
        file.write_text(f'missing = "{policy}"')
        assert compare(tmp_path, base, new, "--thresholds", str(file))[0] == expected


def test_a_number_that_new_did_not_measure_is_missing_too(report: Any, tmp_path: Path) -> None:
    new = report("new", changes={"parity": None})
    code, found = compare(tmp_path, report("base"), new)
    assert code == 0 and only(found).outcome == "warn"
    file = tmp_path / "limits.toml"
    file.write_text('missing = "fail"')
    code, found = compare(tmp_path, report("base"), new, "--thresholds", str(file))
    assert code == 1 and "left out by the test" in only(found).reason


def test_other_images_are_not_compared(report: Any, tmp_path: Path) -> None:
    other = {"input.data_sha256": "0" * 64, "quality.psnr_db": 10.0, "parity.psnr_db": 20.0}
    code, found = compare(tmp_path, report("base"), report("new", changes=other))
    results = {check.measure: check.result for check in only(found).checks}
    assert code == 0
    assert results["PSNR to truth"] == results["parity to torch"] == "not compared"


def test_falling_back_to_another_accelerator_is_said(report: Any, tmp_path: Path) -> None:
    actual = "backend.accelerator_actual"
    new = report("new", "latency", {actual: "cpu2"})
    code, found = compare(tmp_path, report("base", "latency"), new)
    assert code == 0 and only(found).outcome == "warn"
    assert "accelerator is cpu2" in only(found).reason


def test_folders_leave_out_what_is_no_report(report: Any, tmp_path: Path) -> None:
    for side in ("base", "new"):
        report(side), report(side, "latency")
        (tmp_path / side / "latency.benchmark.json").write_text("[]")
    code, found = compare(tmp_path, tmp_path / "base", tmp_path / "new")
    assert code == 0 and found is not None and len(found.rows) == 2
    assert found.new.left_out == ("latency.benchmark.json",)
    (tmp_path / "new" / "quality.json").write_text('{"kind": "quality", "rows"')
    assert compare(tmp_path, tmp_path / "base", tmp_path / "new")[0] == 2


@pytest.mark.parametrize(
    "text", ["", "text", "[]", "{}", "\x00\xff", '{"schema_version": 99}', "[" * 100000]
)
def test_files_that_are_no_reports_are_usage_errors(
    text: str, report: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    new = tmp_path / "broken.json"
    new.write_text(text, encoding="latin-1")
    assert compare(tmp_path, report("base"), new)[0] == 2
    assert not (tmp_path / "out").exists()
    error = capsys.readouterr().err
    assert "error:" in error and "Traceback" not in error


def test_nothing_to_compare_is_a_usage_error(
    report: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    base = report("base")
    assert compare(tmp_path, base, report("new", changes={"backend.threads": 7}))[0] == 2
    assert "7 threads in NEW" in capsys.readouterr().err
    empty = json.loads(base.read_text()) | {"rows": []}
    (tmp_path / "empty.json").write_text(json.dumps(empty))
    assert compare(tmp_path, base, tmp_path / "empty.json")[0] == 2
    assert compare(tmp_path, base, tmp_path / "nowhere")[0] == 2
    (tmp_path / "folder").mkdir()
    assert compare(tmp_path, tmp_path / "folder", base)[0] == 2


def test_the_same_row_twice_is_refused(
    report: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    base, new = report("base"), report("new")
    raw = json.loads(new.read_text())
    raw["rows"] *= 2
    new.write_text(json.dumps(raw))
    assert compare(tmp_path, base, new)[0] == 2
    assert "NEW holds the same row 2 times" in capsys.readouterr().err


def test_two_phones_of_one_model_are_told_apart(report: Any, tmp_path: Path) -> None:
    phone = {"device.model": "Pixel", "device.kind": "adb"}
    sides = []
    for side in ("base", "new"):
        path = report(side, changes=phone | {"device.serial": "A"})
        raw = json.loads(path.read_text())
        other = json.loads(json.dumps(raw["rows"][0]))
        other["device"]["serial"] = "B"
        raw["rows"].append(other)
        path.write_text(json.dumps(raw))
        sides.append(path)
    code, found = compare(tmp_path, *sides)
    assert code == 0 and found is not None
    assert [row.key.device for row in found.rows] == ["Pixel A", "Pixel B"]
    # One phone each, replaced by another of its model, is the same row.
    one = report("base", changes=phone | {"device.serial": "A"})
    code, found = compare(tmp_path, one, report("new", changes=phone | {"device.serial": "C"}))
    assert code == 0 and only(found).state == "unchanged"


def test_committed_schema_is_the_one_of_the_code(report: Any, tmp_path: Path) -> None:
    committed = files("cdfi_bench").joinpath("schemas/comparison.schema.json").read_text()
    assert committed == comparison_schema()
    compare(tmp_path, report("base"), report("new"))
    validator = jsonschema.Draft202012Validator(json.loads(committed))
    raw = json.loads((tmp_path / "out/compare.json").read_text())
    validator.validate(raw)
    raw["outcome"] = "maybe"
    with pytest.raises(jsonschema.ValidationError):
        validator.validate(raw)


def test_markdown_and_junit_put_the_worst_first_and_trust_no_name(
    report: Any, tmp_path: Path
) -> None:
    evil = "a|b <img src=x> @all [x](http://y)\x1b"
    base, new = report("base"), report("new", changes={"quality.psnr_db": 20.0})
    for path in (base, new):
        raw = json.loads(path.read_text())
        good = json.loads(base.read_text())["rows"][0]
        raw["rows"] = [good | {"subject": "good.onnx"}, raw["rows"][0] | {"subject": evil}]
        path.write_text(json.dumps(raw))
    code, found = compare(tmp_path, base, new)
    assert code == 1 and found is not None
    text = (tmp_path / "out/compare.md").read_text()
    assert text == render_markdown(found)
    lines = text.splitlines()
    assert lines[0] == MARKER and lines[1] == "## Comparison: a gate failed"
    (row,) = [line for line in lines if line.startswith("| fail")]
    assert "<img" not in text and "@all" not in text and "[x]" not in text.replace("\\[", "")
    assert row.replace("\\|", "").count("|") == 6
    suite = ET.fromstring(render_junit(found)).find("testsuite")
    assert suite is not None
    assert [suite.get(each) for each in ("tests", "failures", "skipped")] == ["2", "1", "0"]
    first = suite.findall("testcase")[0]
    assert first.find("failure") is not None and "a|b" in str(first.get("name"))
