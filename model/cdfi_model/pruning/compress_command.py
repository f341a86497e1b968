"""``cdfi-model compress``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.progress import TaskID

    from cdfi_model.training.loop import Progress as TrainingProgress


def compress(
    config: Annotated[
        Path, typer.Argument(help="TOML or YAML file; see pruning/configs in the package.")
    ],
    threads: Annotated[int | None, typer.Option(min=1, help="CPU threads; default: all.")] = None,
) -> None:
    """Baseline, prune, density, compact, retrain, by one config; run it again to go on.

    Exits 1 if the config has a gate and the last network misses it.
    """
    import torch
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    from cdfi_model.pruning.compress_config import load_compress_config
    from cdfi_model.pruning.compress_run import compress as run

    if threads is not None:
        torch.set_num_threads(threads)
    plan = load_compress_config(config)
    columns = (
        TextColumn("{task.fields[stage]}"),
        BarColumn(),
        TextColumn("step {task.completed} of at most {task.total}"),
        TimeRemainingColumn(),
        TextColumn("{task.description}"),
    )
    console = Console(soft_wrap=True)
    with Progress(*columns, console=console) as bar:
        tasks: dict[str, TaskID] = {}

        def tell(stage: str, progress: TrainingProgress | None) -> None:
            if stage not in tasks:
                bar.console.print(f"{stage} ...", markup=False, highlight=False)
                shown = progress is not None
                tasks[stage] = bar.add_task("", stage=stage, total=1, visible=shown)
            if progress is None:
                return
            note = f"loss {progress.loss:.4f}"
            step, total = progress.step, progress.total
            bar.update(tasks[stage], completed=step, total=total, description=note)
            if progress.note:
                bar.console.print(f"{stage}: {progress.note}", markup=False, highlight=False)

        report = run(plan, tell=tell)
    for line in report.markdown():
        console.print(line, markup=False, highlight=False)
    console.print(f"wrote {plan.config.out}", markup=False, highlight=False)
