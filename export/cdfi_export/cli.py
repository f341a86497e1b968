"""The command ``cdfi-export``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer
from cdfi_runtime.command import distribution_version, print_error, run_app
from cdfi_runtime.errors import EXIT_GATE_FAILED, EXIT_PASS, EXIT_USAGE, GateError, InputError
from rich.console import Console

from cdfi_export.bars import progress_bars
from cdfi_export.frame_size import FrameSize
from cdfi_export.options import ExportOptions
from cdfi_export.tables import export_table, known_names
from cdfi_export.warp_choice import AUTO

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
# A log file has no width of its own, and 80 columns would break every file name.
console = Console(width=None if sys.stdout.isatty() else 120)


def _print_version(asked: bool) -> None:
    if asked:
        console.print(distribution_version(), highlight=False)
        raise typer.Exit


def _print_known(asked: bool) -> None:
    if asked:
        for table in known_names():
            console.print(table)
        raise typer.Exit


@app.command()
def export(
    network: Annotated[
        str | None,
        typer.Option(
            help="Registered network; without --weights, the shipped weights if they are "
            "its own, else random ones."
        ),
    ] = None,
    spec: Annotated[
        Path | None,
        typer.Option(
            help="Spec file of a network that is not registered; without --weights, random ones."
        ),
    ] = None,
    weights: Annotated[
        Path | None, typer.Option(help="Weights file; the shipped default if left out.")
    ] = None,
    seed: Annotated[
        int | None, typer.Option(help="Random weights by this seed; 0 where there are no others.")
    ] = None,
    format: Annotated[
        list[str] | None,
        typer.Option(help="Format, onnx if left out; may be repeated. See --list."),
    ] = None,
    size: Annotated[
        list[str] | None,
        typer.Option(metavar="WxH", help="Frame size of a graph; may be repeated."),
    ] = None,
    dynamic: Annotated[
        bool, typer.Option("--dynamic", help="One graph for every size; so too without --size.")
    ] = False,
    opset: Annotated[
        int | None,
        typer.Option(
            help="ONNX operator set, 18 if left out. From 20 on, TensorRT and DirectML mishandle "
            "GridSample."
        ),
    ] = None,
    precision: Annotated[
        list[str] | None,
        typer.Option(help="Precision, float32 if left out; may be repeated. See --list."),
    ] = None,
    every: Annotated[
        bool,
        typer.Option(
            "--all",
            help="Every format in every precision, at 448x256 without --size, and timed.",
        ),
    ] = False,
    calibration: Annotated[
        Path | None,
        typer.Option(help="Image sets or videos for the ranges of int8; a built-in pair if not."),
    ] = None,
    calibration_pairs: Annotated[
        int, typer.Option(help="At most so many of its pairs, spread over it.")
    ] = 8,
    images: Annotated[
        bool, typer.Option("--images", help="RGB images in and out, not arrays (Core ML).")
    ] = False,
    form: Annotated[
        str,
        typer.Option(help="dense; or sparse: weights without their zeros, of a pruned network."),
    ] = "dense",
    warp: Annotated[
        str, typer.Option(help="Formulation of the warp; auto takes the quickest one measured.")
    ] = AUTO,
    out: Annotated[Path, typer.Option(help="Folder for the artifacts.")] = Path("artifacts"),
    name: Annotated[
        str | None, typer.Option(help="First part of the file names; the network's if left out.")
    ] = None,
    verify_data: Annotated[
        Path | None,
        typer.Option(help="Folder of image sets to verify on; one built-in pair if left out."),
    ] = None,
    verify_pairs: Annotated[
        int | None, typer.Option(help="At most so many pairs of each image set.")
    ] = None,
    threads: Annotated[
        int | None, typer.Option(help="CPU threads for verification; timing takes 1 if left out.")
    ] = None,
    measure: Annotated[
        bool | None,
        typer.Option(
            help="Measure load time and latency on this machine; only with --all if left out."
        ),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Export again what lies there unchanged.")
    ] = False,
    android: Annotated[
        bool,
        typer.Option(
            "--android", help="What the Android app ships, into its assets; 6 MB at most."
        ),
    ] = False,
    android_dir: Annotated[
        Path | None,
        typer.Option(
            help="Folder for them; android_demo/app/src/main/assets/artifacts if left out."
        ),
    ] = None,
    _list: Annotated[
        bool,
        typer.Option(
            "--list",
            help="List formats, networks and warps.",
            callback=_print_known,
            is_eager=True,
        ),
    ] = False,
    _version: Annotated[
        bool,
        typer.Option("--version", help="Show it.", callback=_print_version, is_eager=True),
    ] = False,
) -> None:
    """Export a network, verify it against torch on real frames, and describe it in a manifest.

    Exit codes: 0 every artifact passed, 1 a parity gate was missed, 2 usage or environment.
    """
    from cdfi_export.android import plan_shipped, shipped_assets
    from cdfi_export.android_assets import ship
    from cdfi_export.matrix import plan_matrix
    from cdfi_export.run import run_matrix

    if every and (format or precision):
        raise InputError(
            "--all takes every format and precision",
            got="--format or --precision beside it",
            fix="leave one of them out",
        )
    options = ExportOptions(
        network=network,
        spec=spec,
        weights=weights,
        seed=seed,
        sizes=tuple(FrameSize.parse(text) for text in size or ()),
        dynamic=dynamic,
        opset=opset,
        calibration=calibration,
        calibration_pairs=calibration_pairs,
        images=images,
        form=form,
        warp=warp,
        out=out,
        name=name,
        verify_data=verify_data,
        verify_pairs=verify_pairs,
        threads=threads,
    )
    assets = shipped_assets(
        android,
        android_dir,
        all=every,
        format=format,
        precision=precision,
        size=size,
        dynamic=dynamic,
        images=images,
        form=form != "dense",
        warp=warp != AUTO,
    )
    if assets is None:
        matrix = plan_matrix(
            options, None if every else format or ("onnx",), None if every else precision or ()
        )
    else:
        matrix = plan_shipped(options)
    timed = every if measure is None else measure
    with progress_bars(console) as bars:
        rows, found = run_matrix(
            matrix, bars, threads=(threads or 1) if timed else None, force=force
        )
    console.print(export_table(rows, found, options.out))
    failed = [row for row in rows if row.verdict != "skip"]
    errors = [row.failure.error() for row in failed if row.failure is not None]
    for error in errors:
        print_error(error)
    if errors:
        gate = any(isinstance(error, GateError) for error in errors)
        raise typer.Exit(EXIT_GATE_FAILED if gate else EXIT_USAGE)
    if assets is not None:
        shipped = ship(options.out, [row.file for row in rows], assets)
        console.print(f"the app ships {shipped.summary}: {assets}", highlight=False)
    raise typer.Exit(EXIT_PASS)


def main() -> None:
    """Entry point of ``cdfi-export`` and of ``export/export.py``."""
    run_app(app)
