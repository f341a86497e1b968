"""The command ``cdfi-bench profile``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.table import Table

    from cdfi_bench.profile import NodeTime, Profile


def profile(
    artifact: Annotated[Path, typer.Argument(help="An .onnx or .ort artifact.")],
    size: Annotated[str, typer.Option(metavar="WxH", help="Frame size.")] = "448x256",
    runs: Annotated[int, typer.Option(min=1, help="Measured runs; a node's median counts.")] = 7,
    threads: Annotated[int, typer.Option(min=1, help="CPU threads.")] = 1,
    nodes: Annotated[int, typer.Option(min=0, help="Rows for the slowest single nodes.")] = 10,
    out: Annotated[
        Path | None, typer.Option(help="JSON file for every node; its folder is made if needed.")
    ] = None,
) -> None:
    """Show which operators take an ONNX artifact's time, and what its convolutions reach."""
    from cdfi_export.frame_size import FrameSize
    from cdfi_runtime.files import ensure_folder

    from cdfi_bench.console import report_console
    from cdfi_bench.profile import profile_artifact

    wanted = FrameSize.parse(size)
    if out is not None:
        ensure_folder(out.absolute().parent)
    found = profile_artifact(artifact, (wanted.width, wanted.height), runs=runs, threads=threads)
    console = report_console()
    console.print(_operators(found))
    if nodes:
        console.print(_slowest(found, nodes))
    if out is not None:
        out.write_text(found.to_json() + "\n", encoding="utf-8")
        console.print(f"wrote {out}", highlight=False, markup=False)


def _operators(found: Profile) -> Table:
    table = _table(f"{found.artifact}, {found.width}x{found.height}: by operator", "operator")
    table.add_column("nodes", justify="right")
    for operator, nodes in found.operators().items():
        table.add_row(operator, *_cells(nodes, found.seconds), str(len(nodes)))
    table.add_section()
    table.add_row("all", *_cells(found.nodes, found.seconds), str(len(found.nodes)))
    return table


def _slowest(found: Profile, count: int) -> Table:
    table = _table("Slowest nodes", "operator")
    for heading in ("inputs", "output"):
        table.add_column(heading)
    for node in found.nodes[:count]:
        inputs = ", ".join(_shape(shape) for shape in node.inputs[:2])
        table.add_row(node.operator, *_cells((node,), found.seconds), inputs, _shape(node.output))
    return table


def _table(title: str, first: str) -> Table:
    from rich.table import Table

    table = Table(title=title)
    table.add_column(first)
    for heading in ("ms", "%", "GMAC", "GFLOP/s"):
        table.add_column(heading, justify="right")
    return table


def _cells(nodes: tuple[NodeTime, ...], total: float) -> tuple[str, str, str, str]:
    """Milliseconds, share, work and rate; the rate is that of the convolutions among them."""
    seconds = sum(node.seconds for node in nodes)
    counted = [node for node in nodes if node.macs]
    macs, counted_s = sum(n.macs for n in counted), sum(n.seconds for n in counted)
    share = 100 * seconds / total if total else 0.0
    rate = f"{2e-9 * macs / counted_s:.0f}" if counted_s else "-"
    return f"{1e3 * seconds:.1f}", f"{share:.1f}", f"{1e-9 * macs:.2f}" if macs else "-", rate


def _shape(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape))
