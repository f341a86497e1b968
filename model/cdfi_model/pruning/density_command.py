"""``cdfi-model density``."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Annotated

import typer
from cdfi_runtime.errors import InputError

SIZE = "448x256"


def density(
    weights: Annotated[Path, typer.Argument(help="A weights file (.safetensors).")],
    size: Annotated[
        str, typer.Option(metavar="WxH", help="Frame that multiply-accumulates are of.")
    ] = SIZE,
    csv: Annotated[Path | None, typer.Option(help="Write the table as CSV.")] = None,
    json: Annotated[
        Path | None, typer.Option(help="Write the report as JSON, for `compact`.")
    ] = None,
    chart: Annotated[
        Path | None, typer.Option(help="Draw it: .svg, .png or .pdf (needs matplotlib).")
    ] = None,
) -> None:
    """Show how many weights of each layer are not zero, and what the layer costs."""
    from cdfi_runtime.files import ensure_folder, write_text
    from rich.console import Console

    from cdfi_model.pruning.density import density_of_file
    from cdfi_model.pruning.density_report import density_csv
    from cdfi_model.pruning.density_view import density_table, write_chart

    width, height = parse_size(size)
    with Console(stderr=True).status(f"reading {weights.name}"):
        report = density_of_file(weights, height, width)
    # A log file has no width of its own, and 80 columns would break every name.
    console = Console(width=None if sys.stdout.isatty() else 140)
    console.print(density_table(report))
    for path, text in ((csv, density_csv(report)), (json, report.model_dump_json(indent=2) + "\n")):
        if path is not None:
            ensure_folder(path.parent)
            write_text(path, text)
    if chart is not None:
        write_chart(chart, report)
    for path in (csv, json, chart):
        if path is not None:
            Console(soft_wrap=True).print(f"wrote {path}", highlight=False)


def parse_size(text: str) -> tuple[int, int]:
    """Width and height of ``"448x256"``.

    Raises:
        InputError: another form.
    """
    found = re.fullmatch(r"(\d{1,5})x(\d{1,5})", text)
    if not found:
        raise InputError("this is no frame size", expected="WIDTHxHEIGHT, as 448x256", got=text)
    return int(found[1]), int(found[2])
