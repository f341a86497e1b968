"""The command ``cdfi-bench train-step``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer


def train_step(
    network: Annotated[str, typer.Argument(help="Registered network.")],
    size: Annotated[str, typer.Option(metavar="WxH", help="Size of the crops.")] = "128x128",
    batch: Annotated[int, typer.Option(min=1, help="Triplets a step.")] = 6,
    warp: Annotated[str, typer.Option(help="Formulation to measure.")] = "fused",
    against: Annotated[
        str | None,
        typer.Option(help="Formulation to compare with; the network's portable one if left out."),
    ] = None,
    runs: Annotated[int, typer.Option(min=1, help="Timed steps of each, in turn.")] = 5,
    threads: Annotated[int, typer.Option(min=1, help="CPU threads.")] = 1,
    out: Annotated[Path | None, typer.Option(help="Write the figures as JSON too.")] = None,
) -> None:
    """Time a training step with a warp formulation, as a ratio to the portable one."""
    from cdfi_export.frame_size import FrameSize
    from cdfi_model.network import build_network
    from cdfi_model.spec import NETWORKS
    from cdfi_model.training.warp_choice import training_warp
    from cdfi_runtime.files import atomic_path, ensure_folder
    from rich.table import Table

    from cdfi_bench.console import report_console
    from cdfi_bench.train_step import TrainStepRequest, measure_peak, measure_times

    spec = NETWORKS.get(network)
    crop = FrameSize.parse(size).padded(spec.multiple)
    built = build_network(spec, seed=0)
    names = [training_warp(name, built, "cpu") for name in (against or built.formulation, warp)]
    request = TrainStepRequest(network, crop.width, crop.height, batch, runs, threads)
    console = report_console()
    with console.status(f"training steps of {network}, {crop.width}x{crop.height}"):
        times = measure_times(request, names)
        peaks = {name: measure_peak(request, name) for name in times}
    first = times[names[0]]
    kind = "CPU time" if threads == 1 else "wall-clock time"
    title = f"{network}, batch {batch} of {crop.width}x{crop.height}, {kind}, medians of {runs}"
    table = Table(title=title)
    for heading in ("warp", "step s", "ratio", "warps s", "ratio", "forward", "backward", "MiB"):
        table.add_column(heading)
    for name, row in times.items():
        warps, reference = (each.warp_forward_s + each.warp_backward_s for each in (row, first))
        peak = peaks[name]
        table.add_row(
            name,
            f"{row.step_s:.3f}",
            f"{row.step_s / first.step_s:.2f}",
            f"{warps:.3f}",
            f"{warps / reference:.3f}",
            f"{row.warp_forward_s:.3f}",
            f"{row.warp_backward_s:.3f}",
            "-" if peak is None else f"{peak:.0f}",
        )
    console.print(table)
    if out is not None:
        ensure_folder(out.absolute().parent)
        rows = {name: {**row._asdict(), "peak_mib": peaks[name]} for name, row in times.items()}
        with atomic_path(out) as temporary:
            temporary.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")
        console.print(f"wrote {out}", highlight=False, markup=False)
