"""The command ``cdfi-bench fused``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from cdfi_runtime.errors import GateError, InputError

if TYPE_CHECKING:
    from cdfi_bench.fused_report import FusedReport, FusedRow

_DEFAULT = ("cdfi", "compressed_adacof", "cdfi_mobile")


def fused(
    networks: Annotated[
        list[str] | None,
        typer.Argument(help=f"Registered networks; {', '.join(_DEFAULT)} if left out."),
    ] = None,
    size: Annotated[str, typer.Option(metavar="WxH", help="Frames that are timed.")] = "448x256",
    memory_size: Annotated[
        str, typer.Option(metavar="WxH", help="Frames whose memory is taken; 'none' for none.")
    ] = "1280x720",
    runs: Annotated[
        int, typer.Option(min=1, help="Rounds; what takes seconds a frame runs in two only.")
    ] = 7,
    threads: Annotated[
        int, typer.Option(min=1, help="CPU threads; with one, CPU time is taken.")
    ] = 1,
    int8: Annotated[
        bool, typer.Option("--int8", help="Measure the fused int8 export too.")
    ] = False,
    portable_memory: Annotated[
        bool,
        typer.Option("--portable-memory", help="The portable graph's memory too: 6 GB for cdfi."),
    ] = False,
    gate: Annotated[
        bool, typer.Option("--gate", help="Exit with 1 if cdfi misses a limit.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option(help="JSON file with every sample; its folder is made if needed.")
    ] = None,
) -> None:
    """Time the fused ONNX graph beside what it is held to, in rounds of all in turn.

    Cut: the same graph without its warps. All that the warp reads is still computed, by ordinary
    operators (each head's upsampling, last convolution and softmax, and the resizing of features),
    but frames and features go on unmoved, with one channel of each map added so that no head may be
    left out. Bound: the frame's convolutions at the rate of a 1024 x 1024 matrix product; the
    quickest library's counts. Eager: torch with grid_sample. Portable: exported with --warp auto.
    """
    from cdfi_export.frame_size import FrameSize
    from cdfi_model.spec import NETWORKS
    from cdfi_runtime.files import ensure_folder

    from cdfi_bench.fused import FusedRequest, Measurement
    from cdfi_bench.progress import progress_bar

    timed = FrameSize.parse(size)
    weighed = None if memory_size == "none" else FrameSize.parse(memory_size)
    names = [NETWORKS.get(name).name for name in dict.fromkeys(networks or _DEFAULT)]
    if out is not None:
        ensure_folder(out.absolute().parent)
    requests = [
        FusedRequest(name, timed, weighed, runs, threads, int8, portable_memory) for name in names
    ]
    taken = [Measurement(request) for request in requests]
    try:
        with progress_bar("fused", sum(each.steps for each in requests), "steps") as advance:
            for each in taken:
                each.take(advance)
    finally:  # also after Ctrl-C, and when one network fails: finished frames are not lost
        rows = [row for each in taken if (row := each.row()) is not None]
        if rows:
            _show(_report(rows, threads), out)
    if gate:
        _hold(rows)


def _report(rows: list[FusedRow], threads: int) -> FusedReport:
    from cdfi_bench.environment import device_info, run_info
    from cdfi_bench.fused_report import FusedReport

    return FusedReport(
        run=run_info(),
        device=device_info(),
        threads=threads,
        clock="CPU time" if threads == 1 else "wall-clock time",
        rows=tuple(rows),
    )


def _show(report: FusedReport, out: Path | None) -> None:
    from cdfi_runtime.files import atomic_path

    from cdfi_bench.console import report_console
    from cdfi_bench.fused_view import fused_table

    console = report_console()
    console.print(fused_table(report))
    for row in report.rows:
        for remark in row.remarks:
            console.print(f"{row.network}, int8: {remark}", highlight=False, markup=False)
    if out is not None:
        with atomic_path(out) as temporary:
            temporary.write_text(report.model_dump_json(indent=2) + "\n", encoding="utf-8")
        console.print(f"wrote {out}", highlight=False, markup=False)


def _hold(rows: list[FusedRow]) -> None:
    """Turn the verdicts into the exit code."""
    decided = [row for row in rows if row.verdict.status != "skip"]
    if not decided:
        raise InputError("no limit was decided", got=rows[0].verdict.reason)
    for row in decided:
        if row.verdict.status == "fail":
            raise GateError(f"{row.network} misses a limit", got=row.verdict.reason)
