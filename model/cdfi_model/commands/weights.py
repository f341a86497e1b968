"""``cdfi-model init`` and ``info``: weights files of this project."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer


def init(
    out: Annotated[Path, typer.Option("--out", "-o", help="Weights file to write.")],
    network: Annotated[
        str | None, typer.Argument(help="A registered network; see `networks`.")
    ] = None,
    spec: Annotated[Path | None, typer.Option(help="Spec file of one that is not.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same file.")] = 0,
) -> None:
    """Write randomly initialised weights."""
    from rich.console import Console

    from cdfi_model.checkpoints.weights import save_weights
    from cdfi_model.network import build_network
    from cdfi_model.spec_file import find_spec

    built = build_network(find_spec(network, spec), seed=seed)
    save_weights(out, built, info={"source": "random initialisation", "seed": seed})
    Console(soft_wrap=True).print(
        f"{out}: {built.spec.name}, {built.count_parameters():,} parameters, seed {seed}",
        highlight=False,
    )


def info(
    file: Annotated[Path, typer.Argument(help="A weights file (.safetensors).")],
) -> None:
    """Show what a weights file holds."""
    from rich.console import Console
    from rich.table import Table

    from cdfi_model.checkpoints.weights import network_of, read_weights

    weights = read_weights(file)
    network = network_of(weights, file.name)
    warp = weights.spec.warp
    dtypes = sorted(
        {str(tensor.dtype).removeprefix("torch.") for tensor in weights.tensors.values()}
    )
    rows = {
        "network": f"{weights.spec.name} ({weights.spec.kind})",
        "warp": f"{warp.taps}x{warp.taps} taps, dilation {warp.dilation}, {warp.sampling}",
        "parameters": f"{network.count_parameters():,}",
        "tensors": f"{len(weights.tensors)}, {', '.join(dtypes)}",
        "form": weights.form,
        "bytes": f"{file.stat().st_size:,}",
        "sha256": weights.sha256,
        **{
            f"info: {key}": value if isinstance(value, str) else json.dumps(value)
            for key, value in weights.info.items()
        },
    }
    table = Table(title=file.name, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in rows.items():
        table.add_row(name, value)
    Console().print(table, markup=False)
