"""The training config: a TOML or YAML file, checked before anything starts."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, Literal, TypeVar

from cdfi_runtime.errors import InputError, MissingDependencyError
from cdfi_runtime.files import require_file
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator


class Strict(BaseModel):
    """A part of a config: unknown fields are errors, and nothing changes it afterwards."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Stage(Strict):
    """A stretch of steps with one batch shape.

    Attributes:
        steps: Optimizer steps.
        batch: Triplets a step.
        crop: Side of the square patch that the network sees, in pixels.
        downscale: The packed crop is averaged down by this factor first; small pictures make
            cheap steps and turn large motion into motion that is learned fast.
        taps: False trains the offsets alone, one bilinear sample per frame.
        offset_weight: Weight of the offset supervision at the start and the end of the stage.
        synthetic: Share of the batch that is made of synthetic layers with exact offsets.
        distinct: The stage sees so many batches again and again, ``None`` new ones at every step.
            A plain U-Net finds no motion in ever new batches for thousands of steps; with a few of
            them, then more, it leaves that plateau within hundreds.
        precision: ``bfloat16`` runs convolutions by autocast; about a fifth faster where the CPU
            has the instructions, good enough while offsets are still coarse.
    """

    steps: int = Field(gt=0)
    batch: int = Field(gt=0)
    crop: int = Field(gt=0, multiple_of=32)
    downscale: int = Field(default=1, ge=1, le=4)
    taps: bool = True
    offset_weight: tuple[float, float] = (0.02, 0.002)
    synthetic: float = Field(default=0.0, ge=0.0, le=1.0)
    distinct: int | None = Field(default=None, gt=0)
    precision: Literal["float32", "bfloat16"] = "float32"


class Losses(Strict):
    """Losses beside Charbonnier and the offset supervision; a weight of 0 switches one off.

    Attributes:
        total_variation: Weight of the offsets' total variation; 0.01 as published.
        vgg: Weight of the VGG16 conv4_3 feature distance; 0.005 as published.
        vgg_weights: Local file of VGG16's weights, needed for ``vgg``.
        teacher: Artifact whose middle frame is a second target (distillation).
        teacher_weight: Weight of the Charbonnier distance to it.
    """

    total_variation: float = Field(default=0.0, ge=0)
    vgg: float = Field(default=0.0, ge=0)
    vgg_weights: Path | None = None
    teacher: Path | None = None
    teacher_weight: float = Field(default=0.0, ge=0)

    @model_validator(mode="after")
    def _files_are_named(self) -> Losses:
        for weight, file in (("vgg", "vgg_weights"), ("teacher_weight", "teacher")):
            if getattr(self, weight) and getattr(self, file) is None:
                raise ValueError(f"{weight} needs the file {file}")
        return self


