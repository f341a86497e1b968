"""The report of a benchmark run: one schema for parity, quality and latency.

Its JSON schema is published as ``schemas/report.schema.json``. Two rules hold everywhere: what went
wrong is a row like any other, and what was not measured is ``null`` with its reason.
"""

from __future__ import annotations

import json
from typing import Literal

from pydantic import Field

from cdfi_bench.report_device import Conditions, DeviceInfo
from cdfi_bench.report_timing import Timing
from cdfi_bench.section import Section

REPORT_SCHEMA_VERSION = 2

Kind = Literal["parity", "quality", "latency"]
Status = Literal["pass", "fail", "skip"]


class RunInfo(Section):
    """When and with which code the numbers were made."""

    started: str = Field(description="UTC, ISO 8601")
    commit: str | None = Field(description="git commit of this project's checkout")
    dirty: bool | None = Field(description="the checkout had uncommitted changes")
    tools: dict[str, str] = Field(description="version by package")
    lpips_weights_sha256: tuple[str, ...] = Field(default=(), description="of each weights file")


class ArtifactFacts(Section):
    """What was measured, from its manifest."""

    network: str
    form: str
    format: str
    precision: str
    warp: str = Field(description="warp formulation")
    sampling: str
    opset: int | None
    sha256: str
    weights_sha256: str
    bytes: int
    parameters: int
    macs: int | None = Field(description="multiply-accumulates of one frame at macs_size")
    macs_size: tuple[int, int] | None = Field(description="[width, height]")
    remarks: tuple[str, ...] = Field(
        default=(), description="what its exporter wants users to know, from the manifest"
    )


class InputFacts(Section):
    """What it was measured on."""

    image_set: str
    images: int = Field(ge=1, description="frame pairs")
    sizes: tuple[tuple[int, int], ...] = Field(
        description="[width, height] of the frames as measured, each size once"
    )
    cropped: bool = Field(description="frames were centre-cropped to the graph's fixed size")
    padding: str = Field(description="what was added at the bottom and right before the graph")
    data_sha256: str | None = Field(description="over the names and bytes of all image files")


class BackendFacts(Section):
    """What ran it."""

    runtime: str
    version: str
    accelerator_requested: str
    accelerator_actual: str
    threads: int | None
    affinity: tuple[int, ...] | None = Field(description="cores it was kept to")


class Parity(Section):
    """Raw outputs, before rounding, against a reference. Of several images: the worst."""

    reference: str
    max_abs: float = Field(ge=0, description="largest absolute difference")
    p99_9: float = Field(ge=0, description="99.9th percentile of the absolute difference")
    psnr_db: float | None
    data_range: float = Field(gt=0, description="peak of PSNR and SSIM")
    ssim: float | None


class Quality(Section):
    """Outputs rounded to 8 bit against the true frame (scikit-image). Of several: the mean."""

    psnr_db: float | None
    ssim: float | None
    lpips: float | None = Field(description="LPIPS v0.1, SqueezeNet; lower is better")
    reference: str | None = Field(description="what the difference is taken to")
    reference_psnr_db: float | None
    reference_ssim: float | None
    psnr_difference_db: float | None = Field(description="psnr_db - reference_psnr_db")


class Memory(Section):
    """Resident memory of a process of its own that loads and runs the artifact."""

    before_load_bytes: int | None
    peak_bytes: int | None


class MobileUse(Section):
    """What one of ONNX Runtime's providers on phones would take, by its own checker's estimate."""

    provider: str
    nodes: int = Field(ge=0, description="of the graph after basic optimisations")
    supported_nodes: int = Field(ge=0, description="those the provider would take")
    partitions: int = Field(ge=0, description="connected parts that these make")
    unsupported_operators: tuple[str, ...] = Field(description="types that stay on the CPU")
    unsupported_by_dynamic_shape: int = Field(
        ge=0, description="nodes with inputs of unknown size, of any operator type"
    )
    unsupported_by_rank: int = Field(ge=0, description="nodes with too many axes")
    suitable: Literal["yes", "maybe", "no"] = Field(description="the checker's verdict")


class Gate(Section):
    """One limit and the number held against it."""

    measure: str
    value: float | None
    comparison: Literal["<=", ">="]
    limit: float
    held: bool


class Verdict(Section):
    """``skip`` is no pass: nothing was decided, for ``reason``."""

    status: Status
    gates: tuple[Gate, ...] = ()
    reason: str


class ImageRow(Section):
    """One frame pair."""

    name: str
    width: int
    height: int
    parity: Parity | None
    quality: Quality | None


class Row(Section):
    """One artifact (or baseline) on one image set or at one size."""

    subject: str
    device: DeviceInfo | None = Field(description="where it ran")
    artifact: ArtifactFacts | None
    input: InputFacts | None
    backend: BackendFacts | None
    parity: Parity | None
    quality: Quality | None
    timing: Timing | None
    memory: Memory | None
    conditions: Conditions | None = Field(description="the state of the device meanwhile")
    images: tuple[ImageRow, ...] = ()
    failures: dict[str, str] = Field(
        default_factory=dict, description="for each frame pair that failed: why"
    )
    mobile: tuple[MobileUse, ...] | None = Field(
        description="of ONNX artifacts; the same in each of their rows"
    )
    verdict: Verdict


class Report(Section):
    """The whole report."""

    schema_version: Literal[2] = 2
    kind: Kind
    run: RunInfo
    device: DeviceInfo = Field(description="the machine that made the report")
    interrupted: bool = Field(default=False, description="ended by its user before its end")
    rows: tuple[Row, ...]

    def count(self, status: Status) -> int:
        """Number of rows with this verdict."""
        return sum(row.verdict.status == status for row in self.rows)


_ORDER: dict[Status, int] = {"fail": 0, "skip": 1, "pass": 2}


def worst_first(rows: tuple[Row, ...]) -> list[Row]:
    """Failed rows, then skipped, then passed; each by falling badness of their main number."""
    return sorted(rows, key=lambda row: (_ORDER[row.verdict.status], _goodness(row)))


def _goodness(row: Row) -> float:
    if row.timing is not None and row.timing.ratio is not None and row.timing.valid:
        return -row.timing.ratio
    if row.parity is not None:
        return float("inf") if row.parity.psnr_db is None else row.parity.psnr_db
    if row.quality is not None:
        return float("inf") if row.quality.psnr_db is None else row.quality.psnr_db
    return float("-inf")


def report_schema() -> str:
    """The JSON schema of :class:`Report` as text, ready to be written out."""
    return json.dumps(Report.model_json_schema(), indent=2, sort_keys=True) + "\n"
