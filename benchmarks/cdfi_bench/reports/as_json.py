"""JSON: everything that was measured, by ``schemas/report.schema.json``."""

from __future__ import annotations

from cdfi_bench.report import Report
from cdfi_bench.reports import REPORT_FORMATS, ReportFormat


def render_json(report: Report) -> str:
    """The report as JSON text."""
    return report.model_dump_json(indent=2) + "\n"


REPORT_FORMATS.register(ReportFormat("json", ".json", render_json))