class TrainConfig(Strict):
    """Everything that decides a run. Paths are relative to the config file.

    Attributes:
        network: Registered network, for a run from random weights.
        spec: Spec file of a network that is not registered, as ``cdfi-model compact`` writes it.
        start: Weights file that the run begins with, instead of ``network``; beside ``spec`` it
            must be of that network.
        pack: Folder made by ``cdfi-model pack``, or one in Vimeo-90K's layout.
        val_pack: The same from other groups of clips, for choosing weights; of a folder in
            Vimeo-90K's layout, its test list is taken.
        val_limit: Triplets of ``val_pack`` that are looked at, spread over it; all by default.
        out: Folder of the run: checkpoint, log, best weights, sample strips.
        initialization: ``unit_variance`` draws the weights so that every channel starts with unit
            variance on the first batch; ``default`` leaves them as the network draws them.
        warp: Formulation of the warp. ``auto`` takes the fused native one on a CPU that has it,
            else the network's own.
        device: ``auto`` takes CUDA where there is one. Several processes come from ``torchrun``.
        optimizer: ``adamax`` as published; weight decay goes to either.
        learning_rate: At its peak.
        schedule: ``cosine`` decays to 1 % over all steps; ``halving`` halves every
            ``halve_every`` steps; ``constant`` stays.
        warmup: Steps of linear growth to the peak.
        ema: Decay of the moving average of the weights that is evaluated and saved.
        eval_every: Steps between evaluations on ``val_pack``.
        save_every: Steps between checkpoints.
        transpose: Whether patches are transposed at random; flips and reversal always are.
        colour: Whether brightness, contrast and channel order vary.
        prefetch: Batches that a worker thread makes ahead; 0 makes them in the loop.
        strips: Triplets of ``val_pack`` that each evaluation draws into ``samples/``.
        tensorboard: Log for TensorBoard too; it must be installed.
        losses: Further losses.
    """

    network: str | None = None
    spec: Path | None = None
    start: Path | None = None
    pack: Path
    val_pack: Path
    val_limit: int | None = Field(default=None, gt=0)
    out: Path
    seed: int = 0
    initialization: Literal["default", "unit_variance"] = "default"
    warp: str = "auto"
    device: Literal["auto", "cpu", "cuda"] = "auto"
    optimizer: Literal["adamw", "adamax"] = "adamw"
    learning_rate: float = Field(default=1e-3, gt=0)
    schedule: Literal["cosine", "halving", "constant"] = "cosine"
    halve_every: int | None = Field(default=None, gt=0)
    warmup: int = Field(default=100, ge=0)
    weight_decay: float = Field(default=1e-4, ge=0)
    gradient_clip: float = Field(default=1.0, gt=0)
    ema: float = Field(default=0.998, ge=0, lt=1)
    eval_every: int = Field(default=500, gt=0)
    save_every: int = Field(default=250, gt=0)
    transpose: bool = True
    colour: bool = True
    prefetch: int = Field(default=2, ge=0)
    strips: int = Field(default=4, ge=0)
    tensorboard: bool = False
    losses: Losses = Losses()
    stages: tuple[Stage, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _halving_has_a_pace(self) -> TrainConfig:
        if (self.schedule == "halving") != (self.halve_every is not None):
            raise ValueError("schedule = 'halving' and halve_every come together")
        return self

    @model_validator(mode="after")
    def _begins_somewhere(self) -> TrainConfig:
        if (self.network is None) == (self.spec is None and self.start is None):
            raise ValueError("name either a network or a spec, or with start a weights file")
        if self.start is not None and self.initialization != "default":
            raise ValueError("initialization is for a network, start brings its own weights")
        return self

    @property
    def needs_flow(self) -> bool:
        """Whether any stage supervises the offsets."""
        return any(max(stage.offset_weight) > 0 for stage in self.stages)

    @property
    def total_steps(self) -> int:
        """Steps of all stages."""
        return sum(stage.steps for stage in self.stages)

    def stage_at(self, step: int) -> tuple[Stage, float]:
        """The stage of ``step`` and how far it is through it, in [0, 1)."""
        for stage in self.stages:
            if step < stage.steps:
                return stage, step / stage.steps
            step -= stage.steps
        raise ValueError("step lies behind the last stage")


def read_table(path: Path) -> Any:
    """What a TOML file holds, or a YAML file if the name ends in ``.yaml`` or ``.yml``.

    Raises:
        InputError: not in its format.
        MissingDependencyError: a YAML file, and PyYAML is not installed.
    """
    try:
        text = path.read_text(encoding="utf-8")
        if path.suffix not in (".yaml", ".yml"):
            return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path.name} is no TOML file", got=str(error)) from error
    try:
        import yaml
    except ImportError as error:
        raise MissingDependencyError("yaml", extra="model", needed_for="a YAML config") from error
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise InputError(f"{path.name} is no YAML file", got=str(error)) from error


def load_config(path: Path) -> TrainConfig:
    """Read a config: YAML if the name ends in ``.yaml`` or ``.yml``, else TOML.

    Raises:
        InputError: no such file, not in its format, or fields that do not fit; all misfits are
            named.
        MissingDependencyError: a YAML file, and PyYAML is not installed.
    """
    require_file(path, "the training config")
    try:
        config = TrainConfig.model_validate(read_table(path))
    except ValidationError as error:
        raise InputError(f"{path.name} is no training config", got=misfits(error)) from error
    return under_folder(config, path.parent)


def misfits(error: ValidationError) -> str:
    """Every field that does not fit, and why, in one line."""
    return "; ".join(
        f"{'.'.join(str(part) for part in item['loc'])}: {item['msg']}" for item in error.errors()
    )


ConfigT = TypeVar("ConfigT", bound=BaseModel)


def under_folder(config: ConfigT, folder: Path) -> ConfigT:
    """``config`` with each relative path taken from ``folder``, those of its sections too."""
    updates: dict[str, object] = {}
    for key in type(config).model_fields:
        value = getattr(config, key)
        if isinstance(value, Path):
            updates[key] = folder / value
        elif isinstance(value, BaseModel):
            updates[key] = under_folder(value, folder)
    return config.model_copy(update=updates)
