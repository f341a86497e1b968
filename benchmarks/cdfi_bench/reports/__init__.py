"""Report formats: one file each. Every command writes its report in all of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cdfi_runtime.files import ensure_folder, write_text
from cdfi_runtime.registry import Registry

from cdfi_bench.report import Report


@dataclass(frozen=True)
class ReportFormat:
    """A way of writing a report: ``render`` turns it into text, ``suffix`` ends the file name."""

    name: str
    suffix: str
    render: Callable[[Report], str]


REPORT_FORMATS: Registry[ReportFormat] = Registry("report format", "cdfi_bench.reports")


def write_report(report: Report, folder: Path) -> list[Path]:
    """Write ``report`` into ``folder`` in every format, each file atomically.

    Returns:
        The paths written, e.g. ``parity.json``, ``parity.junit.xml``, ``parity.md``.
    """
    ensure_folder(folder)
    paths = []
    for form in REPORT_FORMATS.all():
        path = folder / f"{report.kind}{form.suffix}"
        write_text(path, form.render(report))
        paths.append(path)
    return paths
