"""The config of the whole way: baseline, pruning, compaction, retraining, and its gate."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

from cdfi_runtime.errors import InputError
from cdfi_runtime.files import require_file
from pydantic import Field, ValidationError, model_validator

from cdfi_model.pruning.prune_config import PruneConfig
from cdfi_model.training.config import Strict, TrainConfig, misfits, read_table, under_folder

BASELINE, PRUNED, COMPACT, RETRAINED = "baseline", "pruned", "compact", "retrained"


class CompactStep(Strict):
    """How densities become widths; see the options of ``cdfi-model compact``.

    Attributes:
        strategy: Who decides about a shared width: ``min``, ``max`` or ``readers``.
        law: Width by the square root of the density, or linear in it.
        floor: Narrowest width.
        round_to: Widths are multiples of this.
        parameters: Budget; so are ``macs`` (of a frame of ``size``) and ``bytes`` (in float32).
        size: Width and height in pixels of the frame that MACs are of.
        init: What the retraining begins with: ``random`` weights, as published, or the
            ``strongest`` channels of the pruned network.
        name: Of the narrower network.
    """

    strategy: Literal["min", "max", "readers"] = "min"
    law: Literal["sqrt", "linear"] = "sqrt"
    floor: int = Field(default=1, ge=1)
    round_to: int = Field(default=1, ge=1)
    parameters: int | None = Field(default=None, gt=0)
    macs: int | None = Field(default=None, gt=0)
    bytes: int | None = Field(default=None, gt=0)
    size: tuple[int, int] = (448, 256)
    init: Literal["random", "strongest"] = "random"
    name: str | None = None


class Gate(Strict):
    """What the retrained network must reach, against the baseline.

    Attributes:
        fewer_parameters: At least so many times fewer parameters.
        lost_db: At most so much less mean PSNR on the held-out triplets, in dB.
    """

    fewer_parameters: float = Field(default=8.0, ge=1)
    lost_db: float = Field(default=0.35, ge=0)


class CompressConfig(Strict):
    """Everything that decides the way. Paths are relative to the config file.

    Attributes:
        pack: As in a training config, for all runs; so are ``val_pack``, ``val_limit``, ``seed``.
        out: Folder; each run has one of its own in it.
        weights: A trained baseline, instead of the ``baseline`` table.
        baseline: Fields of a training config that trains the baseline.
        prune: Fields of a pruning config.
        compact: How to choose widths.
        retrain: Fields of the training config that differ from the baseline's; a taken baseline
            has none, so that then all are needed.
        gate: What must hold at the end; without it nothing must.
    """

    pack: Path
    val_pack: Path
    val_limit: int | None = Field(default=None, gt=0)
    out: Path
    seed: int = 0
    weights: Path | None = None
    baseline: dict[str, Any] | None = None
    prune: dict[str, Any]
    compact: CompactStep = CompactStep()
    retrain: dict[str, Any] = Field(default_factory=dict)
    gate: Gate | None = None

    @model_validator(mode="after")
    def _begins_somewhere(self) -> CompressConfig:
        if (self.weights is None) == (self.baseline is None):
            raise ValueError("give either weights or the table baseline")
        return self


@dataclass(frozen=True)
class CompressPlan:
    """A config with the configs of its runs, all checked and with absolute paths.

    Attributes:
        config: What they were made from.
        baseline: The baseline's run; ``None`` for a taken one.
        weights: Weights file of the baseline, which its run writes or the config names.
        prune: The pruning run.
        spec: Spec file of the narrower network.
        start: Weights that the retraining begins with; ``None`` for random ones.
        retrain: The retraining.
    """

    config: CompressConfig
    baseline: TrainConfig | None
    weights: Path
    prune: PruneConfig
    spec: Path
    start: Path | None
    retrain: TrainConfig


def load_compress_config(path: Path) -> CompressPlan:
    """Read a TOML or YAML file; the tables of its runs are checked before any of them begins.

    Raises:
        InputError: no such file, not in its format, or fields that do not fit; all misfits of the
            first table that has any are named.
        MissingDependencyError: a YAML file, and PyYAML is not installed.
    """
    raw = read_table(require_file(path, "the compression config"))
    folder = path.parent.absolute()
    try:
        config = under_folder(CompressConfig.model_validate(raw), folder)
    except ValidationError as error:
        raise InputError(f"{path.name} is no compression config", got=misfits(error)) from error
    spec = config.out / COMPACT / f"{COMPACT}.toml"
    start = spec.with_suffix(".safetensors") if config.compact.init == "strongest" else None
    baseline = None
    weights = config.weights
    if config.baseline is not None:
        baseline = _run(TrainConfig, "baseline", config, config.baseline, folder, BASELINE)
        weights = baseline.out / "best.safetensors"
    assert weights is not None, "the config has one or the other"
    pruning = config.prune | {"checkpoint": weights}
    prune = _run(PruneConfig, "prune", config, pruning, folder, PRUNED)
    retrain = {**(config.baseline or {}), **config.retrain}
    retrain.pop("network", None)
    if start is None:
        retrain |= {"spec": spec}
    else:
        retrain |= {"start": start, "initialization": "default"}
    trained = _run(TrainConfig, "retrain", config, retrain, folder, RETRAINED)
    return CompressPlan(config, baseline, weights, prune, spec, start, trained)


_Config = TypeVar("_Config", TrainConfig, PruneConfig)


def _run(
    kind: type[_Config],
    name: str,
    config: CompressConfig,
    table: dict[str, Any],
    folder: Path,
    out: str,
) -> _Config:
    shared = {key: getattr(config, key) for key in ("pack", "val_pack", "val_limit", "seed")}
    shared["out"] = config.out / out
    named = sorted(set(table) & set(shared))
    if named:
        raise InputError(
            f"the table {name} names what all runs share",
            expected=f"{', '.join(named)} outside of the tables",
            got=f"{', '.join(named)} in {name}",
        )
    try:
        return under_folder(kind.model_validate(table | shared), folder)
    except ValidationError as error:
        raise InputError(f"the table {name} does not fit", got=misfits(error)) from error
