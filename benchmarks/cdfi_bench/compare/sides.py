"""Reading one side of a comparison: a report, or all reports in a folder."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from cdfi_runtime.errors import InputError

from cdfi_bench.report import Kind, Report, Row
from cdfi_bench.report_file import read_report


@dataclass(frozen=True)
class Entry:
    """A row and the report it is from."""

    row: Row
    report: Report
    file: str


@dataclass(frozen=True)
class Side:
    """All rows of BASE or NEW.

    Attributes:
        name: For messages.
        entries: In the order of files and rows.
        files: Names of the reports.
        left_out: JSON files in the folder that are something else.
    """

    name: str
    entries: tuple[Entry, ...]
    files: tuple[str, ...]
    left_out: tuple[str, ...]


def read_side(name: str, path: Path) -> Side:
    """The rows of a report file, or of the reports right in a folder.

    Raises:
        InputError: nothing there, or a folder without reports.
        ArtifactError: a report that cannot be read; see :func:`read_report`.
    """
    if not path.is_dir():
        return _side(name, [path], [])
    found = sorted(each for each in path.glob("*.json") if each.is_file())
    reports = [each for each in found if not _is_something_else(each)]
    if not reports:
        raise InputError(
            f"{name} holds no report",
            expected="files like latency.json, parity.json or quality.json",
            got=f"{path} with {len(found)} other JSON files",
            fix="make them with cdfi-bench latency, parity or quality --out FOLDER",
        )
    return _side(name, reports, [each.name for each in found if each not in reports])


def _side(name: str, paths: list[Path], left_out: list[str]) -> Side:
    entries = []
    for path in paths:
        report = read_report(path)
        entries += [Entry(row, report, path.name) for row in report.rows]
    return Side(name, tuple(entries), tuple(path.name for path in paths), tuple(left_out))


def _is_something_else(path: Path) -> bool:
    """Whole JSON that says it is of another kind; what is broken is for ``read_report`` to say."""
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError, RecursionError):
        return False
    return not (isinstance(raw, dict) and raw.get("kind") in get_args(Kind))
