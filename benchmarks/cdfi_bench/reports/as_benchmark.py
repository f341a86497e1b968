"""Custom JSON of github-action-benchmark, one file for each direction, as the action wants it."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

from cdfi_bench.gallery import Case
from cdfi_bench.published import Figure, published
from cdfi_bench.report import Report
from cdfi_bench.reports import REPORT_FORMATS, ReportFormat


def render_smaller(report: Report, _cases: Sequence[Case] = ()) -> str:
    """What should fall, for the action's tool ``customSmallerIsBetter``: times, sizes, errors."""
    return _render(report, lambda figure: not figure.bigger_is_better)


def render_bigger(report: Report, _cases: Sequence[Case] = ()) -> str:
    """What should rise, for the action's tool ``customBiggerIsBetter``: PSNR."""
    return _render(report, lambda figure: figure.bigger_is_better)


def _render(report: Report, wanted: Callable[[Figure], bool]) -> str:
    entries = [_entry(figure) for figure in published(report) if wanted(figure)]
    return json.dumps(entries, indent=2, ensure_ascii=False) + "\n"


def _entry(figure: Figure) -> dict[str, str | float]:
    entry: dict[str, str | float] = {
        "name": figure.name,
        "unit": figure.unit,
        "value": figure.value,
    }
    if figure.spread is not None:
        entry["range"] = f"± {figure.spread:.4g}"
    if figure.extra:
        entry["extra"] = figure.extra
    return entry


REPORT_FORMATS.register(
    ReportFormat("benchmark-smaller", ".smaller.benchmark.json", render_smaller)
)
REPORT_FORMATS.register(ReportFormat("benchmark-bigger", ".bigger.benchmark.json", render_bigger))
