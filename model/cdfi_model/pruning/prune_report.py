"""The report of a pruning run: what each epoch did, and what is left of each layer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from cdfi_runtime.files import write_text
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor

from cdfi_model.pruning.prune_config import PruneConfig

PRUNE_REPORT_SCHEMA_VERSION = 1
JSON_NAME = "report.json"
MARKDOWN_NAME = "report.md"


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Epoch(_Section):
    """One epoch; the one in which a target is reached ends there."""

    epoch: int = Field(ge=1)
    step: int = Field(description="steps done at its end")
    phase: Literal["proximal", "orthant", "support"]
    penalty: float = Field(description="lambda in this epoch")
    loss: float = Field(description="mean over its steps, without the penalty")
    density: float = Field(ge=0, le=1, description="non-zeros of what is penalised, at its end")
    val_psnr_db: float = Field(description="mean on the held-out triplets, of the averaged weights")


class LayerDensity(_Section):
    """What is left of one parameter."""

    name: str
    penalised: bool
    size: int
    nonzero: int


class Begin(_Section):
    """The network before the first step."""

    sha256: str = Field(description="of the weights file")
    density: float
    val_psnr_db: float


class PruneReport(_Section):
    """One run, complete or up to the last epoch that ended."""

    schema_version: int = PRUNE_REPORT_SCHEMA_VERSION
    network: str
    complete: bool
    target_reached: bool | None = Field(description="null without a target")
    begin: Begin
    density: float = Field(description="non-zeros of the penalised weights, or channels")
    val_psnr_db: float
    parameters: int
    nonzero: int = Field(description="of all parameters")
    epochs: tuple[Epoch, ...]
    layers: tuple[LayerDensity, ...] = Field(description="every parameter, in network order")
    config: PruneConfig
    versions: dict[str, str]

    def write(self, config: PruneConfig) -> None:
        """Write JSON and Markdown into the run's folder, each whole or not at all."""
        write_text(config.out / JSON_NAME, self.model_dump_json(indent=2) + "\n")
        write_text(config.out / MARKDOWN_NAME, markdown(self))


def layer_densities(
    parameters: Sequence[tuple[str, Tensor]], penalised: set[str]
) -> tuple[LayerDensity, ...]:
    """Counts of every parameter."""
    return tuple(
        LayerDensity(
            name=name,
            penalised=name in penalised,
            size=values.numel(),
            nonzero=int(values.count_nonzero()),
        )
        for name, values in parameters
    )


def by_group(layers: Sequence[LayerDensity]) -> dict[str, tuple[int, int]]:
    """Sizes and non-zeros of the penalised layers, by the first part of their names."""
    groups: dict[str, tuple[int, int]] = {}
    for layer in layers:
        if layer.penalised:
            group = layer.name.split(".")[0]
            size, nonzero = groups.get(group, (0, 0))
            groups[group] = size + layer.size, nonzero + layer.nonzero
    return groups


def markdown(report: PruneReport) -> str:
    """The report to read."""
    target = report.config.target_density
    change = report.val_psnr_db - report.begin.val_psnr_db
    lines = [
        f"# Pruning of {report.network}",
        "",
        "" if report.complete else "This run is not complete: run the same command again.\n",
        f"* Density of the penalised {report.config.structure}: {report.begin.density:.4f} -> "
        + f"{report.density:.4f}"
        + ("" if target is None else f"; target {target:g}, ")
        + {True: "reached", False: "not reached yet", None: ""}[report.target_reached],
        f"* Non-zeros: {report.nonzero:,} of {report.parameters:,} parameters",
        f"* Held-out PSNR: {report.begin.val_psnr_db:.2f} -> {report.val_psnr_db:.2f} dB "
        f"({change:+.2f} dB)",
        f"* Learning rate {report.config.rate:g}, eps {report.config.smallest:g}, "
        f"batch {report.config.batch}, crop {report.config.crop}, "
        f"{report.config.epoch_steps} steps an epoch",
        "",
        "| epoch | step | phase | penalty | loss | density | PSNR dB |",
        "|---:|---:|---|---:|---:|---:|---:|",
    ]
    lines += [
        f"| {e.epoch} | {e.step} | {e.phase} | {e.penalty:.3g} | {e.loss:.4f} | {e.density:.4f} "
        f"| {e.val_psnr_db:.2f} |"
        for e in report.epochs
    ]
    lines += ["", "| part | penalised weights | non-zero | density |", "|---|---:|---:|---:|"]
    lines += [
        f"| {name} | {size:,} | {nonzero:,} | {nonzero / size:.4f} |"
        for name, (size, nonzero) in by_group(report.layers).items()
    ]
    lines += ["", "| layer | size | non-zero | density |", "|---|---:|---:|---:|"]
    lines += [
        f"| {layer.name} | {layer.size:,} | {layer.nonzero:,} | {layer.nonzero / layer.size:.4f} |"
        for layer in report.layers
        if layer.penalised
    ]
    return "\n".join(lines) + "\n"
