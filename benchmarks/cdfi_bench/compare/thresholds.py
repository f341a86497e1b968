"""The limits of ``cdfi-bench compare``: built in, or from a TOML file that a project commits."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Any, Literal

from cdfi_runtime.errors import InputError
from cdfi_runtime.files import require_file
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

Missing = Literal["ignore", "warn", "fail"]
Amount = Annotated[float, Field(ge=0)]
Factor = Annotated[float, Field(ge=1)]


class _Limits(BaseModel):
    """Base: fixed keys. ``inf`` turns a limit off."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class _Relative(_Limits):
    """New over base, from which it warns and from which it fails."""

    warn: Factor = 1.1
    fail: Factor = 1.3

    @model_validator(mode="after")
    def _warns_first(self) -> _Relative:
        if self.warn > self.fail:
            raise ValueError(f"warn = {self.warn:g} is above fail = {self.fail:g}")
        return self


class LatencyLimits(_Relative):
    """Time of a frame in units of the reference that ran in turn with it."""

    run_to_run: Amount = Field(
        default=0.03, description="log-scale deviation between runs of the same file; of ratios"
    )
    run_to_run_raw: Amount = Field(
        default=0.15, description="the same of plain times, where there is no reference"
    )
    fewest_runs: int = Field(default=10, ge=4, description="of fewer, nothing is concluded")


class MemoryLimits(_Relative):
    """Memory that loading and running the artifact adds to its process."""

    slack_mib: Amount = Field(default=8.0, description="growth below this is an allocator's mood")


class ParityLimits(_Limits):
    """Difference to torch. Kernels of another CPU round otherwise, so a little more is allowed."""

    max_abs_factor: Factor = 1.5
    max_abs_floor: Amount = Field(default=5e-5, description="up to here it is float32 rounding")
    psnr_loss_db: Amount = 1.0
    psnr_enough_db: Amount = Field(default=100.0, description="from here on it is rounding")


class QualityLimits(_Limits):
    """PSNR against the true frames."""

    psnr_loss_db: Amount = 0.05


class SizeLimits(_Limits):
    """Size of the artifact on disk."""

    growth: Amount = Field(default=0.01, description="0.01: one per cent")


class RowLimits(_Limits):
    """All limits that a row is held to."""

    missing: Missing = Field(default="warn", description="a row or number only BASE has")
    latency: LatencyLimits = LatencyLimits()
    memory: MemoryLimits = MemoryLimits()
    parity: ParityLimits = ParityLimits()
    quality: QualityLimits = QualityLimits()
    size: SizeLimits = SizeLimits()


class Thresholds:
    """Limits by subject.

    Attributes:
        source: For reports: the file's name, or ``built-in``.
        common: Of rows without an override.
        overrides: Glob over subjects and the limits of those; of several that match, the last.
    """

    def __init__(
        self,
        source: str = "built-in",
        common: RowLimits | None = None,
        overrides: Sequence[tuple[str, RowLimits]] = (),
    ) -> None:
        self.source = source
        self.common = common or RowLimits()
        self.overrides = tuple(overrides)

    def of(self, subject: str) -> RowLimits:
        """The limits of a row."""
        matching = [limits for glob, limits in self.overrides if fnmatchcase(subject, glob)]
        return matching[-1] if matching else self.common

    def unused(self, subjects: Sequence[str]) -> list[str]:
        """Globs of overrides that match none of ``subjects``: mistyped or left over."""
        return [
            glob
            for glob, _ in self.overrides
            if not any(fnmatchcase(subject, glob) for subject in subjects)
        ]


def read_thresholds(path: Path) -> Thresholds:
    """The limits in a TOML file; what it leaves out is as built in.

    Raises:
        InputError: missing, no TOML, an unknown key or a value out of range.
    """
    require_file(path, "the thresholds file")
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError("the thresholds file is no TOML", got=f"{path}: {error}") from error
    overrides = raw.pop("override", [])
    common = _validated(path, raw, "")
    if not isinstance(overrides, list):
        raise _wrong(path, "override", "written as [[override]], each with a subject")
    found = []
    for index, each in enumerate(overrides):
        where = f"override {index + 1}: "
        if not isinstance(each, dict) or not isinstance(each.get("subject"), str):
            raise _wrong(path, f"{where}subject", 'a glob over file names: subject = "*_int8*"')
        changes = {key: value for key, value in each.items() if key != "subject"}
        found.append((each["subject"], _validated(path, _merged(raw, changes), where)))
    return Thresholds(path.name, common, found)


def _validated(path: Path, raw: dict[str, Any], where: str) -> RowLimits:
    try:
        return RowLimits.model_validate(raw)
    except ValidationError as error:
        first = error.errors()[0]
        place = where + ".".join(str(part) for part in first["loc"])
        expected = first["msg"]
        if first["type"] == "extra_forbidden":
            expected = f"one of {', '.join(_known(first['loc'][:-1]))}"
        raise _wrong(path, place, expected) from error


def _wrong(path: Path, place: str, expected: str) -> InputError:
    return InputError(
        f"the thresholds file has a key or value that cannot be used: {place or 'its top level'}",
        expected=expected,
        got=str(path),
        fix="benchmarks/thresholds.toml of cdfi-mobile names every key",
    )


def _known(place: Sequence[int | str]) -> list[str]:
    model: type[BaseModel] = RowLimits
    for part in place:
        kind = model.model_fields[str(part)].annotation
        assert isinstance(kind, type) and issubclass(kind, BaseModel)
        model = kind
    return [*model.model_fields] + ([] if place else ["override"])


def _merged(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in changes.items():
        before = base.get(key)
        both = isinstance(value, dict) and isinstance(before, dict)
        merged[key] = _merged(before, value) if both and isinstance(before, dict) else value
    return merged
