"""Tables for the terminal: what was exported, and what can be."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

from cdfi_model.spec import NETWORKS
from cdfi_model.warp import WARPS
from cdfi_runtime.errors import CdfiError
from cdfi_runtime.manifest import Manifest, read_manifest
from rich.markup import escape
from rich.table import Table

from cdfi_export.format_spec import FORMATS
from cdfi_export.ledger import ExportRow, Speed

MEGA, GIGA = 1e6, 1e9


def export_table(rows: Sequence[ExportRow], found: Collection[str], folder: Path) -> Table:
    """One row for each artifact: size, warp, difference to torch, speed and verdict.

    Args:
        rows: What became of each.
        found: Files that lay there already, made from the same recipe.
        folder: Where they lie; their manifests name network and warp.
    """
    timed = any(row.speed is not None for row in rows)
    table = Table(title="Exported artifacts", caption=_caption(rows, folder, timed))
    table.add_column("artifact", overflow="fold")
    table.add_column("MB", justify="right", no_wrap=True)
    table.add_column("warp", no_wrap=True)
    headings = ["PSNR dB", "max abs", "lost dB"] + (["load ms", "ms", "x ONNX"] if timed else [])
    for heading in headings:
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("verdict", overflow="fold")
    for row in rows:
        cells = [_number(row.bytes, ".2f", 1 / MEGA), _warp(row, folder)]
        psnr = "same" if row.psnr_db is None and row.max_abs == 0 else _number(row.psnr_db, ".1f")
        cells += [psnr, _number(row.max_abs, ".1e"), _number(row.lost_db, "z.3f")]
        if timed:
            speed = row.speed or Speed(threads=0)
            cells += [_number(speed.load_s, ".0f", 1e3), _number(speed.frame_s, ".0f", 1e3)]
            cells += [_number(speed.ratio, ".2f")]
        table.add_row(row.artifact, *cells, _verdict(row, row.file in found))
    return table


def _caption(rows: Sequence[ExportRow], folder: Path, timed: bool) -> str:
    lines = []
    manifests = (_manifest(row, folder) for row in rows)
    for manifest in (item for item in manifests if item is not None):
        network = manifest.network
        size = "x".join(map(str, network.macs_size or ()))
        macs = "" if network.macs is None else f", {network.macs / GIGA:.1f} GMAC at {size}"
        lines.append(f"{network.name}: {network.parameters / MEGA:.2f} M parameters{macs}.")
        break
    lines.append("PSNR and max abs: before rounding, against torch, the worst pair.")
    lines.append("Lost: PSNR against the true frames, 8-bit, the worst set's mean.")
    if timed:
        threads = next(row.speed.threads for row in rows if row.speed is not None)
        lines.append(
            f"Medians on {threads} thread(s) here; the ratio is to float32 ONNX, measured in turn."
        )
        reasons = {row.speed.reason for row in rows if row.speed and row.speed.reason}
        lines += [f"No time or ratio: {reason}." for reason in sorted(reasons)]
    return "\n".join(lines)


def _manifest(row: ExportRow, folder: Path) -> Manifest | None:
    if row.sha256 is None:
        return None
    try:
        return read_manifest(folder / row.artifact)
    except CdfiError:  # removed since
        return None


def _warp(row: ExportRow, folder: Path) -> str:
    manifest = _manifest(row, folder)
    return "-" if manifest is None else manifest.warp.formulation


def _number(value: float | None, form: str, scale: float = 1.0) -> str:
    return "-" if value is None else format(value * scale, form)


def _verdict(row: ExportRow, found: bool) -> str:
    if row.failure is None:
        return "[green]pass[/]" + (", unchanged" if found else "")
    if row.verdict == "skip":
        return f"[yellow]skip[/]: {escape(row.failure.fix or row.failure.problem)}"
    return f"[red]{row.verdict}[/]: {escape(row.failure.problem)}"


def known_names() -> list[Table]:
    """Formats, networks and warp formulations, one table each."""
    formats = Table("format", "suffix", "precisions", "opsets", "summary", title="Formats")
    for form in FORMATS.all():
        opsets = "-" if form.opsets is None else f"{form.opsets[0]}-{form.opsets[2]}"
        formats.add_row(form.name, form.suffix, ", ".join(form.precisions), opsets, form.summary)
    networks = Table("network", "taps", "sampling", "summary", title="Networks")
    for network in NETWORKS.all():
        taps = f"{network.warp.taps}x{network.warp.taps}, dilation {network.warp.dilation}"
        networks.add_row(network.name, taps, network.warp.sampling, network.summary)
    warps = Table("warp", "samplings", "opset from", "summary", title="Warp formulations")
    for warp in WARPS.all():
        warps.add_row(warp.name, ", ".join(warp.samplings), str(warp.min_opset), warp.summary)
    return [formats, networks, warps]
