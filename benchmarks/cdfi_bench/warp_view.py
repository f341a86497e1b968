"""Measured warp formulations as a table for the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from cdfi_model.warp.measurements import MeasuredRow, MeasuredTable
from rich.table import Table


def rows_table(table: MeasuredTable, measured: Sequence[MeasuredRow]) -> Table:
    """The rows of ``table`` whose network, target and size are among ``measured``."""
    groups = {_group(row) for row in measured}
    view = Table(title="Warp formulations: median seconds for a frame, peak memory of the process")
    for heading in ("network", "sampling", "target", "size", "formulation"):
        view.add_column(heading)
    for heading in ("s", "ratio", "peak MiB", "runs"):
        view.add_column(heading, justify="right")
    for row in table.rows:
        if _group(row) in groups:
            view.add_row(
                row.network,
                row.sampling,
                row.target,
                f"{row.width}x{row.height}",
                row.formulation,
                f"{row.median_s:.3g}",
                f"{row.ratio_to_best:.2f}",
                "-" if row.peak_mib is None else f"{row.peak_mib:.0f}",
                str(row.runs),
            )
    return view


def _group(row: MeasuredRow) -> tuple[object, ...]:
    return row.network, row.sampling, row.target, row.width, row.height, row.threads
