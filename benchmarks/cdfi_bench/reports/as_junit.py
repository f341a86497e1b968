"""JUnit XML: each row is a test case, so that CI systems show failures with their numbers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from xml.etree import ElementTree as ET

from cdfi_bench.cells import stable_name
from cdfi_bench.gallery import Case
from cdfi_bench.marks import marks
from cdfi_bench.report import Report, Row
from cdfi_bench.reports import REPORT_FORMATS, ReportFormat
from cdfi_bench.table import COLUMNS

# XML 1.0 allows no other control characters, not even escaped ones.
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def render_junit(report: Report, _cases: Sequence[Case] = ()) -> str:
    """The report as JUnit XML text: one suite, rows as cases in their order."""
    suites = ET.Element("testsuites")
    suite = ET.SubElement(
        suites,
        "testsuite",
        name=f"cdfi-bench {report.kind}",
        tests=str(len(report.rows)),
        failures=str(report.count("fail")),
        errors="0",
        skipped=str(report.count("skip")),
        timestamp=report.run.started,
    )
    if report.interrupted:
        properties = ET.SubElement(suite, "properties")
        ET.SubElement(properties, "property", name="interrupted", value="rows may be missing")
    for row in report.rows:
        _add_case(suite, report, row)
    ET.indent(suites)
    return ET.tostring(suites, encoding="unicode", xml_declaration=True) + "\n"


def _add_case(suite: ET.Element, report: Report, row: Row) -> None:
    case = ET.SubElement(
        suite,
        "testcase",
        classname=_clean(f"cdfi_bench.{report.kind}{_where(row)}"),
        name=_clean(stable_name(row) if report.kind == "latency" else row.subject),
    )
    if row.timing is not None and row.timing.valid:  # times that mean nothing are no time
        case.set("time", f"{sum(row.timing.samples_s):.6f}")
    found = marks(row)
    if found:
        properties = ET.SubElement(case, "properties")
        for mark in found:
            ET.SubElement(properties, "property", name=mark.word, value=_clean(mark.reason))
    reason = _clean(row.verdict.reason)
    if row.verdict.status == "fail":
        failure = ET.SubElement(case, "failure", message=reason.splitlines()[0], type="gate")
        failure.text = reason
    elif row.verdict.status == "skip":
        ET.SubElement(case, "skipped", message=reason)
    lines = [f"{column.title}: {column.text(row)}" for column in COLUMNS[report.kind]]
    ET.SubElement(case, "system-out").text = _clean("\n".join(lines))


def _where(row: Row) -> str:
    return f".{row.input.image_set}" if row.input is not None else ""


def _clean(text: str) -> str:
    return _FORBIDDEN.sub("?", text)


REPORT_FORMATS.register(ReportFormat("junit", ".junit.xml", render_junit))
