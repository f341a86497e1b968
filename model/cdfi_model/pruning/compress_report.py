"""What ``cdfi-model compress`` made: a row for each stage, and whether the gate holds."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from cdfi_runtime.errors import ArtifactError
from cdfi_runtime.files import require_file, write_text
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from cdfi_model.pruning.compress_config import Gate

COMPRESS_JSON, COMPRESS_MARKDOWN = "compress.json", "compress.md"
MIB = 2**20


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class CompressStage(_Strict):
    """One network on the way."""

    name: Literal["baseline", "pruned", "compact", "retrained"]
    weights: str = Field(description="weights file, relative to the report where it lies below it")
    sha256: str
    network: str
    parameters: int = Field(gt=0)
    nonzero: int = Field(ge=0, description="of the parameters")
    macs: int = Field(gt=0, description="multiply-accumulates of one frame of the report's size")
    bytes: int = Field(gt=0, description="of all parameters in float32")
    sparse_bytes: int | None = Field(
        description="of a weights file in the sparse form; null where it is no smaller"
    )
    val_psnr_db: float = Field(description="mean on the held-out triplets")
    steps: int | None = Field(description="optimizer steps of its run; null where it had none")


class CompressReport(_Strict):
    """The whole way. ``fewer_parameters`` and ``lost_db`` compare the last stage and the first."""

    schema_version: Literal[1] = 1
    size: tuple[int, int] = Field(description="[width, height] of the frame that macs are of")
    held_out: int = Field(gt=0, description="triplets that the PSNR is the mean of")
    init: Literal["random", "strongest"] = Field(description="what the retraining began with")
    target_reached: bool | None = Field(description="of the pruning; null without a target")
    stages: tuple[CompressStage, ...]
    fewer_parameters: float
    lost_db: float
    gate: Gate | None
    verdict: Literal["pass", "fail"] | None = Field(description="null without a gate")

    def write(self, folder: Path) -> None:
        """Write JSON and Markdown into ``folder``, each whole or not at all."""
        write_text(folder / COMPRESS_JSON, self.model_dump_json(indent=2) + "\n")
        write_text(folder / COMPRESS_MARKDOWN, "\n".join(self.markdown()) + "\n")

    def markdown(self) -> Iterable[str]:
        """Lines of the table and the outcome."""
        width, height = self.size
        yield "# Compression\n"
        heads = ["stage", "parameters", "non-zero", f"GMAC ({width}x{height})"]
        heads += ["MiB", "sparse", "dB", "steps"]
        yield f"| {' | '.join(heads)} |"
        yield "|---|---:|---:|---:|---:|---:|---:|---:|"
        for stage in self.stages:
            sparse = "-" if stage.sparse_bytes is None else f"{stage.sparse_bytes / MIB:.2f}"
            cells = [stage.name, f"{stage.parameters:,}", f"{stage.nonzero:,}"]
            cells += [f"{stage.macs / 1e9:.2f}", f"{stage.bytes / MIB:.2f}", sparse]
            steps = "-" if stage.steps is None else f"{stage.steps:,}"
            cells += [f"{stage.val_psnr_db:.2f}", steps]
            yield f"| {' | '.join(cells)} |"
        yield ""
        yield f"{self.outcome()}; mean PSNR of {self.held_out} held-out triplets."

    def outcome(self) -> str:
        """One line on the last stage beside the first."""
        line = f"{self.fewer_parameters:.2f} times fewer parameters, {self.lost_db:+.2f} dB lost"
        if self.gate is None:
            return line
        wanted = f"at least {self.gate.fewer_parameters:g}, at most {self.gate.lost_db:g} dB"
        return f"{line} (gate: {wanted}: {self.verdict})"


def read_compress_report(folder: Path) -> CompressReport:
    """The report in ``folder``.

    Raises:
        InputError: there is none.
        ArtifactError: not a report of a version that is known here.
    """
    path = require_file(folder / COMPRESS_JSON, "the compression report")
    try:
        return CompressReport.model_validate_json(path.read_bytes())
    except ValidationError as error:
        first = error.errors()[0]
        raise ArtifactError(
            f"{path.name} is no compression report",
            expected="JSON of cdfi-model compress, schema version 1",
            got=f"{'.'.join(map(str, first['loc']))}: {first['msg']}",
        ) from error
