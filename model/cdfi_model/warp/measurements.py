"""The table of measured warp formulations, ``measured.json`` beside this file.

``cdfi-bench warp`` writes it; :mod:`cdfi_model.warp.auto` chooses by it.
"""

from __future__ import annotations

import datetime
import functools
from pathlib import Path
from typing import Literal

from cdfi_runtime.errors import ArtifactError
from cdfi_runtime.files import require_file, write_text
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from cdfi_model.spec import Offsets, Sampling

SHIPPED = Path(__file__).parent / "measured.json"


class MeasuredRow(BaseModel):
    """One formulation in one network at one size on one target.

    Attributes:
        network: Name of the network that was measured as a whole.
        sampling: Offset sampling of its warp; ``taps``, ``dilation``, ``offsets`` and ``channels``
            (warped on each side) describe the rest of it.
        target: What ran it, e.g. ``onnxruntime-cpu`` or ``torch-cpu``.
        width: Frame size in pixels, as ``height``.
        formulation: A registered name.
        min_opset: Lowest ONNX opset of the formulation.
        median_s: Median seconds for a frame: CPU time on one thread, else wall-clock time.
        ratio_to_best: ``median_s`` divided by that of the quickest formulation of this group.
        peak_mib: Peak resident memory of the process, or ``None`` with a ``peak_reason``.
        runs: How many runs the median is of.
        threads: CPU threads.
        cpu: Model of the processor, where the system tells it.
        versions: Version by package.
        date: Day of the measurement.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    network: str
    sampling: Sampling
    taps: int = Field(ge=1)
    dilation: int = Field(ge=1)
    offsets: Offsets = "per_tap"
    channels: int = Field(ge=1)
    target: str
    width: int = Field(ge=1)
    height: int = Field(ge=1)
    formulation: str
    min_opset: int = Field(ge=1)
    median_s: float = Field(gt=0)
    ratio_to_best: float = Field(ge=1)
    peak_mib: float | None = Field(default=None, gt=0)
    peak_reason: str | None = None
    runs: int = Field(default=1, ge=1)
    threads: int = Field(default=1, ge=1)
    cpu: str | None = None
    versions: dict[str, str]
    date: datetime.date

    @model_validator(mode="after")
    def _peak_or_reason(self) -> MeasuredRow:
        if (self.peak_mib is None) == (self.peak_reason is None):
            raise ValueError("give peak_mib or, where it was not measured, peak_reason")
        return self


class MeasuredTable(BaseModel):
    """All rows; without any, :mod:`cdfi_model.warp.auto` falls back on its default order."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    schema_version: Literal[1] = 1
    rows: tuple[MeasuredRow, ...] = ()

    def save(self, path: Path = SHIPPED) -> None:
        """Write the table as JSON by way of a temporary name."""
        write_text(path, self.model_dump_json(indent=2) + "\n")


@functools.cache
def load_measurements(path: Path = SHIPPED) -> MeasuredTable:
    """Read a table; each file is read once.

    Raises:
        InputError: missing or empty.
        ArtifactError: no JSON, or fields that do not fit.
    """
    require_file(path, "the table of measured warps")
    try:
        return MeasuredTable.model_validate_json(path.read_bytes())
    except ValidationError as error:
        first = error.errors()[0]
        raise ArtifactError(
            f"the table of measured warps {path.name} does not fit its schema",
            got=f"{'.'.join(map(str, first['loc']))}: {first['msg']}",
            fix="write it again with cdfi-bench warp",
        ) from error
