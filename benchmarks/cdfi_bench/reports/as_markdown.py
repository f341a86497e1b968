"""Markdown: one table, worst first, made to be posted as a comment on a pull request."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from cdfi_bench.cells import described
from cdfi_bench.device_view import device_views
from cdfi_bench.gallery import Case
from cdfi_bench.marks import troubles
from cdfi_bench.report import Report, Row, worst_first
from cdfi_bench.reports import REPORT_FORMATS, ReportFormat
from cdfi_bench.table import (
    COLUMNS,
    MOBILE_COLUMNS,
    MOBILE_NOTE,
    NOTES,
    REASON,
    Column,
    mobile_lines,
    remarks,
)

MOST_PAIRS = 20
"""Failed frame pairs listed for a row: a comment holds 65,536 characters. The JSON has all."""


def render_markdown(report: Report, _cases: Sequence[Case] = ()) -> str:
    """The report as Markdown text, in GitHub's flavour."""
    columns = _columns(report)
    lines = [
        f"# {report.kind.capitalize()} report",
        "",
        f"{len(report.rows)} rows: {report.count('fail')} failed, {report.count('skip')} skipped, "
        f"{report.count('pass')} passed."
        + (" **Partial: it was interrupted by its user.**" if report.interrupted else ""),
        "",
        _line(column.title for column in columns),
        _line("---:" if column.number else "---" for column in columns),
        *(_line(column.text(row) for column in columns) for row in worst_first(report.rows)),
        "",
        *_troubles(report),
        NOTES[report.kind],
        "",
        *_mobile(report),
        *_remarks(report),
        *_devices(report),
        _origin(report),
    ]
    return "\n".join(lines) + "\n"


def _columns(report: Report) -> list[Column]:
    """Rows of many figures have no space for reasons, which follow as a list."""
    columns = [column for column in COLUMNS[report.kind] if not column.detail]
    return [c for c in columns if c is not REASON] if report.kind == "latency" else columns


def _troubles(report: Report) -> list[str]:
    lines = []
    for row in worst_first(report.rows):
        if report.kind == "latency":
            lines += _trouble(row)
        if len(row.failures) > 1:
            named = list(row.failures.items())
            lines += [f"* {_escape(row.subject)}: {len(named)} pairs failed"]
            lines += [f"    * {_escape(f'{name}: {why}')}" for name, why in named[:MOST_PAIRS]]
            if len(named) > MOST_PAIRS:
                lines += [f"    * and {len(named) - MOST_PAIRS} more, which the JSON names"]
    return [*lines, ""] if lines else []


def _trouble(row: Row) -> list[str]:
    """Why a row did not pass, and what stands against its figures."""
    where = described(row)
    head = f"{row.subject} ({where})" if where else row.subject
    return [f"* **{mark.word}** {_escape(f'{head}: {mark.reason}')}" for mark in troubles(row)]


def _mobile(report: Report) -> list[str]:
    lines = mobile_lines(report)
    if not lines:
        return []
    return [
        "## Mobile usability",
        "",
        _line(MOBILE_COLUMNS),
        _line("---" for _ in MOBILE_COLUMNS),
        *(_line(cells) for cells in lines),
        "",
        MOBILE_NOTE,
        "",
    ]


def _remarks(report: Report) -> list[str]:
    said = remarks(report)
    if not said:
        return []
    lines = ["## Remarks of the exporter", ""]
    for subject, sentences in said.items():
        lines += [f"* {_escape(subject)}", *(f"    * {_escape(each)}" for each in sentences)]
    return [*lines, ""]


def _devices(report: Report) -> list[str]:
    """Folded away on GitHub: few readers need them, and those need all of them."""
    if report.kind != "latency":
        return []
    lines = ["<details><summary>Devices</summary>", ""]
    for view in device_views(report):
        badges = "".join(f" ({word})" for word in view.badges)
        facts = "; ".join(f"{heading}: {text}" for heading, text in view.facts.items())
        lines.append(f"* **{_escape(view.name)}**{badges}: {_escape(facts)}")
        for subject, state in view.states:
            told = "; ".join(f"{heading}: {text}" for heading, text in state.items())
            lines.append(f"    * {_escape(f'{subject}: {told}')}")
    return [*lines, "", "</details>", ""]


def _origin(report: Report) -> str:
    run, device = report.run, report.device
    tools = ", ".join(f"{name} {version}" for name, version in run.tools.items())
    return (
        f"{run.started}, commit {_commit(report)}, {device.cpu or 'unknown CPU'} "
        f"({device.cores} cores), {device.os}; {tools}."
    )


def _commit(report: Report) -> str:
    if report.run.commit is None:
        return "unknown"
    return report.run.commit[:12] + (" with changes" if report.run.dirty else "")


def _line(cells: Iterable[str]) -> str:
    return "| " + " | ".join(_escape(cell) for cell in cells) + " |"


def _escape(text: str) -> str:
    """On one line, and neither a cell's end, a tag, a link nor emphasis."""
    text = re.sub(r"<(?=[A-Za-z/!?])", "&lt;", " ".join(text.split()))
    return re.sub(r"([|\[*`])", r"\\\1", text)


REPORT_FORMATS.register(ReportFormat("markdown", ".md", render_markdown))
