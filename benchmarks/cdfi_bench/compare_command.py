"""The command ``cdfi-bench compare``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from cdfi_runtime.errors import GateError


def compare(
    base: Annotated[
        Path, typer.Argument(help="Report JSON of before, or a folder of reports.", metavar="BASE")
    ],
    new: Annotated[
        Path, typer.Argument(help="Report JSON of after, or a folder of reports.", metavar="NEW")
    ],
    thresholds: Annotated[
        Path | None,
        typer.Option(help="TOML file with the limits; those built in if left out."),
    ] = None,
    out: Annotated[
        Path, typer.Option(help="Folder for compare.json, compare.md and compare.junit.xml.")
    ] = Path("reports"),
) -> None:
    """Compare two runs: what got worse, better, is new or missing. Exits with 1 for regressions.

    Hard limits on parity with torch, dB against true frames and size; relative ones on memory and
    on time in units of the reference, where noise alone fails nothing. What passed in BASE and
    does not in NEW fails.
    """
    from cdfi_runtime.files import ensure_folder, write_text

    from cdfi_bench.compare.comparison import compare_sides
    from cdfi_bench.compare.sides import read_side
    from cdfi_bench.compare.thresholds import Thresholds, read_thresholds
    from cdfi_bench.compare.view import (
        console_table,
        not_compared,
        render_junit,
        render_markdown,
        summary,
    )
    from cdfi_bench.console import report_console

    limits = read_thresholds(thresholds) if thresholds is not None else Thresholds()
    comparison = compare_sides(read_side("BASE", base), read_side("NEW", new), limits)
    ensure_folder(out)
    console = report_console()
    console.print(console_table(comparison))
    for line in (*comparison.remarks, *(f"not compared: {e}" for e in not_compared(comparison))):
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    for name, text in (
        ("compare.json", comparison.model_dump_json(indent=2) + "\n"),
        ("compare.md", render_markdown(comparison)),
        ("compare.junit.xml", render_junit(comparison)),
    ):
        write_text(out / name, text)
        console.print(f"wrote {out / name}", markup=False, highlight=False, soft_wrap=True)
    if comparison.outcome == "fail":
        raise GateError(f"a gate failed; {summary(comparison)}", got=comparison.rows[0].reason)
