"""``cdfi-model``: networks, checkpoints, weights and training."""

from __future__ import annotations

import typer
from cdfi_runtime.command import run_app

from cdfi_model.commands import checkpoints, networks, sparsify, weights
from cdfi_model.pruning import prune_command
from cdfi_model.pruning.compact_command import compact
from cdfi_model.pruning.compress_command import compress
from cdfi_model.pruning.density_command import density
from cdfi_model.training import command as training

app = typer.Typer(
    name="cdfi-model",
    help="Networks of the AdaCoF and CDFI family: list, import, initialise, train and compress.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("networks")(networks.networks)
app.command("import-checkpoint")(checkpoints.import_checkpoint)
app.command("export-checkpoint")(checkpoints.export_checkpoint)
app.command("init")(weights.init)
app.command("info")(weights.info)
app.command("density")(density)
app.command("compact")(compact)
app.command("sparsify")(sparsify.sparsify)
app.command("pack")(training.pack)
app.command("train")(training.train)
app.command("prune")(prune_command.prune)
app.command("compress")(compress)


def main() -> None:
    """Entry point of the command ``cdfi-model``."""
    run_app(app)


if __name__ == "__main__":
    main()
