"""``cdfi-model pack`` and ``cdfi-model train``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from cdfi_model.training.loop import Progress as TrainingProgress


def pack(
    clips: Annotated[
        Path,
        typer.Argument(
            help="Folder of clips, with a manifest.csv or without; or a pack to shrink."
        ),
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="New folder for the pack.")],
    split: Annotated[str, typer.Option(help="Which split of the clips.")] = "train",
    count: Annotated[int, typer.Option(min=1, help="Triplets to choose.")] = 6000,
    crop: Annotated[int, typer.Option(min=32, help="Side of a packed crop in pixels.")] = 256,
    seed: Annotated[int, typer.Option(help="Decides every choice.")] = 0,
    max_mib: Annotated[
        float | None,
        typer.Option(min=0.1, help="Write the small form: compressed frames, flow left out."),
    ] = None,
) -> None:
    """Choose training triplets from video clips and store them with their optical flow."""
    from rich.console import Console

    from cdfi_model.data.small_pack import make_pack

    console = Console()
    with console.status("reading clips") as status:
        made = make_pack(
            clips,
            out,
            split=split,
            count=count,
            crop=crop,
            seed=seed,
            max_mib=max_mib,
            progress=status.update,
        )
    summary = made.index["summary"]
    for clip, reason in summary.get("skipped", {}).items():
        console.print(f"skipped {clip}: {reason}", style="yellow", markup=False)
    for clip, note in summary.get("notes", {}).items():
        console.print(f"{clip} {note}", style="yellow", markup=False)
    small = made.index.get("small")
    if small:
        quality = f"quality {small['quality']}, frames at {small['frame_psnr_db']} dB"
        console.print(f"WebP {quality}")
    size = made.index["crop"]
    console.print(f"{len(made)} triplets of {size}x{size} in {out}")


def train(
    config: Annotated[Path, typer.Argument(help="TOML file; see training/configs in the package.")],
    threads: Annotated[int | None, typer.Option(min=1, help="CPU threads; default: all.")] = None,
    warp: Annotated[
        str | None,
        typer.Option(help="Warp formulation, instead of the config's; auto: the quickest here."),
    ] = None,
    stop_after: Annotated[
        int | None, typer.Option(min=1, help="Stop at this step; run again to go on.")
    ] = None,
) -> None:
    """Train a network; run the same command again to go on after an interruption."""
    import torch
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    from cdfi_model.training.config import load_config
    from cdfi_model.training.devices import is_first_process
    from cdfi_model.training.loop import train as run

    if threads is not None:
        torch.set_num_threads(threads)
    settings = load_config(config)
    if warp is not None:
        settings = settings.model_copy(update={"warp": warp})
    columns = (
        TextColumn("training"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.description}"),
    )
    console = Console()
    first = is_first_process()
    with Progress(*columns, console=console, disable=not first) as bar:
        task = bar.add_task("", total=settings.total_steps)

        def report(progress: TrainingProgress) -> None:
            bar.update(task, completed=progress.step, description=f"loss {progress.loss:.4f}")
            if first and progress.note:
                bar.console.print(progress.note)

        best = run(settings, report=report, stop_after=stop_after)
    if first:
        console.print(f"best weights: {best}" if best.exists() else "no evaluation was reached yet")
