"""The command ``cdfi-export``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer
from cdfi_runtime.command import distribution_version, print_error, run_app
from cdfi_runtime.errors import EXIT_GATE_FAILED, EXIT_PASS, EXIT_USAGE, GateError
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)

from cdfi_export.frame_size import FrameSize
from cdfi_export.options import DEFAULT_SEED, ExportOptions
from cdfi_export.tables import known_names, outcome_table
from cdfi_export.warp_choice import AUTO

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
# A log file has no width of its own, and 80 columns would break every file name.
console = Console(width=None if sys.stdout.isatty() else 120)


class _Bars:
    """Shows a run on the terminal: notes above, one progress bar for each artifact."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._task: TaskID | None = None
        self._artifact = ""
        self._done = 0

    def note(self, text: str) -> None:
        """See :class:`cdfi_export.pipeline.Observer`."""
        self._progress.console.print(text, highlight=False, markup=False)

    def start(self, artifact: str, steps: int) -> None:
        """See :class:`cdfi_export.pipeline.Observer`."""
        self._artifact, self._done = artifact, -1
        self._task = self._progress.add_task(artifact, total=steps)

    def step(self, text: str) -> None:
        """See :class:`cdfi_export.pipeline.Observer`."""
        assert self._task is not None
        self._done += 1
        self._progress.update(
            self._task, completed=self._done, description=f"{self._artifact}: {text}"
        )

    def end(self) -> None:
        """See :class:`cdfi_export.pipeline.Observer`."""
        assert self._task is not None
        self._progress.update(
            self._task, completed=self._done + 1, description=f"{self._artifact}: done"
        )


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
        str | None, typer.Option(help="Registered network; without --weights, random weights.")
    ] = None,
    weights: Annotated[
        Path | None, typer.Option(help="Weights file; the shipped default if left out.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of random weights.")] = DEFAULT_SEED,
    format: Annotated[str, typer.Option(help="Format; see --list.")] = "onnx",
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
        str | None, typer.Option(help="Precision; float32 if left out. See --list.")
    ] = None,
    calibration: Annotated[
        Path | None,
        typer.Option(help="Image sets or a video for the ranges of int8; a built-in pair if not."),
    ] = None,
    calibration_pairs: Annotated[
        int, typer.Option(help="At most so many of its pairs, spread over it.")
    ] = 8,
    images: Annotated[
        bool, typer.Option("--images", help="RGB images in and out, not arrays (Core ML).")
    ] = False,
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
    threads: Annotated[int | None, typer.Option(help="CPU threads for verification.")] = None,
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
    from cdfi_export.pipeline import export_all

    options = ExportOptions(
        network=network,
        weights=weights,
        seed=seed,
        format=format,
        sizes=tuple(FrameSize.parse(text) for text in size or ()),
        dynamic=dynamic,
        opset=opset,
        precision=precision,
        calibration=calibration,
        calibration_pairs=calibration_pairs,
        images=images,
        warp=warp,
        out=out,
        name=name,
        verify_data=verify_data,
        verify_pairs=verify_pairs,
        threads=threads,
    )
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console) as progress:
        outcomes = export_all(options, _Bars(progress))
    console.print(outcome_table(outcomes))
    errors = [outcome.error for outcome in outcomes if outcome.error is not None]
    for error in errors:
        print_error(error)
    if errors:
        gate = any(isinstance(error, GateError) for error in errors)
        raise typer.Exit(EXIT_GATE_FAILED if gate else EXIT_USAGE)
    raise typer.Exit(EXIT_PASS)


def main() -> None:
    """Entry point of ``cdfi-export`` and of ``export/export.py``."""
    run_app(app)
