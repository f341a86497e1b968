"""Lines over time: the runs of a sustained phase, and sensors read meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cdfi_bench.cells import described, milliseconds
from cdfi_bench.charts.axis import Axis, axis_for, time_axis
from cdfi_bench.charts.boxes import why_left_out
from cdfi_bench.marks import sustained_marks
from cdfi_bench.report import Row
from cdfi_bench.report_device import Reading
from cdfi_bench.report_timing import Sustained

SLICES = 200
"""Points of a line at most; more runs are drawn slice by slice."""
MOST_LINES = 6

Points = tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Line:
    """One line; points are places in percent, right and up."""

    name: str
    points: Points


@dataclass(frozen=True)
class Plot:
    """Lines over seconds.

    Attributes:
        title: What is drawn, with its unit.
        x: Seconds.
        y: The unit of ``title``.
        lines: At most :data:`MOST_LINES`.
        band: Outline from the smallest to the largest run of each slice; empty without slices.
        left_out: Further lines that were not drawn.
        note: How to read it.
    """

    title: str
    x: Axis
    y: Axis
    lines: tuple[Line, ...]
    band: Points = ()
    left_out: int = 0
    note: str = ""


@dataclass(frozen=True)
class SustainedView:
    """One row's sustained phase, and its sensors."""

    subject: str
    where: str
    marks: tuple[str, ...]
    summary: str
    plots: tuple[Plot, ...]


def sustained_views(rows: Sequence[Row]) -> tuple[SustainedView, ...]:
    """Of each row with a sustained phase whose times count."""
    views = []
    for row in rows:
        if row.timing is None or row.timing.sustained is None or why_left_out(row) is not None:
            continue
        sustained = row.timing.sustained
        plots = [_runs(sustained)]
        if row.conditions is not None:
            told = row.conditions
            plots += _sensors("Core clocks, GHz", told.frequencies_khz, 1e-6)
            plots += _sensors("Temperatures, °C", told.temperatures_celsius, 1.0)
        views.append(
            SustainedView(
                row.subject,
                described(row),
                sustained_marks(row),
                f"{len(sustained.samples_s)} runs in {sum(sustained.samples_s):.0f} of "
                f"{sustained.asked_s:.0f} s; median {milliseconds(sustained.median_s)} ms, "
                f"slow-down {sustained.slowdown:.2f}",
                tuple(plots),
            )
        )
    return tuple(views)


def _runs(sustained: Sustained) -> Plot:
    samples = np.asarray(sustained.samples_s)
    ends = samples.cumsum()
    x = time_axis(float(ends[-1]))
    y = axis_for((1e3 * samples).tolist(), allow_log=False)
    if len(samples) <= SLICES:
        points = tuple(zip(map(x.place, ends), map(y.place, 1e3 * samples), strict=True))
        return Plot("Time of each run, ms", x, y, (Line("run", points),))
    slices = np.array_split(np.arange(len(samples)), SLICES)
    places = [x.place(float(ends[each].mean())) for each in slices]

    def edge(pick: np.ufunc | object) -> list[float]:
        return [y.place(1e3 * float(pick(samples[each]))) for each in slices]  # type: ignore[operator]

    top, bottom = edge(np.max), edge(np.min)
    outline = [*zip(places, top, strict=True), *reversed([*zip(places, bottom, strict=True)])]
    return Plot(
        "Time of each run, ms",
        x,
        y,
        (Line("median", tuple(zip(places, edge(np.median), strict=True))),),
        band=tuple(outline),
        note=f"Line: medians of {SLICES} slices of about {len(samples) / SLICES:.0f} runs; "
        "band: their smallest and largest.",
    )


def _sensors(title: str, readings: Sequence[Reading], factor: float) -> list[Plot]:
    series: dict[str, list[tuple[float, float]]] = {}
    for reading in readings:
        for name, value in reading.values.items():
            series.setdefault(name, []).append((reading.time_s, factor * value))
    lines = {name: values for name, values in series.items() if len(values) > 1}
    if not lines:
        return []
    merged: dict[tuple[tuple[float, float], ...], list[str]] = {}
    for name, values in lines.items():  # cores of one cluster have one clock
        merged.setdefault(tuple(values), []).append(name)
    ranked = sorted(merged, key=lambda values: -max(value for _, value in values))[:MOST_LINES]
    x = time_axis(max(time for values in ranked for time, _ in values))
    y = axis_for([value for values in ranked for _, value in values], allow_log=False)
    drawn = tuple(
        Line(
            ", ".join(merged[values]),
            tuple((x.place(time), y.place(value)) for time, value in values),
        )
        for values in ranked
    )
    left_out = len(merged) - len(ranked)
    note = "Over the whole run: load and burst come before the sustained phase."
    return [Plot(title, x, y, drawn, left_out=left_out, note=note)]
