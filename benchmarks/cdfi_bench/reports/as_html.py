"""HTML: one self-contained page, which loads nothing from elsewhere."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from cdfi_runtime.errors import MissingDependencyError

from cdfi_bench.cells import described
from cdfi_bench.charts.boxes import FEW, SERIES, box_chart
from cdfi_bench.charts.lines import sustained_views
from cdfi_bench.charts.psnr import Chart, psnr_chart
from cdfi_bench.charts.scatter import scatter
from cdfi_bench.device_view import device_views, state_headings
from cdfi_bench.gallery import FULL_ERROR, Case
from cdfi_bench.marks import INVALID, PARTIAL, THROTTLED, marks, troubles
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
        loader=jinja2.FunctionLoader(_template),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["data_uri"] = _data_uri
    rows = worst_first(report.rows)
    devices = device_views(report)
    view = _latency(rows, cases) if report.kind == "latency" else _sets(report, cases)
    return environment.get_template("report.html.j2").render(
        view,
        report=report,
        note=NOTES[report.kind],
        mobile_columns=MOBILE_COLUMNS,
        mobile_lines=mobile_lines(report),
        mobile_note=MOBILE_NOTE,
        remarks=remarks(report),
        troubles=[(row, found) for row in rows if (found := troubles(row))],
        marked={word: _count(rows, word) for word in (INVALID, PARTIAL, THROTTLED)},
        described=described,
        devices=devices,
        state_headings=state_headings(devices),
        full_error=FULL_ERROR,
    )


def _latency(rows: Sequence[Row], cases: Sequence[Case]) -> dict[str, Any]:
    return {
        "rows": rows,
        "figures": [column for column in COLUMNS["latency"] if column.number],
        "boxes": box_chart(rows),
        "box_series": SERIES,
        "few": FEW,
        "scatter": scatter(rows),
        "sustained": sustained_views(rows),
        "cases": cases,
    }


def _sets(report: Report, cases: Sequence[Case]) -> dict[str, Any]:
    columns = [column for column in COLUMNS[report.kind] if column is not IMAGES]
    return {"columns": columns, "verdict_column": VERDICT, "sets": _views(report, cases)}


def _count(rows: Sequence[Row], word: str) -> int:
    return sum(any(mark.word == word for mark in marks(row)) for row in rows)


def _views(report: Report, cases: Sequence[Case]) -> list[ImageSetView]:
    titles = dict.fromkeys(_title(row) for row in report.rows)
    views = []
    for title in titles:
        rows = [row for row in report.rows if _title(row) == title]
        chart = psnr_chart(rows) if report.kind == "quality" else None
        shown = [case for case in cases if case.image_set == title]
        pairs = max(0 if row.input is None else row.input.images for row in rows)
        views.append(ImageSetView(title, pairs, rows, chart, shown))
    return views


def _title(row: Row) -> str:
    return "not measured" if row.input is None else row.input.image_set


def _template(name: str) -> str:
    return files("cdfi_bench").joinpath("templates", name).read_text(encoding="utf-8")


def _data_uri(webp: bytes) -> str:
    return "data:image/webp;base64," + base64.b64encode(webp).decode("ascii")


REPORT_FORMATS.register(ReportFormat("html", ".html", render_html))
