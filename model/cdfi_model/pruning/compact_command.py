"""``cdfi-model compact``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from cdfi_runtime.errors import InputError

from cdfi_model.pruning.density_command import SIZE, parse_size


def compact(
    source: Annotated[
        Path,
        typer.Argument(help="Pruned weights, the JSON of `density`, or a CSV of name and density."),
    ],
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Spec file to write, .toml or .json.")
    ] = Path("compact.toml"),
    origin: Annotated[
        str,
        typer.Option("--from", help="densities, or channels: remove only those that are zero."),
    ] = "densities",
    network: Annotated[str | None, typer.Option(help="Network that a CSV is of.")] = None,
    spec: Annotated[Path | None, typer.Option(help="The same by its spec file.")] = None,
    strategy: Annotated[
        str, typer.Option(help="Who decides about a shared width: min, max or readers.")
    ] = "min",
    law: Annotated[
        str, typer.Option(help="Width by sqrt of the density, or linear in it.")
    ] = "sqrt",
    floor: Annotated[int, typer.Option(help="Narrowest width.")] = 1,
    round_to: Annotated[int, typer.Option(help="Round widths to multiples, as 4 or 8.")] = 1,
    parameters: Annotated[int | None, typer.Option(help="Budget: parameters.")] = None,
    macs: Annotated[int | None, typer.Option(help="Budget: MACs of a frame of --size.")] = None,
    max_bytes: Annotated[
        int | None, typer.Option("--bytes", help="Budget: bytes of the weights in float32.")
    ] = None,
    size: Annotated[str, typer.Option(metavar="WxH", help="Frame that MACs are of.")] = SIZE,
    name: Annotated[str | None, typer.Option(help="Name of the new network.")] = None,
    init: Annotated[
        str | None,
        typer.Option(help="Write weights beside the spec: strongest (channels of the source)."),
    ] = None,
    json: Annotated[Path | None, typer.Option(help="Write what changed as JSON.")] = None,
) -> None:
    """Turn densities into a narrower network: a spec to train from scratch or from weights.

    A budget multiplies all densities by one factor, the largest that fits.
    """
    from cdfi_runtime.files import ensure_folder, write_text
    from rich.console import Console

    from cdfi_model.pruning.compact import Request, compact_network
    from cdfi_model.pruning.compact_report import compact_tables

    width, height = parse_size(size)
    request = Request(
        source=source,
        origin=origin,
        network=network,
        spec=spec,
        rules={"strategy": strategy, "law": law, "floor": floor, "round_to": round_to},
        budget={"parameters": parameters, "macs": macs, "bytes": max_bytes},
        size=(width, height),
        name=name,
        init=init,
    )
    if out.suffix not in (".toml", ".json"):
        raise InputError("a spec file is TOML or JSON", expected=".toml or .json", got=out.name)
    with Console(stderr=True).status(f"reading {source.name}"):
        made = compact_network(request)
    made.save(out)
    console = Console()
    for table in compact_tables(made.report):
        console.print(table)
    if json is not None:
        ensure_folder(json.parent)
        write_text(json, made.report.model_dump_json(indent=2) + "\n")
    plain = Console(soft_wrap=True, highlight=False)
    for note in made.notes:
        plain.print(note, markup=False)
    for path in (out, made.weights_path(out), json):
        if path is not None:
            plain.print(f"wrote {path}")
