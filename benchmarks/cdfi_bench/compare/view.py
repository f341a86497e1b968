"""A comparison for readers: on the terminal, as Markdown and as JUnit XML."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, get_args
from xml.etree import ElementTree as ET

from cdfi_bench.compare.matching import describe
from cdfi_bench.compare.report import ComparedRow, Comparison, Outcome, State

if TYPE_CHECKING:
    from rich.table import Table

MARKER = "<!-- cdfi-bench compare -->"
"""First line of the Markdown, by which a workflow finds the comment that it is to replace."""
_MOST_ROWS = 30
_STYLE: dict[Outcome, str] = {"fail": "bold red", "warn": "yellow", "pass": "green"}
_WORD: dict[Outcome, str] = {
    "fail": "Comparison: a gate failed",
    "warn": "Comparison: no gate failed, with warnings",
    "pass": "Comparison: no gate failed",
}
# XML 1.0 allows no other control characters, not even escaped ones.
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def summary(comparison: Comparison) -> str:
    """The numbers of rows in one line."""
    counts = {state: comparison.count(state) for state in get_args(State)}
    told = ", ".join(f"{count} {state}" for state, count in counts.items() if count)
    return f"rows: {told}; failed: {comparison.failed()}"


def console_table(comparison: Comparison) -> Table:
    """The rows for a terminal, worst first."""
    from rich.table import Table
    from rich.text import Text

    table = Table(title="comparison", caption=summary(comparison))
    for title in ("row", "state", "verdict", "latency", "why"):
        table.add_column(title, overflow="fold")
    for row in comparison.rows:
        # Text, not str: a file name may hold square brackets, which are markup in a str.
        style = _STYLE[row.outcome]
        cells = (describe(row.key), row.state, Text(row.outcome, style), _change(row), row.reason)
        table.add_row(*(each if isinstance(each, Text) else Text(each) for each in cells))
    return table


def not_compared(comparison: Comparison) -> list[str]:
    """One line for each number that could not be compared."""
    return [
        f"{describe(row.key)}: {check.measure}: {check.reason}"
        for row in comparison.rows
        for check in row.checks
        if check.result == "not compared"
    ]


def render_markdown(comparison: Comparison) -> str:
    """A comment for a pull request: the verdict, then what changed, worst first."""
    changed = [row for row in comparison.rows if row.state != "unchanged" or row.outcome != "pass"]
    lines = [
        MARKER,
        f"## {_WORD[comparison.outcome]}",
        "",
        f"{summary(comparison).capitalize()}.",
        "",
    ]
    if changed:
        lines += ["| verdict | row | state | latency | why |", "|---|---|---|---:|---|"]
        for row in changed[:_MOST_ROWS]:
            cells = (row.outcome, describe(row.key), row.state, _change(row), row.reason)
            lines.append("| " + " | ".join(_cell(each) for each in cells) + " |")
        lines.append("")
    if len(changed) > _MOST_ROWS:
        lines += [f"{len(changed) - _MOST_ROWS} more rows are in compare.json.", ""]
    lines += [f"* {_cell(each)}" for each in comparison.remarks]
    lines += [""] if comparison.remarks else []
    lines += _folded("Not compared", not_compared(comparison))
    lines += _folded("Unchanged", _unchanged(comparison))
    lines += [
        "Latency: time of a frame over that of a reference convolution that ran in turn with it, "
        "NEW over BASE, with its 95 % interval.",
        "",
        f"BASE {_origin(comparison.base.commits)}, NEW {_origin(comparison.new.commits)}; "
        f"{_cell(', '.join(comparison.new.devices))}; thresholds: {_cell(comparison.thresholds)}.",
    ]
    return "\n".join(lines) + "\n"


def render_junit(comparison: Comparison) -> str:
    """JUnit XML text: one suite, rows as cases; missing rows without a failure are skipped."""
    rows = comparison.rows
    skipped = [row for row in rows if row.state == "missing" and row.outcome != "fail"]
    suites = ET.Element("testsuites")
    suite = ET.SubElement(
        suites,
        "testsuite",
        name="cdfi-bench compare",
        tests=str(len(rows)),
        failures=str(comparison.failed()),
        errors="0",
        skipped=str(len(skipped)),
    )
    for row in rows:
        case = ET.SubElement(
            suite,
            "testcase",
            classname=f"cdfi_bench.compare.{row.key.kind}",
            name=_clean(describe(row.key)),
            time="0",
        )
        reason = _clean(row.reason)
        if row.outcome == "fail":
            ET.SubElement(case, "failure", message=reason, type=row.state).text = reason
        elif row in skipped:
            ET.SubElement(case, "skipped", message=reason)
        said = [f"{check.measure}: {check.result}: {check.reason}" for check in row.checks]
        text = "\n".join([f"{row.state}, {row.outcome}: {row.reason}", *said])
        ET.SubElement(case, "system-out").text = _clean(text)
    ET.indent(suites)
    return ET.tostring(suites, encoding="unicode", xml_declaration=True) + "\n"


def _change(row: ComparedRow) -> str:
    for check in row.checks:
        if check.low is not None and check.high is not None and check.change is not None:
            return f"{check.change:.2f}x ({check.low:.2f} to {check.high:.2f})"
    return "-"


def _unchanged(comparison: Comparison) -> list[str]:
    rows = [row for row in comparison.rows if row.state == "unchanged" and row.outcome == "pass"]
    return [f"{describe(row.key)}: latency {_change(row)}" for row in rows]


def _folded(title: str, lines: list[str]) -> list[str]:
    if not lines:
        return []
    shown = [f"* {_cell(each)}" for each in lines[:_MOST_ROWS]]
    left = len(lines) - len(shown)
    shown += [f"* and {left} more in compare.json"] if left else []
    return [
        f"<details><summary>{title}: {len(lines)}</summary>",
        "",
        *shown,
        "",
        "</details>",
        "",
    ]


def _origin(commits: tuple[str, ...]) -> str:
    return ", ".join(f"`{_cell(each)[:12]}`" for each in commits) or "of unknown commit"


def _cell(text: str) -> str:
    """Text from reports, which may be a stranger's: no markup, links or mentions."""
    plain = " ".join(_clean(text).split())
    for character, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("@", "&#64;")):
        plain = plain.replace(character, entity)
    return re.sub(r"([\\|`*\[\]!#])", r"\\\1", plain)


def _clean(text: str) -> str:
    return _FORBIDDEN.sub("?", text)
