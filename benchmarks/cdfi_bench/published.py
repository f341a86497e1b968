"""The figures of a report that are worth following from commit to commit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from cdfi_bench.cells import runs_on, stable_name
from cdfi_bench.marks import marks, memory_marks
from cdfi_bench.report import Report, Row

_LOW, _HIGH = 10, 90


@dataclass(frozen=True)
class Figure:
    """One number.

    Attributes:
        name: Row and measure; the same in every run of the same command.
        unit: Of the value.
        value: Finite.
        bigger_is_better: Its direction.
        spread: Half the distance from the 10th to the 90th percentile of its raw samples, in its
            unit; ``None`` where it has no samples.
        extra: What a reader of a chart wants to know of it.
    """

    name: str
    unit: str
    value: float
    bigger_is_better: bool
    spread: float | None
    extra: str


def published(report: Report) -> list[Figure]:
    """The figures of all rows. What was not measured is left out, and so are times that are
    invalid or partial, with the memory of emulated devices: a history must not hold them."""
    found: dict[str, Figure] = {}
    for row in report.rows:
        for figure in _figures(row):
            name, copies = figure.name, 1
            while name in found and found[name] != replace(figure, name=name):
                copies += 1  # two files of one name; the action would mix their histories up
                name = f"{figure.name} #{copies}"
            found[name] = replace(figure, name=name)  # a file's size is in several rows: one entry
    return list(found.values())


def _figures(row: Row) -> Iterator[Figure]:
    yield from _times(row)
    if row.memory is not None and row.memory.peak_bytes is not None and not memory_marks(row):
        yield _figure(row, "peak memory", "bytes", row.memory.peak_bytes)
    if row.artifact is not None:
        extra = f"{row.artifact.format} {row.artifact.precision}"
        size = float(row.artifact.bytes)
        yield Figure(f"{row.subject}: file size", "bytes", size, False, None, extra)
    if row.parity is not None:
        yield _figure(row, "max abs", "of full scale", row.parity.max_abs)
        if row.parity.psnr_db is not None:
            name = "PSNR to the reference"
            yield _figure(row, name, "dB", row.parity.psnr_db, bigger=True)
    if row.quality is not None:
        if row.quality.psnr_db is not None:
            yield _figure(row, "PSNR to the truth", "dB", row.quality.psnr_db, bigger=True)
        if row.quality.lpips is not None:
            yield _figure(row, "LPIPS", "LPIPS", row.quality.lpips)


def _times(row: Row) -> Iterator[Figure]:
    timing = row.timing
    if timing is None or not (timing.valid and timing.complete):
        return
    burst = timing.samples_s
    if timing.median_s is not None:
        yield _figure(row, "median", "ms", 1e3 * timing.median_s, _ms(burst))
    if timing.ratio is not None and timing.reference_median_s is not None:
        relative = [each / timing.reference_median_s for each in burst]
        yield _figure(row, "ratio", "x reference", timing.ratio, relative)
    if timing.end_to_end is not None:
        samples = _ms(timing.end_to_end.samples_s)
        yield _figure(row, "end to end", "ms", 1e3 * timing.end_to_end.median_s, samples)
    if timing.sustained is not None:
        samples = _ms(timing.sustained.samples_s)
        yield _figure(row, "sustained median", "ms", 1e3 * timing.sustained.median_s, samples)


def _figure(
    row: Row,
    measure: str,
    unit: str,
    value: float,
    samples: Sequence[float] = (),
    *,
    bigger: bool = False,
) -> Figure:
    spread, lines = None, []
    if samples:
        low, high = np.percentile(samples, (_LOW, _HIGH))
        spread = float(high - low) / 2
        lines.append(
            f"{len(samples)} samples, p{_LOW} {low:.4g} to p{_HIGH} {high:.4g} {unit}; "
            "the range is half of that"
        )
    if row.backend is not None:
        lines.append(runs_on(row))
    if row.parity is not None:
        lines.append(f"reference: {row.parity.reference}")
    lines += [f"{mark.word}: {mark.reason}" for mark in marks(row)]
    if row.verdict.status != "pass":
        lines.append(f"{row.verdict.status}: {row.verdict.reason}")
    return Figure(
        f"{stable_name(row)}: {measure}", unit, float(value), bigger, spread, "\n".join(lines)
    )


def _ms(samples_s: Sequence[float]) -> list[float]:
    return [1e3 * each for each in samples_s]
