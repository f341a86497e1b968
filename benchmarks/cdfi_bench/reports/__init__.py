"""Report formats: one file each. Every command writes its report in all of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from cdfi_runtime.errors import MissingDependencyError
from cdfi_runtime.files import ensure_folder, write_text
from cdfi_runtime.registry import Registry

from cdfi_bench.gallery import Case
from cdfi_bench.report import Report


@dataclass(frozen=True)
class ReportFormat:
    """A way of writing a report.

    Attributes:
        name: Its name in the registry.
        suffix: The end of the file's name.
        render: The report as text; the second argument holds pictures of the worst cases, for
            formats that show any.
    """

    name: str
    suffix: str
    render: Callable[[Report, Sequence[Case]], str]


REPORT_FORMATS: Registry[ReportFormat] = Registry("report format", "cdfi_bench.reports")


def write_report(report: Report, folder: Path, cases: Sequence[Case] = ()) -> list[Path]:
    """Write ``report`` into ``folder`` in every format, each file atomically.

    Args:
        report: What was measured.
        folder: Made if needed.
        cases: Pictures of the worst cases.

    Returns:
        The paths written, e.g. ``parity.html``, ``parity.json``, ``parity.junit.xml``,
        ``parity.md`` and ``parity.smaller.benchmark.json``.

    Raises:
        MissingDependencyError: a format lacks its package; the others are written all the same.
    """
    ensure_folder(folder)
    paths, missing = [], None
    for form in REPORT_FORMATS.all():
        path = folder / f"{report.kind}{form.suffix}"
        try:
            text = form.render(report, cases)
        except MissingDependencyError as error:
            missing = error
            continue
        write_text(path, text)
        paths.append(path)
    if missing is not None:
        raise missing
    return paths
