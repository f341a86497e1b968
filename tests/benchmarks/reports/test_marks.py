"""Times that are invalid, partial or throttled say so in every format, and count nowhere."""

from __future__ import annotations

import io
import json
import re
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from cdfi_bench.console import console_table
from cdfi_bench.report import Report
from cdfi_bench.reports import REPORT_FORMATS
from cdfi_bench.table import COLUMNS
from rich.console import Console

TIMES = {"load ms", "first ms", "min ms", "median ms", "p90 ms", "p99 ms", "ratio", "end to end ms"}
SUSTAINED = {"slow-down"}


def only(report: Report, index: int, **changes: Any) -> Report:
    return report.model_copy(update={"rows": (report.rows[index],)} | changes)


def marked(report: Report, index: int) -> dict[str, str]:
    """The figures with their marks, by title, where there are any."""
    row = report.rows[index]
    cells = {column.title: column.text(row) for column in COLUMNS["latency"] if column.number}
    return {title: text for title, text in cells.items() if text != "-"}


def render(report: Report, name: str) -> str:
    return REPORT_FORMATS.get(name).render(report, ())


def test_every_time_of_an_emulated_row_is_marked(full: Report) -> None:
    found = marked(full, 4)
    assert set(found) == TIMES | SUSTAINED | {"runs", "PSNR dB", "peak MiB"}
    for title, text in found.items():
        assert text.endswith(" (invalid)") == (title not in ("runs", "PSNR dB")), title


def test_partial_rows_are_marked(full: Report) -> None:
    found = marked(full, 3)
    assert {t for t, text in found.items() if text.endswith(" (partial)")} == TIMES - {
        "end to end ms"
    }
    assert found["runs"] == "9 of 30"


def test_throttling_marks_what_it_touches(full: Report) -> None:
    of_sustained, of_device = marked(full, 0), marked(full, 2)
    assert {t for t, x in of_sustained.items() if "throttled" in x} == SUSTAINED
    assert {t for t, x in of_device.items() if "throttled" in x} == TIMES - {"end to end ms"}


@pytest.mark.parametrize(("index", "word"), [(4, "invalid"), (3, "partial"), (2, "throttled")])
def test_marks_stand_in_every_format_beside_each_figure(
    full: Report, index: int, word: str
) -> None:
    report = only(full, index)
    figures = {t: x for t, x in marked(full, index).items() if word in x}
    junit = ET.fromstring(render(report, "junit"))
    output = junit.findtext(".//system-out") or ""
    for title, text in figures.items():
        assert f"{title}: {text}" in output
    assert [each.get("name") for each in junit.iterfind(".//testcase/properties/*")] == [word]
    brief = [column.title for column in COLUMNS["latency"] if not column.detail]
    markdown = render(report, "markdown")
    page = render(report, "html")
    console = Console(width=260, record=True, file=io.StringIO())
    console.print(console_table(report))
    terminal = console.export_text()
    for title, text in figures.items():
        value = text.split(" (")[0]
        assert f'doubtful">{value} <span class="mark">{word}</span>' in page
        if title in brief:
            assert f"| {text} |" in markdown and value in terminal
    shown = sum(title in brief for title in figures)
    assert terminal.count(f"({word})") == markdown.count(f"({word})") == shown
    reason = {"invalid": "qemu", "partial": "lost", "throttled": "slowed itself down"}[word]
    for text in (markdown, page, ET.tostring(junit, encoding="unicode")):
        assert reason in text


def test_invalid_rows_are_in_no_chart_and_named_below(full: Report) -> None:
    page = render(only(full, 4), "html")
    assert 'class="box"' not in page and 'class="point"' not in page and "<polyline" not in page
    (said,) = re.findall(r'class="left-out">(.*?)</p>', page)
    assert said.startswith("fp32.onnx (emulator") and "invalid: instructions are transl" in said
    page = render(full, "html")
    for chart in ('class="boxes"', 'class="cloud"'):
        after = page[page.rindex(chart) :]
        assert "fp32.onnx (emulator" in after[: after.index("</section>")]


def test_invalid_and_partial_times_are_never_published(full: Report) -> None:
    for index in (3, 4):
        entries = json.loads(render(only(full, index), "benchmark-smaller"))
        measures = {entry["name"].rsplit(": ", 1)[1] for entry in entries}
        allowed = {"file size", "max abs"} if index == 4 else {"file size", "peak memory"}
        assert measures == allowed


def test_junit_has_the_time_of_valid_samples_only(full: Report) -> None:
    cases = ET.fromstring(render(full, "junit")).findall(".//testcase")
    assert len(cases) == len(full.rows)
    for case, row in zip(cases, full.rows, strict=True):
        if row.timing is None or not row.timing.valid:
            assert case.get("time") is None
        else:
            assert float(case.get("time", "nan")) == pytest.approx(sum(row.timing.samples_s))
    names = [case.get("name") for case in cases]
    assert len(set(names)) == len(names)


def test_an_interrupted_report_says_so(full: Report) -> None:
    cut = only(full, 0, interrupted=True)
    for name in ("markdown", "html", "junit"):
        assert "interrupted" in render(cut, name)
        assert "interrupted" not in render(only(full, 0), name)


def test_times_of_a_tool_without_samples_are_told(full: Report) -> None:
    for name in ("markdown", "html"):
        assert "the tool itself printed mean 41.2 ms" in render(full, name)
