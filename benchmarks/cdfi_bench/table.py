"""The columns of a report's table, shared by the console, Markdown and JUnit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from cdfi_bench import cells
from cdfi_bench.cells import NOTHING
from cdfi_bench.marks import memory_marks, sustained_marks, time_marks, with_marks
from cdfi_bench.report import Kind, Report, Row


@dataclass(frozen=True)
class Column:
    """A title and how a row fills it.

    Attributes:
        title: Its heading.
        cell: The bare figure or word.
        number: It is right-aligned.
        marks: Words that stand against the figure; see :mod:`cdfi_bench.marks`.
        detail: It is left out where space is short: on the terminal and in Markdown.
    """

    title: str
    cell: Callable[[Row], str]
    number: bool = True
    marks: Callable[[Row], tuple[str, ...]] = lambda _row: ()
    detail: bool = False

    def words(self, row: Row) -> tuple[str, ...]:
        """The marks of this row's figure; none where there is no figure."""
        return () if self.cell(row) == NOTHING else self.marks(row)

    def text(self, row: Row) -> str:
        """The figure with its marks."""
        return with_marks(self.cell(row), self.words(row))


def _time(title: str, field: str, *, detail: bool = False) -> Column:
    return Column(title, cells.time_cell(field), marks=time_marks, detail=detail)


_SUBJECT = Column("artifact", lambda row: row.subject, number=False)
IMAGES = Column("images", cells.images, number=False)
_BACKEND = Column("runtime", cells.backend, number=False)
VERDICT = Column("verdict", lambda row: row.verdict.status, number=False)
REASON = Column("reason", lambda row: row.verdict.reason, number=False)

COLUMNS: dict[Kind, tuple[Column, ...]] = {
    "parity": (
        _SUBJECT,
        IMAGES,
        _BACKEND,
        Column("max abs", cells.parity_cell("max_abs", ".2e")),
        Column("p99.9", cells.parity_cell("p99_9", ".2e")),
        Column("PSNR dB", cells.parity_cell("psnr_db", ".1f")),
        Column("SSIM", cells.parity_cell("ssim", ".6f")),
        Column("truth: torch dB", cells.quality_cell("reference_psnr_db", ".3f")),
        Column("truth: artifact dB", cells.quality_cell("psnr_db", ".3f")),
        Column("difference dB", cells.quality_cell("psnr_difference_db", "+.4f")),
        VERDICT,
        REASON,
    ),
    "quality": (
        _SUBJECT,
        IMAGES,
        Column("PSNR dB", cells.quality_cell("psnr_db", ".2f")),
        Column("SSIM", cells.quality_cell("ssim", ".4f")),
        Column("LPIPS", cells.quality_cell("lpips", ".4f")),
        Column("over averaging dB", cells.quality_cell("psnr_difference_db", "+.2f")),
        VERDICT,
        REASON,
    ),
    "latency": (
        _SUBJECT,
        Column("device", cells.device, number=False),
        Column("size", cells.sizes, number=False),
        Column("runs on", cells.runs_on, number=False),
        Column("runs", cells.runs),
        _time("load ms", "load_s", detail=True),
        _time("first ms", "first_run_s", detail=True),
        _time("min ms", "min_s", detail=True),
        _time("median ms", "median_s"),
        _time("p90 ms", "p90_s", detail=True),
        _time("p99 ms", "p99_s"),
        Column("ratio", cells.ratio, marks=time_marks),
        Column("end to end ms", cells.end_to_end, marks=time_marks),
        Column("slow-down", cells.slowdown, marks=sustained_marks),
        Column("PSNR dB", cells.parity_cell("psnr_db", ".1f")),
        Column("peak MiB", cells.peak, marks=memory_marks),
        VERDICT,
        REASON,
    ),
}

MOBILE_COLUMNS = (
    "artifact",
    "provider",
    "nodes it takes",
    "partitions",
    "operators left to the CPU",
    "nodes of dynamic shape",
    "of too many axes",
    "suitable",
)
MOBILE_NOTE = (
    "ONNX Runtime's own checker, by operator types and shapes after basic optimisations; no phone "
    "was asked. Each further partition means handing tensors over once more."
)


def remarks(report: Report) -> dict[str, tuple[str, ...]]:
    """What each artifact's exporter remarked, by artifact; those without remarks are left out."""
    found = {row.subject: row.artifact.remarks for row in report.rows if row.artifact is not None}
    return {subject: said for subject, said in found.items() if said}


def mobile_lines(report: Report) -> list[tuple[str, ...]]:
    """The cells of the mobile usability check: one line for each artifact and provider."""
    uses = {row.subject: row.mobile for row in report.rows if row.mobile}
    return [
        (
            subject,
            use.provider,
            f"{use.supported_nodes} of {use.nodes}",
            str(use.partitions),
            ", ".join(use.unsupported_operators) or NOTHING,
            str(use.unsupported_by_dynamic_shape),
            str(use.unsupported_by_rank),
            use.suitable,
        )
        for subject, found in uses.items()
        for use in found
    ]


NOTES: dict[Kind, str] = {
    "parity": "PSNR = 10 log10(data range² / mean squared difference): at 60 dB the outputs "
    "differ by about a thousandth of full scale. Max abs, p99.9, PSNR (data range 1) and SSIM "
    "compare the raw float outputs with torch and are those of the worst image. Against the true "
    "frame: outputs rounded to 8 bit, scikit-image, mean over images.",
    "quality": "PSNR = 10 log10(255² / mean squared error) against the true frame; outputs rounded "
    "to 8 bit, scikit-image, mean over images. `frame average` is the mean of the two frames, "
    "`OpenCV DIS` warps both half-way by optical flow and averages them. LPIPS (SqueezeNet, v0.1, "
    "lower is better) needs --lpips-weights.",
    "latency": "Milliseconds of one frame on the raw tensors, padding and rounding left out; end "
    "to end has them in it. Ratio = median / median of the reference convolution that ran in turn "
    "with it: compare this figure between machines and days, not the milliseconds. Slow-down = "
    "median of the last third of the sustained phase / median of its first third. PSNR = 10 "
    "log10(1 / mean squared difference) of the picture that was made meanwhile to the reference's: "
    "at 60 dB they differ by about a thousandth of full scale.",
}
