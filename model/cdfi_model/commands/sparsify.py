"""``cdfi-model sparsify``: a weights file with its zeros left out, and back."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def sparsify(
    file: Annotated[Path, typer.Argument(help="A weights file (.safetensors).")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Weights file to write.")],
    dense: Annotated[bool, typer.Option("--dense", help="Store every value, zeros too.")] = False,
) -> None:
    """Store weights without their zeros, for pruned networks: the same weights when loaded.

    Tensors that are smaller with their zeros stay as they are.
    """
    from rich.console import Console

    from cdfi_model.checkpoints.weights import network_of, read_weights, write_tensors

    weights = read_weights(file)
    network_of(weights, file.name)  # refuses what no network could be built from
    write_tensors(out, weights.tensors, weights.spec, weights.info, "dense" if dense else "sparse")
    zeros = sum(int((tensor == 0).sum()) for tensor in weights.tensors.values())
    count = sum(tensor.numel() for tensor in weights.tensors.values())
    before, after = file.stat().st_size, out.stat().st_size
    text = f"{out}: {zeros / count:.1%} zeros, {before:,} bytes became {after:,}"
    if not dense and after >= before:
        text += "; too few zeros for the sparse form to help"
    Console(soft_wrap=True).print(text, highlight=False)
