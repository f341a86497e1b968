"""What decides a pruning run: a TOML or YAML file, options of the command, or both."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, Literal

from cdfi_runtime.errors import InputError
from cdfi_runtime.files import require_file
from pydantic import Field, ValidationError, model_validator

from cdfi_model.pruning.obprox import SETTINGS
from cdfi_model.training.config import (
    Losses,
    Stage,
    Strict,
    TrainConfig,
    misfits,
    read_table,
    under_folder,
)

# The published losses but for VGG's, which needs a file that one must bring.
_LOSSES = Losses(total_variation=0.01)


class PruneConfig(Strict):
    """Everything that decides a run. Paths are relative to the config file.

    Attributes:
        checkpoint: Weights file to prune.
        pack: Folder made by ``cdfi-model pack``, or one in Vimeo-90K's layout.
        val_pack: The same from other groups of clips, to watch the quality on.
        val_limit: Triplets of ``val_pack`` that are looked at, spread over it; all by default.
        out: Folder of the run: checkpoint, log, report, pruned weights.
        seed: Decides the batches.
        setting: Published setting that gives the following four where they are not named.
        learning_rate: Step size of both phases; it stays.
        penalty: lambda, the weight of the l1 norm in the first epoch.
        eps: Magnitude below which an orthant step makes a weight zero.
        proximal_epochs: Epochs before the orthant phase.
        epochs: Epochs of both phases; the most that a target may take.
        epoch_samples: Triplets an epoch; the long version of the paper takes 1000.
        target_density: The orthant phase ends when the penalised weights have this share of
            non-zeros. The penalty is then raised from epoch to epoch as far as that needs.
        penalty_growth: Most that the penalty is raised by from one epoch to the next. Without a
            target it is raised by just this much.
        settle_epochs: Epochs behind, in which zeros stay and the others follow the losses alone.
        structure: ``weights`` makes single weights zero, by OBProx-SG; ``channels`` whole channels,
            by group-wise l1, which ``compact --from channels`` then removes. Densities are of
            channels then, and there are no orthant steps.
        penalise: Name patterns of what is penalised; ``*`` stands for anything.
        fixed: Patterns of what is not, though it matches ``penalise``.
        ema: Decay of the moving average that is evaluated and saved; its zeros are the network's.
        batch: Triplets a step.
        crop: Side of the square patch that the network sees, in pixels.
        downscale: See :class:`Stage`; ``taps``, ``offset_weight`` and ``precision`` too. What is
            left is as :class:`TrainConfig` has it.
    """

    checkpoint: Path
    pack: Path
    val_pack: Path
    val_limit: int | None = Field(default=None, gt=0)
    out: Path
    seed: int = 0
    setting: Literal["readme", "long_version"] = "readme"
    learning_rate: float | None = Field(default=None, gt=0)
    penalty: float | None = Field(default=None, gt=0)
    eps: float | None = Field(default=None, ge=0)
    proximal_epochs: int | None = Field(default=None, ge=0)
    epochs: int = Field(default=20, gt=0)
    epoch_samples: int = Field(default=1000, gt=0)
    target_density: float | None = Field(default=None, gt=0, lt=1)
    penalty_growth: float | None = Field(default=None, ge=1)
    settle_epochs: int = Field(default=0, ge=0)
    structure: Literal["weights", "channels"] = "weights"
    penalise: tuple[str, ...] = ("*.weight",)
    fixed: tuple[str, ...] = ()
    ema: float = Field(default=0.99, ge=0, lt=1)
    batch: int = Field(default=4, gt=0)
    crop: int = Field(default=128, gt=0, multiple_of=32)
    downscale: int = Field(default=1, ge=1, le=4)
    taps: bool = True
    offset_weight: float = Field(default=0.0, ge=0)
    precision: Literal["float32", "bfloat16"] = "float32"
    losses: Losses = _LOSSES
    warp: str = "auto"
    device: Literal["auto", "cpu", "cuda"] = "auto"
    gradient_clip: float = Field(default=1.0, gt=0)
    save_every: int = Field(default=250, gt=0)
    transpose: bool = True
    colour: bool = True
    prefetch: int = Field(default=2, ge=0)
    strips: int = Field(default=4, ge=0)

    @model_validator(mode="before")
    @classmethod
    def _fill_from_setting(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        setting = SETTINGS.get(str(values.get("setting", "readme")))
        if setting is None:  # the field's own check names it
            return values
        given = {
            "learning_rate": setting.learning_rate,
            "penalty": setting.penalty,
            "eps": setting.eps,
            "proximal_epochs": setting.proximal_epochs,
        }
        return given | {key: value for key, value in values.items() if value is not None}

    @model_validator(mode="after")
    def _reaches_the_orthant_phase(self) -> PruneConfig:
        if self.structure == "channels":
            if self.penalise != ("*.weight",) or self.fixed:
                raise ValueError(
                    "penalise and fixed are for structure = 'weights': channels go as a whole"
                )
        elif self.target_density is not None and self.proximal >= self.epochs:
            raise ValueError(
                f"a target density needs epochs of the orthant phase: epochs is {self.epochs}, "
                f"proximal_epochs {self.proximal}"
            )
        return self

    @property
    def rate(self) -> float:
        """``learning_rate``, by the setting where it is not named."""
        return _known(self.learning_rate)

    @property
    def first_penalty(self) -> float:
        """``penalty``, by the setting where it is not named."""
        return _known(self.penalty)

    @property
    def smallest(self) -> float:
        """``eps``, by the setting where it is not named."""
        return _known(self.eps)

    @property
    def proximal(self) -> int:
        """``proximal_epochs``, by the setting where they are not named."""
        return int(_known(self.proximal_epochs))

    @property
    def growth(self) -> float:
        """``penalty_growth``: 4 with a target, else none."""
        if self.penalty_growth is not None:
            return self.penalty_growth
        return 1.0 if self.target_density is None else 4.0

    @property
    def epoch_steps(self) -> int:
        """Steps of an epoch."""
        return math.ceil(self.epoch_samples / self.batch)

    def training(self) -> TrainConfig:
        """The same run as the training loop sees it, at its longest."""
        stage = Stage(
            steps=(self.epochs + self.settle_epochs) * self.epoch_steps,
            batch=self.batch,
            crop=self.crop,
            downscale=self.downscale,
            taps=self.taps,
            offset_weight=(self.offset_weight, self.offset_weight),
            precision=self.precision,
        )
        alike = (
            *("pack", "val_pack", "val_limit", "out", "seed", "warp", "device", "ema", "losses"),
            *("gradient_clip", "save_every", "prefetch", "strips", "transpose", "colour"),
        )
        return TrainConfig(
            start=self.checkpoint,
            learning_rate=self.rate,
            schedule="constant",
            warmup=0,
            eval_every=self.epoch_steps,
            stages=(stage,),
            **{key: getattr(self, key) for key in alike},
        )


def _known(value: float | None) -> float:
    assert value is not None, "the setting has filled it in"
    return value


def prune_config(file: Path | None, options: dict[str, Any]) -> PruneConfig:
    """A config from ``file``, with ``options`` (``None`` is not given) over what it says.

    Raises:
        InputError: no such file, not in its format, or fields that do not fit; all are named.
    """
    table: dict[str, Any] = {}
    if file is not None:
        read = read_table(require_file(file, "the pruning config"))
        if not isinstance(read, dict):
            raise InputError(f"{file.name} is no pruning config", expected="a table of fields")
        table = read
    named = {key: value for key, value in options.items() if value is not None}
    # Options are relative to where the command runs, which absolute paths stay.
    named = {k: v.absolute() if isinstance(v, Path) else v for k, v in named.items()}
    try:
        config = PruneConfig.model_validate(table | named)
    except ValidationError as error:
        source = file.name if file is not None else "the options"
        raise InputError(f"{source} cannot be pruned by", got=misfits(error)) from error
    return config if file is None else under_folder(config, file.parent)
