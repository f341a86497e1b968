"""The layer table on a terminal, and its bar chart."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from cdfi_runtime.errors import InputError, MissingDependencyError
from cdfi_runtime.files import atomic_path, ensure_folder
from rich.table import Table
from rich.text import Text

from cdfi_model.pruning.density_report import DensityReport, LayerDensity

CHARTS = (".svg", ".png", ".pdf")


def density_table(report: DensityReport) -> Table:
    """One row for each layer, and the totals."""
    width, height = report.size
    table = Table(
        title=f"{report.source}: density of the layers of {report.network}",
        caption=f"MACs of one {width}x{height} frame; In' and Out': int(sqrt(density) x channels)",
        show_footer=True,
    )
    named = any(layer.published for layer in report.layers)
    totals = {
        "layer": "all",
        "published": "",
        "density": f"{report.density:.3f}",
        **dict.fromkeys(("In", "Out", "In'", "Out'"), ""),
        "MMAC": f"{report.macs / 1e6:,.1f}",
        "MACs": "100.0%",
        "KB": f"{report.bytes / 1e3:,.1f}",
        "bytes": "100.0%",
    }
    for heading, total in totals.items():
        left = heading in ("layer", "published")
        if heading == "published" and not named:
            continue
        table.add_column(
            heading,
            Text(total),
            justify="left" if left else "right",
            no_wrap=not left,
            overflow="fold",
            min_width=10 if left else None,
        )
    for layer in report.layers:
        name, published, *figures = _cells(layer)
        table.add_row(*map(Text, [name, *([published] if named else []), *figures]))
    shared = sum(layer.shared_with is not None for layer in report.layers)
    if shared:
        table.caption = f"{table.caption}; {shared} layers share weights, which count once"
    return table


def _cells(layer: LayerDensity) -> tuple[str, ...]:
    name = f"{layer.name} (shares {layer.shared_with})" if layer.shared_with else layer.name
    channels = (layer.inputs, layer.outputs, layer.inputs_kept, layer.outputs_kept)
    return (
        name,
        layer.published or "-",
        f"{layer.density:.3f}",
        *map(str, channels),
        f"{layer.macs / 1e6:,.1f}",
        f"{layer.macs_share:.1%}",
        f"{layer.bytes / 1e3:,.1f}",
        f"{layer.bytes_share:.1%}",
    )


def write_chart(path: Path, report: DensityReport) -> None:
    """Draw densities and shares as bars into ``path``, in the format of its suffix.

    Raises:
        InputError: a suffix that stands for no picture.
        MissingDependencyError: matplotlib is not installed.
        OutputError: the file cannot be written.
    """
    if path.suffix not in CHARTS:
        raise InputError(
            "a chart is a picture", expected=f"a name ending in {', '.join(CHARTS)}", got=path.name
        )
    try:
        pictures = import_module("matplotlib.figure")
    except ImportError as error:
        raise MissingDependencyError("matplotlib", extra="bench", needed_for="--chart") from error
    names = [layer.published or layer.name for layer in report.layers]
    rows = range(len(names))
    figure = pictures.Figure(figsize=(10, 1.5 + 0.2 * len(names)), layout="constrained")
    density, share = figure.subplots(1, 2, sharey=True)
    density.barh(rows, [layer.density for layer in report.layers], color="#33658a")
    density.set(title=f"density (all: {report.density:.3f})", xlim=(0, 1))
    density.set_yticks(rows, names, fontsize=7)
    density.invert_yaxis()  # the frame enters at the top
    for values, label, offset in (
        ([layer.macs_share for layer in report.layers], "MACs", -0.2),
        ([layer.bytes_share for layer in report.layers], "bytes", 0.2),
    ):
        share.barh([row + offset for row in rows], [100 * v for v in values], 0.4, label=label)
    share.set(title="share of the network in %")
    share.legend()
    figure.suptitle(f"{report.source}: {report.network}")
    ensure_folder(path.parent)
    with atomic_path(path) as temporary:
        # Without a date the same report draws the same file.
        metadata = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}}.get(path.suffix)
        figure.savefig(temporary, dpi=120, metadata=metadata)
