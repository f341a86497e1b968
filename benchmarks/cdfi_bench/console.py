"""A report's table on the terminal."""

from __future__ import annotations

import sys

from rich.console import Console
from rich.table import Table
from rich.text import Text

from cdfi_bench.marks import with_marks
from cdfi_bench.report import Report, Row, worst_first
from cdfi_bench.table import COLUMNS, VERDICT, Column

_STYLE = {"fail": "bold red", "skip": "yellow", "pass": "green"}

_NARROWEST = {"artifact": 22, "reason": 28}  # names and sentences, which figures must not squeeze


def report_console() -> Console:
    """Standard output; a log file has no width of its own, and 80 columns break every cell."""
    return Console() if sys.stdout.isatty() else Console(width=200)


def console_table(report: Report) -> Table:
    """The report's table for a terminal, worst first; details are left to the files."""
    partial = "interrupted: rows are missing or partial" if report.interrupted else None
    table = Table(title=f"{report.kind} report", caption=partial)
    columns = [column for column in COLUMNS[report.kind] if not column.detail]
    for column in columns:
        table.add_column(
            column.title,
            justify="right" if column.number else "left",
            overflow="fold",
            min_width=_NARROWEST.get(column.title, 0),
        )
    for row in worst_first(report.rows):
        style = _STYLE[row.verdict.status]
        # Text, not str: a file name may hold square brackets, which are markup in a str.
        table.add_row(*(Text(_cell(c, row), style if c is VERDICT else "") for c in columns))
    return table


def _cell(column: Column, row: Row) -> str:
    """Marks stand below the figure, so that they do not widen the column much."""
    words = column.words(row)
    return with_marks(f"{column.cell(row)}\n" if words else column.cell(row), words)
