"""``cdfi-model prune``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from cdfi_model.pruning.prune_report import PruneReport
    from cdfi_model.training.loop import Progress as TrainingProgress


def prune(
    checkpoint: Annotated[
        Path | None, typer.Argument(help="Weights file to prune; may be in the config.")
    ] = None,
    config: Annotated[
        Path | None, typer.Option("--config", "-c", help="TOML or YAML file; options go before it.")
    ] = None,
    pack: Annotated[
        Path | None, typer.Option(help="Pack of clips, or a folder in Vimeo-90K's layout.")
    ] = None,
    val_pack: Annotated[Path | None, typer.Option(help="Held-out triplets, the same way.")] = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Folder of the run.")] = None,
    setting: Annotated[
        str | None, typer.Option(help="Published setting: readme (default) or long_version.")
    ] = None,
    lr: Annotated[float | None, typer.Option(help="Step size.")] = None,
    penalty: Annotated[float | None, typer.Option(help="Weight of the l1 norm (lambda).")] = None,
    eps: Annotated[
        float | None, typer.Option(help="Orthant steps make smaller weights zero.")
    ] = None,
    proximal_epochs: Annotated[int | None, typer.Option(help="Before the orthant phase.")] = None,
    epochs: Annotated[int | None, typer.Option(help="Of both phases, at most.")] = None,
    epoch_samples: Annotated[int | None, typer.Option(help="Triplets an epoch.")] = None,
    target_density: Annotated[
        float | None, typer.Option(help="Stop at this share of non-zero weights.")
    ] = None,
    penalty_growth: Annotated[
        float | None, typer.Option(help="Most that an epoch may raise the penalty by (factor).")
    ] = None,
    settle_epochs: Annotated[
        int | None, typer.Option(help="Epochs behind, in which the zeros are fixed.")
    ] = None,
    structure: Annotated[
        str | None, typer.Option(help="What becomes zero: weights (default) or whole channels.")
    ] = None,
    penalise: Annotated[
        list[str] | None, typer.Option(help="Name pattern of weights to prune; repeatable.")
    ] = None,
    fixed: Annotated[
        list[str] | None, typer.Option(help="Name pattern of weights to leave; repeatable.")
    ] = None,
    batch: Annotated[int | None, typer.Option(help="Triplets a step.")] = None,
    crop: Annotated[int | None, typer.Option(help="Side of a patch in pixels.")] = None,
    seed: Annotated[int | None, typer.Option(help="Decides the batches.")] = None,
    warp: Annotated[str | None, typer.Option(help="Warp formulation.")] = None,
    threads: Annotated[int | None, typer.Option(min=1, help="CPU threads; default: all.")] = None,
    stop_after: Annotated[
        int | None, typer.Option(min=1, help="Stop at this step; run again to go on.")
    ] = None,
) -> None:
    """Prune weights by OBProx-SG, or channels by group-wise l1.

    Run the same command again to go on after an interruption.
    """
    import torch
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    from cdfi_model.pruning.prune_config import prune_config
    from cdfi_model.pruning.prune_run import prune as run
    from cdfi_model.training.devices import is_first_process

    if threads is not None:
        torch.set_num_threads(threads)
    given: dict[str, object] = {"checkpoint": checkpoint, "pack": pack, "val_pack": val_pack}
    given |= {"out": out, "setting": setting, "learning_rate": lr, "penalty": penalty, "eps": eps}
    given |= {"proximal_epochs": proximal_epochs, "epochs": epochs, "epoch_samples": epoch_samples}
    given |= {"target_density": target_density, "penalty_growth": penalty_growth}
    given |= {"settle_epochs": settle_epochs, "penalise": penalise or None, "fixed": fixed or None}
    given |= {"structure": structure, "batch": batch, "crop": crop, "seed": seed, "warp": warp}
    settings = prune_config(config, given)
    columns = (
        TextColumn("pruning"),
        BarColumn(),
        TextColumn("step {task.completed} of at most {task.total}"),
        TimeRemainingColumn(),
        TextColumn("{task.description}"),
    )
    console = Console(soft_wrap=True)
    first = is_first_process()
    with Progress(*columns, console=console, disable=not first) as bar:
        task = bar.add_task("", total=settings.training().total_steps)

        def report(progress: TrainingProgress) -> None:
            bar.update(task, completed=progress.step, description=f"loss {progress.loss:.4f}")
            if first and progress.note:
                bar.console.print(progress.note, markup=False, highlight=False)

        made = run(settings, report=report, stop_after=stop_after)
    if first:
        _say(console, made, settings.out)


def _say(console: Console, made: PruneReport | None, out: Path) -> None:
    if made is None:
        console.print("no epoch has ended yet: run the same command again to go on")
        return
    console.print(
        f"density {made.begin.density:.4f} -> {made.density:.4f}, "
        f"{made.begin.val_psnr_db:.2f} -> {made.val_psnr_db:.2f} dB; {out}",
        markup=False,
        highlight=False,
    )
