"""The command ``cdfi-bench warp``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from cdfi_runtime.errors import InputError


def warp(
    network: Annotated[list[str], typer.Option(help="Registered network; may be repeated.")],
    size: Annotated[
        list[str] | None, typer.Option(metavar="WxH", help="Frame size; may be repeated.")
    ] = None,
    formulation: Annotated[
        list[str] | None, typer.Option(help="Formulation; may be repeated. All if left out.")
    ] = None,
    target: Annotated[
        list[str] | None,
        typer.Option(help="onnxruntime-cpu or torch-cpu; may be repeated. The first if left out."),
    ] = None,
    sampling: Annotated[
        str | None, typer.Option(help="truncate or bilinear, instead of the network's own.")
    ] = None,
    runs: Annotated[int, typer.Option(min=1, help="Timed runs of each.")] = 5,
    threads: Annotated[int, typer.Option(min=1, help="CPU threads.")] = 1,
    out: Annotated[Path, typer.Option(help="Table to put the rows into; made if needed.")] = Path(
        "measured.json"
    ),
) -> None:
    """Measure warp formulations in whole networks, for the table by which exports choose."""
    from cdfi_export.frame_size import FrameSize
    from cdfi_model.warp.measurements import MeasuredRow, MeasuredTable, load_measurements
    from cdfi_runtime.files import ensure_folder

    from cdfi_bench.console import report_console
    from cdfi_bench.progress import progress_bar
    from cdfi_bench.warp_table import ONNX, WarpCase, measure_cases, merge, plan_cases
    from cdfi_bench.warp_view import rows_table

    sizes = [FrameSize.parse(text) for text in size or ["448x256"]]
    cases = plan_cases(network, target or [ONNX], sizes, formulation or [], sampling)
    ensure_folder(out.absolute().parent)
    table = load_measurements(out) if out.exists() else MeasuredTable()
    console = report_console()
    rows: list[MeasuredRow] = []
    with progress_bar("warp", len(cases), "measurements") as advance:
        started = 0

        def begin(case: WarpCase) -> None:
            nonlocal started
            advance(min(started, 1))
            started += 1
            console.print(f"measuring {case}", highlight=False)

        def failed(case: WarpCase, reason: str) -> None:
            console.print(f"no row for {case}: {reason}", highlight=False, markup=False)

        for row in measure_cases(cases, runs=runs, threads=threads, begin=begin, failed=failed):
            rows.append(row)
            table = merge(table, [row])
            table.save(out)  # after each, so that an interruption loses no finished row
    if not rows:
        raise InputError("nothing could be measured", fix="the reasons are printed above")
    console.print(rows_table(table, rows))
    console.print(f"wrote {out}", highlight=False, markup=False)
