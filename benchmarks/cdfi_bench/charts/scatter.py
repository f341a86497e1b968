"""Size, time and fidelity of all rows in one picture: what to choose is seen at a glance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cdfi_bench.cells import NOTHING, described, milliseconds, ratio
from cdfi_bench.charts.axis import Axis, axis_for
from cdfi_bench.charts.boxes import why_left_out
from cdfi_bench.marks import time_marks
from cdfi_bench.report import Row

# From dark violet over green to yellow: brightness rises evenly, also without colour vision.
_STOPS = ((68, 1, 84), (59, 82, 139), (33, 145, 140), (94, 201, 98), (253, 231, 37))
_PLOT = (300, 300)  # pixels on the narrowest screen, for labels to keep apart
_LABEL, _DOT = (18, 14), 14
_OFFSETS = ((0, -15), (17, 0), (-17, 0), (0, 15), (16, -12), (-16, -12), (16, 12), (-16, 12))
_FAR = ((0, -28), (28, 0), (-28, 0), (0, 28), (26, -24), (-26, -24), (26, 24), (-26, 24))


@dataclass(frozen=True)
class Point:
    """One row. ``left`` and ``up`` are in percent, ``shift`` of its number in pixels."""

    number: int
    left: float
    up: float
    shift: tuple[int, int]
    colour: str | None
    subject: str
    where: str
    size: str
    time: str
    ratio: str
    psnr: str
    marks: tuple[str, ...]


@dataclass(frozen=True)
class Scatter:
    """``scale``: the PSNR at both ends of ``gradient``; one if all are equal, none without any."""

    x: Axis
    y: Axis
    y_title: str
    points: tuple[Point, ...]
    scale: tuple[str, ...]
    gradient: str
    left_out: tuple[str, ...]


def scatter(rows: Sequence[Row]) -> Scatter | None:
    """The chart of all rows with a size and a time that counts; ``None`` for fewer than two."""
    counted = [row for row in rows if row.timing is not None and why_left_out(row) is None]
    kept = [row for row in counted if row.artifact is not None and _time(row, False) is not None]
    if len(kept) < 2:  # nothing to compare
        return None
    relative = all(_time(row, True) is not None for row in kept)
    x = axis_for([_megabytes(row) for row in kept])
    y = axis_for([_time(row, relative) or 0.0 for row in kept])
    places = [(x.place(_megabytes(r)), y.place(_time(r, relative) or 0.0)) for r in kept]
    shifts = _shifts(places)
    found = [psnr for row in kept if (psnr := _psnr(row)) is not None]
    low, high = (min(found), max(found)) if found else (0.0, 0.0)
    points = tuple(
        Point(
            number=index + 1,
            left=places[index][0],
            up=places[index][1],
            shift=shifts[index],
            colour=_colour(row, low, high),
            subject=row.subject,
            where=described(row),
            size=f"{_megabytes(row):.2f}",
            time=milliseconds(row.timing.median_s or 0.0) if row.timing else NOTHING,
            ratio=ratio(row),
            psnr=_psnr_text(row),
            marks=time_marks(row),
        )
        for index, row in enumerate(kept)
    )
    return Scatter(
        x,
        y,
        "times the reference convolution" if relative else "milliseconds, median",
        points,
        tuple(dict.fromkeys(f"{each:.1f}" for each in ((low, high) if found else ()))),
        ", ".join(f"rgb{stop}" for stop in _STOPS),
        tuple(reason for row in rows if (reason := why_left_out(row)) is not None),
    )


def _megabytes(row: Row) -> float:
    assert row.artifact is not None
    return row.artifact.bytes / 1e6


def _time(row: Row, relative: bool) -> float | None:
    assert row.timing is not None
    median = row.timing.median_s
    return row.timing.ratio if relative else None if median is None else 1e3 * median


def _psnr(row: Row) -> float | None:
    return None if row.parity is None else row.parity.psnr_db


def _psnr_text(row: Row) -> str:
    if row.parity is None:
        return "not compared"
    return "identical" if row.parity.psnr_db is None else f"{row.parity.psnr_db:.1f}"


def _colour(row: Row, low: float, high: float) -> str | None:
    """Colour of the PSNR; ``None`` where nothing was compared. Identical is the best."""
    if row.parity is None:
        return None
    psnr = high if row.parity.psnr_db is None else row.parity.psnr_db
    share = (psnr - low) / (high - low) if high > low else 1.0
    place = share * (len(_STOPS) - 1)
    index = min(int(place), len(_STOPS) - 2)
    mixed = (a + (place - index) * (b - a) for a, b in zip(*_STOPS[index : index + 2], strict=True))
    return "rgb({})".format(", ".join(str(round(each)) for each in mixed))


def _shifts(places: Sequence[tuple[float, float]]) -> list[tuple[int, int]]:
    """For each number the nearest place around its dot where it meets no dot and no other."""
    dots = [(_PLOT[0] * left / 100, -_PLOT[1] * up / 100) for left, up in places]
    taken = [(*dot, _DOT, _DOT) for dot in dots]
    shifts = []
    for x, y in dots:
        boxes = [((x + dx, y + dy, *_LABEL), (dx, dy)) for dx, dy in (*_OFFSETS, *_FAR)]
        costs = [sum(_overlap(box, other) for other in taken) for box, _ in boxes]
        box, shift = boxes[costs.index(min(costs))]
        taken.append(box)
        shifts.append(shift)
    return shifts


def _overlap(a: tuple[float, float, float, float], b: tuple[float, float, float, float]) -> float:
    """Common area of two boxes, given by centre and size."""
    wide = min(a[0] + a[2] / 2, b[0] + b[2] / 2) - max(a[0] - a[2] / 2, b[0] - b[2] / 2)
    tall = min(a[1] + a[3] / 2, b[1] + b[3] / 2) - max(a[1] - a[3] / 2, b[1] - b[3] / 2)
    return max(0.0, wide) * max(0.0, tall)
