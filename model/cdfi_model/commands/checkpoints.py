"""``cdfi-model import-checkpoint`` and ``export-checkpoint``: published ``.pth`` files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def import_checkpoint(
    file: Annotated[Path, typer.Argument(help="A published checkpoint (.pth).")],
    network: Annotated[str, typer.Option(help="Which network it holds; see `networks`.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Weights file to write.")] = Path(
        "weights.safetensors"
    ),
) -> None:
    """Turn a published checkpoint into a weights file of this project."""
    from cdfi_runtime.files import require_file, sha256_file
    from rich.console import Console

    from cdfi_model.checkpoints import published, weights
    from cdfi_model.spec import NETWORKS

    spec = NETWORKS.get(network)
    sha256 = sha256_file(require_file(file, "the checkpoint"))
    console = Console(soft_wrap=True)
    with Console(stderr=True).status(f"importing {file.name}"):
        imported = published.import_checkpoint(file, spec)
        info = {"source": "published checkpoint", "file": file.name, "sha256": sha256}
        weights.save_weights(out, imported, info=info)
    console.print(
        f"{out}: {spec.name}, {imported.count_parameters():,} parameters", highlight=False
    )


def export_checkpoint(
    file: Annotated[Path, typer.Argument(help="A weights file (.safetensors).")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Checkpoint to write (.pth).")],
) -> None:
    """Turn a weights file back into a checkpoint with the published names."""
    from rich.console import Console

    from cdfi_model.checkpoints import published, weights

    with Console(stderr=True).status(f"exporting {file.name}"):
        network = weights.load_network(file)
        published.export_checkpoint(network, out)
    Console(soft_wrap=True).print(f"{out}: {network.spec.name}", highlight=False)
