"""HTML: one self-contained page with tables, PSNR of each image and the worst cases."""

from __future__ import annotations

import base64
import math
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files

from cdfi_runtime.errors import MissingDependencyError

from cdfi_bench.gallery import FULL_ERROR, Case
from cdfi_bench.report import Report, Row, worst_first
from cdfi_bench.reports import REPORT_FORMATS, ReportFormat
from cdfi_bench.table import (
    COLUMNS,
    IMAGES,
    MOBILE_COLUMNS,
    MOBILE_NOTE,
    NOTES,
    VERDICT,
    mobile_lines,
    remarks,
)

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


@dataclass(frozen=True)
class ImageSetView:
    """What the page shows of one image set; ``pairs`` is 0 if none could be measured."""

    title: str
    pairs: int
    rows: list[Row]
    chart: Chart | None
    cases: list[Case]


def render_html(report: Report, cases: Sequence[Case] = ()) -> str:
    """The report as an HTML page that loads nothing from elsewhere.

    Raises:
        MissingDependencyError: Jinja2 is not installed.
    """
    try:
        import jinja2
    except ImportError as error:
        raise MissingDependencyError(
            "jinja2", extra="bench", needed_for="the HTML report"
        ) from error
    environment = jinja2.Environment(
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["data_uri"] = _data_uri
    source = files("cdfi_bench").joinpath("templates/report.html.j2").read_text(encoding="utf-8")
    return environment.from_string(source).render(
        report=report,
        columns=[column for column in COLUMNS[report.kind] if column is not IMAGES],
        verdict_column=VERDICT,
        note=NOTES[report.kind],
        mobile_columns=MOBILE_COLUMNS,
        mobile_lines=mobile_lines(report),
        mobile_note=MOBILE_NOTE,
        remarks=remarks(report),
        sets=_views(report, cases),
        troubles=[row for row in worst_first(report.rows) if row.verdict.status != "pass"],
        full_error=FULL_ERROR,
    )


def _views(report: Report, cases: Sequence[Case]) -> list[ImageSetView]:
    titles = dict.fromkeys(_title(row) for row in report.rows)
    views = []
    for title in titles:
        rows = [row for row in report.rows if _title(row) == title]
        chart = _chart(rows) if report.kind == "quality" else None
        shown = [case for case in cases if case.image_set == title]
        pairs = max(0 if row.input is None else row.input.images for row in rows)
        views.append(ImageSetView(title, pairs, rows, chart, shown))
    return views


def _title(row: Row) -> str:
    return "not measured" if row.input is None else row.input.image_set


def _chart(rows: Sequence[Row]) -> Chart | None:
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


def _data_uri(webp: bytes) -> str:
    return "data:image/webp;base64," + base64.b64encode(webp).decode("ascii")


REPORT_FORMATS.register(ReportFormat("html", ".html", render_html))
