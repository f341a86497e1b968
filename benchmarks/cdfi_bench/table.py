"""The columns of a report's table, shared by the console, Markdown and JUnit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from cdfi_bench.report import Kind, Report, Row

NOTHING = "-"


@dataclass(frozen=True)
class Column:
    """A title and how a row fills it; ``number`` columns are right-aligned."""

    title: str
    cell: Callable[[Row], str]
    number: bool = True


def _parity(field: str, form: str) -> Callable[[Row], str]:
    def cell(row: Row) -> str:
        return NOTHING if row.parity is None else _format(getattr(row.parity, field), form, "equal")

    return cell


def _quality(field: str, form: str) -> Callable[[Row], str]:
    def cell(row: Row) -> str:
        return NOTHING if row.quality is None else _format(getattr(row.quality, field), form)

    return cell


def _milliseconds(field: str) -> Callable[[Row], str]:
    def cell(row: Row) -> str:
        value = None if row.timing is None else getattr(row.timing, field)
        return NOTHING if value is None else f"{1e3 * value:.1f}"

    return cell


def _ratio(row: Row) -> str:
    return NOTHING if row.timing is None else _format(row.timing.ratio, ".2f")


def _format(value: float | None, form: str, missing: str = NOTHING) -> str:
    return missing if value is None else format(value, form)


def _images(row: Row) -> str:
    return NOTHING if row.input is None else f"{row.input.image_set} ({row.input.images})"


def _sizes(row: Row) -> str:
    if row.input is None:
        return NOTHING
    return ", ".join(f"{width}x{height}" for width, height in row.input.sizes)


def _backend(row: Row) -> str:
    return NOTHING if row.backend is None else f"{row.backend.runtime} {row.backend.version}"


def _peak(row: Row) -> str:
    if row.memory is None or row.memory.peak_bytes is None:
        return NOTHING
    return f"{row.memory.peak_bytes / 2**20:.0f}"


_SUBJECT = Column("artifact", lambda row: row.subject, number=False)
IMAGES = Column("images", _images, number=False)
_BACKEND = Column("runtime", _backend, number=False)
VERDICT = Column("verdict", lambda row: row.verdict.status, number=False)
_REASON = Column("reason", lambda row: row.verdict.reason, number=False)

COLUMNS: dict[Kind, tuple[Column, ...]] = {
    "parity": (
        _SUBJECT,
        IMAGES,
        _BACKEND,
        Column("max abs", _parity("max_abs", ".2e")),
        Column("p99.9", _parity("p99_9", ".2e")),
        Column("PSNR dB", _parity("psnr_db", ".1f")),
        Column("SSIM", _parity("ssim", ".6f")),
        Column("truth: torch dB", _quality("reference_psnr_db", ".3f")),
        Column("truth: artifact dB", _quality("psnr_db", ".3f")),
        Column("difference dB", _quality("psnr_difference_db", "+.4f")),
        VERDICT,
        _REASON,
    ),
    "quality": (
        _SUBJECT,
        IMAGES,
        Column("PSNR dB", _quality("psnr_db", ".2f")),
        Column("SSIM", _quality("ssim", ".4f")),
        Column("LPIPS", _quality("lpips", ".4f")),
        Column("over averaging dB", _quality("psnr_difference_db", "+.2f")),
        VERDICT,
        _REASON,
    ),
    "latency": (
        _SUBJECT,
        Column("size", _sizes, number=False),
        _BACKEND,
        Column("load ms", _milliseconds("load_s")),
        Column("first ms", _milliseconds("first_run_s")),
        Column("min ms", _milliseconds("min_s")),
        Column("median ms", _milliseconds("median_s")),
        Column("p90 ms", _milliseconds("p90_s")),
        Column("p99 ms", _milliseconds("p99_s")),
        Column("ratio", _ratio),
        Column("peak MiB", _peak),
        VERDICT,
        _REASON,
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
    "latency": "Milliseconds of one frame on the raw tensors, padding and rounding left out. "
    "Ratio = median / median of the reference convolution that ran in turn with it: compare this "
    "figure between machines and days, not the milliseconds.",
}
