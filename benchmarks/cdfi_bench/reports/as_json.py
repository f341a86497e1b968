"""JSON: everything that was measured, by ``schemas/report.schema.json``."""

from __future__ import annotations

from collections.abc import Sequence

from cdfi_bench.gallery import Case
from cdfi_bench.report import Report
from cdfi_bench.reports import REPORT_FORMATS, ReportFormat


def render_json(report: Report, _cases: Sequence[Case] = ()) -> str:
    """The report as JSON text."""
    return report.model_dump_json(indent=2) + "\n"


REPORT_FORMATS.register(ReportFormat("json", ".json", render_json))
