"""The stages of a compression side by side: size, cost, time and quality, beside the paper's."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Literal, NamedTuple

from cdfi_runtime.files import ensure_folder, write_text
from pydantic import Field

from cdfi_bench.report import RunInfo
from cdfi_bench.report_device import DeviceInfo
from cdfi_bench.section import Section

JSON_NAME, MARKDOWN_NAME = "compression.json", "compression.md"
MB = 1e6


class Published(NamedTuple):
    """A row of the CDFI paper's tables 1 and 3; PSNR in dB."""

    name: str
    parameters: int
    vimeo_db: float
    middlebury_db: float
    ucf101_db: float


PUBLISHED = (
    Published("AdaCoF (F=5, d=1), published", 21_843_427, 34.35, 35.72, 35.16),
    Published("compressed AdaCoF, published", 2_452_094, 34.10, 35.43, 35.10),
)


class SetQuality(Section):
    """Mean over one image set, of the 8-bit frames."""

    name: str
    triplets: int = Field(gt=0)
    psnr_db: float
    ssim: float


class StageRow(Section):
    """One stage, or one form of it, as a float32 ONNX artifact of the report's size."""

    stage: str
    form: Literal["dense", "sparse"]
    parameters: int = Field(gt=0)
    nonzero: int = Field(ge=0)
    macs: int = Field(gt=0)
    bytes: int | None = Field(description="of the artifact")
    frame_s: float | None = Field(description="median seconds of a frame")
    ratio: float | None = Field(description="to the baseline's median, frame by frame in turn")
    parity_db: float | None = Field(description="PSNR to torch, the worst pair, before rounding")
    val_psnr_db: float = Field(description="on the triplets that were held out of the training")
    quality: tuple[SetQuality, ...] = Field(description="empty where the frames are another row's")


class CompressionReport(Section):
    """All stages of one compression, measured in one run."""

    schema_version: Literal[1] = 1
    run: RunInfo
    device: DeviceInfo
    size: tuple[int, int] = Field(description="[width, height] in pixels")
    threads: int
    held_out: int
    rows: tuple[StageRow, ...]

    def write(self, folder: Path) -> None:
        """Write JSON and Markdown into ``folder``."""
        ensure_folder(folder)
        write_text(folder / JSON_NAME, self.model_dump_json(indent=2) + "\n")
        write_text(folder / MARKDOWN_NAME, "\n".join(self.markdown()) + "\n")

    def markdown(self) -> Iterable[str]:
        """The table, then the published rows."""
        sets = list(dict.fromkeys(each.name for row in self.rows for each in row.quality))
        heads = ["stage", "parameters", "non-zero", "GMAC", "MB", "ms", "x baseline"]
        heads += [f"held-out dB ({self.held_out})", *(f"{name} dB / SSIM" for name in sets)]
        yield f"| {' | '.join(heads)} |"
        yield "|---|" + "---:|" * (len(heads) - 1)
        for row in self.rows:
            yield f"| {' | '.join(self._cells(row, sets))} |"
        yield ""
        yield f"ONNX float32, {self.size[0]}x{self.size[1]}, threads: {self.threads}. Published:"
        yield ""
        yield "| network | parameters | Vimeo-90K dB | Middlebury-OTHER dB | UCF101-DVF dB |"
        yield "|---|---:|---:|---:|---:|"
        for name, parameters, *scores in PUBLISHED:
            yield f"| {name} | {parameters:,} | {' | '.join(f'{each:.2f}' for each in scores)} |"

    def _cells(self, row: StageRow, sets: list[str]) -> list[str]:
        name = row.stage if row.form == "dense" else f"{row.stage}, sparse form"
        cells = [name, f"{row.parameters:,}", f"{row.nonzero:,}", f"{row.macs / 1e9:.2f}"]
        cells.append(_number(row.bytes, 2, MB))
        cells += [_number(row.frame_s, 0, 1e-3), _number(row.ratio, 2), f"{row.val_psnr_db:.2f}"]
        scores = {each.name: f"{each.psnr_db:.2f} / {each.ssim:.3f}" for each in row.quality}
        return cells + [scores.get(name, "-") for name in sets]


def _number(value: float | None, places: int, unit: float = 1.0) -> str:
    return "-" if value is None else f"{value / unit:.{places}f}"
