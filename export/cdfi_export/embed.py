"""Make trained weights the shipped default: ``make default-model WEIGHTS=run/best.safetensors``.

For maintainers, in a checkout. The weights are rounded to float16 and put into ``cdfi_model``; the
artifact exported from those very weights goes into ``cdfi_runtime``, so that the base install can
interpolate without torch. A test fails when the two no longer belong together.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from cdfi_runtime.command import run_app
from cdfi_runtime.errors import OutputError
from rich.console import Console

if TYPE_CHECKING:
    from cdfi_runtime.manifest import Manifest

MAX_WEIGHTS_BYTES = 8 << 20


class _Quiet:
    """An :class:`~cdfi_export.pipeline.Observer` that only prints the notes."""

    def note(self, text: str) -> None:
        console.print(text, highlight=False, markup=False)

    def start(self, artifact: str, steps: int) -> None: ...

    def step(self, text: str) -> None: ...

    def end(self) -> None: ...


app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
console = Console()


@app.command()
def embed(
    weights: Annotated[Path, typer.Argument(help="Weights file of a training run.")],
    beside: Annotated[
        bool, typer.Option("--beside", help="Ship them beside the default, under their own name.")
    ] = False,
) -> None:
    """Round weights to float16, ship them as the default, and embed their artifact."""
    import torch
    from cdfi_model.checkpoints.weights import (
        default_weights,
        network_of,
        read_weights,
        save_weights,
    )
    from cdfi_runtime.files import atomic_path
    from cdfi_runtime.interpolator import embedded_model

    trained = read_weights(weights)
    network = network_of(trained, weights.name)
    card = f"{trained.spec.name}.md" if beside else "MODEL_CARD.md"
    info = {**trained.info, "license": "Apache-2.0", "card": card}
    with tempfile.TemporaryDirectory() as folder:
        rounded = Path(folder) / "default.safetensors"
        save_weights(rounded, network, info=info, dtype=torch.float16)
        size = rounded.stat().st_size
        if size > MAX_WEIGHTS_BYTES:
            raise OutputError(
                "the weights are too large to be shipped",
                expected=f"at most {MAX_WEIGHTS_BYTES} bytes as float16",
                got=f"{size} bytes",
            )
        if beside:
            target = default_weights().with_name(f"{trained.spec.name}.safetensors")
            with atomic_path(target) as temporary:
                temporary.write_bytes(rounded.read_bytes())
            console.print(f"{target.name}: {size} bytes; write {card} beside it", highlight=False)
            return
        artifact, manifest = _export(rounded, Path(folder))
        for source, target in ((rounded, default_weights()), (artifact, embedded_model())):
            with atomic_path(target) as temporary:
                temporary.write_bytes(source.read_bytes())
    described = manifest.artifact.model_copy(update={"file": embedded_model().name})
    manifest.model_copy(update={"artifact": described}).save(embedded_model())
    console.print(f"{manifest.network.name}: {size} bytes of weights", highlight=False)
    console.print(f"{embedded_model().name}: {manifest.artifact.bytes} bytes", highlight=False)


def _export(weights: Path, folder: Path) -> tuple[Path, Manifest]:
    """The verified artifact of any frame size, and its manifest.

    Raises:
        CdfiError: the export failed or missed a gate.
    """
    from cdfi_export.options import ExportOptions
    from cdfi_export.pipeline import export_all

    options = ExportOptions(weights=weights, dynamic=True, out=folder / "artifact")
    (outcome,) = export_all(options, _Quiet())
    if outcome.error is not None:
        raise outcome.error
    assert outcome.file is not None and outcome.manifest is not None
    return outcome.file, outcome.manifest


if __name__ == "__main__":
    run_app(app)
