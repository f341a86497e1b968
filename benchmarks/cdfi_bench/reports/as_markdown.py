"""Markdown: one table, worst first, and the mobile usability of ONNX artifacts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from cdfi_bench.gallery import Case
from cdfi_bench.report import Report, worst_first
from cdfi_bench.reports import REPORT_FORMATS, ReportFormat
from cdfi_bench.table import COLUMNS, MOBILE_COLUMNS, MOBILE_NOTE, NOTES, mobile_lines, remarks


def render_markdown(report: Report, _cases: Sequence[Case] = ()) -> str:
    """The report as Markdown text."""
    columns = COLUMNS[report.kind]
    run, device = report.run, report.device
    lines = [
        f"# {report.kind.capitalize()} report",
        "",
        f"{len(report.rows)} rows: {report.count('fail')} failed, {report.count('skip')} skipped, "
        f"{report.count('pass')} passed.",
        "",
        _line(column.title for column in columns),
        _line("---:" if column.number else "---" for column in columns),
        *(_line(column.cell(row) for column in columns) for row in worst_first(report.rows)),
        "",
        NOTES[report.kind],
        "",
        *_mobile(report),
        *_remarks(report),
        f"{run.started}, commit {_commit(report)}, {device.cpu or 'unknown CPU'} "
        f"({device.cores} cores), {device.os}; "
        + ", ".join(f"{name} {version}" for name, version in run.tools.items())
        + ".",
    ]
    return "\n".join(lines) + "\n"


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
        lines += [f"* {subject}", *(f"    * {_escape(sentence)}" for sentence in sentences)]
    return [*lines, ""]


def _commit(report: Report) -> str:
    if report.run.commit is None:
        return "unknown"
    return report.run.commit[:12] + (" with changes" if report.run.dirty else "")


def _line(cells: Iterable[str]) -> str:
    return "| " + " | ".join(_escape(cell) for cell in cells) + " |"


def _escape(cell: str) -> str:
    return " ".join(cell.split()).replace("|", "\\|")


REPORT_FORMATS.register(ReportFormat("markdown", ".md", render_markdown))
