"""The end of a measuring command: the table, the report files and the exit code."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer
from cdfi_runtime.command import EXIT_INTERRUPTED
from cdfi_runtime.errors import GateError, InputError

if TYPE_CHECKING:
    from cdfi_bench.gallery import Case
    from cdfi_bench.report import Report


def finish(report: Report, out: Path, cases: Sequence[Case] = ()) -> None:
    """Show the table, write the reports, and turn the verdicts into the exit code.

    Args:
        report: What was measured.
        out: Folder for the files.
        cases: Pictures of the worst cases.

    Raises:
        GateError: rows failed.
        InputError: no row was decided.
        typer.Exit: 130 if the measuring was interrupted.
    """
    from cdfi_bench.console import console_table, report_console
    from cdfi_bench.reports import write_report

    console = report_console()
    console.print(console_table(report))
    for path in write_report(report, out, cases):
        console.print(f"wrote {path}", markup=False, highlight=False, soft_wrap=True)
    if report.interrupted:
        raise typer.Exit(EXIT_INTERRUPTED)
    failed, passed = report.count("fail"), report.count("pass")
    if failed:
        raise GateError(f"{failed} of {len(report.rows)} rows failed; the table names the numbers")
    if not passed:
        raise InputError(
            f"nothing was decided: all {len(report.rows)} rows were skipped",
            got=report.rows[0].verdict.reason.splitlines()[0],
            fix="do what the reasons in the table say",
        )
