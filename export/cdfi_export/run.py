"""Run a planned matrix: cell after cell, each measured once it passed."""

from __future__ import annotations

from cdfi_export.bars import Bars
from cdfi_export.ledger import ExportRow
from cdfi_export.matrix import Matrix, reference_of, run_cell, with_speed


def run_matrix(
    matrix: Matrix, bars: Bars, *, threads: int | None, force: bool
) -> tuple[list[ExportRow], set[str]]:
    """Make what is missing.

    Args:
        matrix: What is asked for.
        bars: The display.
        threads: CPU threads for measuring load time and latency; ``None`` measures nothing.
        force: Make again what lies there unchanged.

    Returns:
        A row for every cell, and the names of those that were found rather than made.
    """
    for text in matrix.notes:
        bars.note(text)
    bars.begin(len(matrix.cells))
    rows: list[ExportRow] = []
    found: set[str] = set()
    for cell in matrix.cells:
        row, was_there = run_cell(cell, bars, force=force)
        if was_there:
            found.add(row.file)
        rows.append(row)
        if threads is not None and row.verdict == "pass":
            bars.measuring(row.file)
            reference = reference_of(rows, row.size)
            rows[-1] = with_speed(row, cell.options.out, reference, threads)
        bars.advance()
    return [*rows, *matrix.refused], found
