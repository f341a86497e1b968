"""Box plots of raw samples: each row's burst beside the same with what surrounds the network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cdfi_bench.cells import described, milliseconds
from cdfi_bench.charts.axis import Axis, axis_for
from cdfi_bench.marks import INVALID, marks, sustained_marks, time_marks
from cdfi_bench.report import Row

FEW = 12
"""Up to so many samples each is drawn as a dot too: a box of few would feign more."""
SERIES = ("network alone", "end to end", "sustained")


@dataclass(frozen=True)
class Box:
    """Samples of one phase. ``places`` are smallest, quartiles and largest, in percent."""

    series: int
    places: tuple[float, float, float, float, float]
    dots: tuple[float, ...]
    median: str
    title: str
    marks: tuple[str, ...]


@dataclass(frozen=True)
class BoxRow:
    """One row's boxes."""

    subject: str
    where: str
    boxes: tuple[Box, ...]


@dataclass(frozen=True)
class BoxChart:
    """All rows on one axis of milliseconds; ``left_out`` says of each other row why."""

    axis: Axis | None
    series: tuple[int, ...]
    rows: tuple[BoxRow, ...]
    left_out: tuple[str, ...]


def box_chart(rows: Sequence[Row]) -> BoxChart:
    """The chart of all rows whose times count, in their order."""
    left_out = [reason for row in rows if (reason := why_left_out(row)) is not None]
    kept = [row for row in rows if why_left_out(row) is None and _phases(row)]
    if not kept:
        return BoxChart(None, (), (), tuple(left_out))
    axis = axis_for(1e3 * each for row in kept for _, samples in _phases(row) for each in samples)
    drawn = tuple(
        BoxRow(
            row.subject,
            described(row),
            tuple(_box(row, series, samples, axis) for series, samples in _phases(row)),
        )
        for row in kept
    )
    series = sorted({box.series for row in drawn for box in row.boxes})
    return BoxChart(axis, tuple(series), drawn, tuple(left_out))


def why_left_out(row: Row) -> str | None:
    """A sentence on a row whose times must not stand in a chart beside others; else ``None``."""
    name = f"{row.subject} ({described(row)})"
    for mark in marks(row):
        if mark.word == INVALID:
            return f"{name} is left out, its times are invalid: {mark.reason}."
    if row.timing is not None and not _phases(row):
        return f"{name} is left out: there are no raw samples."
    return None


def _phases(row: Row) -> list[tuple[int, tuple[float, ...]]]:
    timing = row.timing
    if timing is None:
        return []
    phases = (None, timing.end_to_end, timing.sustained)
    found = [timing.samples_s, *(() if each is None else each.samples_s for each in phases[1:])]
    return [(series, samples) for series, samples in enumerate(found) if samples]


def _box(row: Row, series: int, samples_s: tuple[float, ...], axis: Axis) -> Box:
    figures = [float(each) for each in np.percentile(samples_s, (0, 25, 50, 75, 100))]
    low, first, median, third, high = (milliseconds(each) for each in figures)
    a, b, c, d, e = (axis.place(1e3 * each) for each in figures)
    runs = f"{len(samples_s)} {'run' if len(samples_s) == 1 else 'runs'}"
    return Box(
        series=series,
        places=(a, b, c, d, e),
        dots=tuple(axis.place(1e3 * s) for s in samples_s) if len(samples_s) <= FEW else (),
        median=median,
        title=f"{SERIES[series]}, {runs}: smallest {low}, quartiles {first} and {third}, "
        f"median {median}, largest {high} ms",
        marks=sustained_marks(row) if SERIES[series] == "sustained" else time_marks(row),
    )
