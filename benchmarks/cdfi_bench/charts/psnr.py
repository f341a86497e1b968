"""Bars of PSNR by image, for quality reports."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from cdfi_bench.report import Row

MOST_IMAGES = 40
"""Images in a chart: the worst ones."""
_TICKS = 5


@dataclass(frozen=True)
class Bar:
    """One subject's PSNR of one image; ``share`` is the bar's length in percent."""

    series: int
    text: str
    share: float


@dataclass(frozen=True)
class Chart:
    """PSNR by image. ``images`` are worst first by the last series; ``left_out`` are better."""

    series: tuple[str, ...]
    ticks: tuple[tuple[float, str], ...]
    images: tuple[tuple[str, tuple[Bar, ...]], ...]
    left_out: int


def psnr_chart(rows: Sequence[Row]) -> Chart | None:
    """The chart of rows with the quality of single images; ``None`` if there are none."""
    rows = [row for row in rows if any(image.quality is not None for image in row.images)]
    if not rows:
        return None
    values: dict[str, dict[int, float]] = {}
    for series, row in enumerate(rows):
        for image in row.images:
            if image.quality is not None:
                exact = image.quality.psnr_db is None
                value = math.inf if exact else float(image.quality.psnr_db or 0)
                values.setdefault(image.name, {})[series] = value
    finite = [each for found in values.values() for each in found.values() if math.isfinite(each)]
    low, high = (min(finite), max(finite)) if finite else (0.0, 1.0)
    low, high = 5 * math.floor((low - 1) / 5), 5 * math.ceil((high + 0.5) / 5)
    last = len(rows) - 1
    order = sorted(values, key=lambda name: values[name].get(last, math.inf))
    return Chart(
        series=tuple(row.subject for row in rows),
        ticks=_ticks(low, high),
        images=tuple((name, _bars(values[name], low, high)) for name in order[:MOST_IMAGES]),
        left_out=max(0, len(order) - MOST_IMAGES),
    )


def _bars(values: dict[int, float], low: float, high: float) -> tuple[Bar, ...]:
    bars = []
    for series, value in sorted(values.items()):
        exact = math.isinf(value)
        share = 100.0 if exact else 100 * (value - low) / (high - low)
        bars.append(Bar(series, "exact" if exact else f"{value:.2f}", share))
    return tuple(bars)


def _ticks(low: float, high: float) -> tuple[tuple[float, str], ...]:
    step = 5 * math.ceil((high - low) / 5 / _TICKS)
    count = int((high - low) // step) + 1
    return tuple((100 * step * i / (high - low), f"{low + step * i:.0f}") for i in range(count))
