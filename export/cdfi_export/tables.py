"""Tables for the terminal: what was exported, and what can be."""

from __future__ import annotations

from collections.abc import Sequence

from cdfi_model.spec import NETWORKS
from cdfi_model.warp import WARPS
from cdfi_runtime.manifest import Manifest
from rich.table import Table

from cdfi_export.describe import TYPICAL_SIZE
from cdfi_export.format_spec import FORMATS
from cdfi_export.pipeline import ExportOutcome

MEGA, GIGA = 1e6, 1e9


def outcome_table(outcomes: Sequence[ExportOutcome]) -> Table:
    """One row for each artifact: size, cost, warp, difference to torch and verdict."""
    table = Table(
        title="Exported artifacts",
        caption=f"GMAC of a dynamic graph: at {TYPICAL_SIZE}; PSNR and max abs: before rounding, "
        "against torch, the worst pair",
    )
    table.add_column("artifact", overflow="fold")
    for heading in ("MB", "M params", "GMAC"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("warp", no_wrap=True)
    for heading in ("PSNR dB", "max abs"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    for outcome in outcomes:
        cells = ["-"] * 6 if outcome.manifest is None else _cells(outcome.manifest)
        verdict = "[green]pass[/]" if outcome.error is None else "[red]fail[/]"
        name = outcome.name if outcome.file is None else outcome.file.name
        table.add_row(name, *cells, verdict)
    return table


def _cells(manifest: Manifest) -> list[str]:
    network = manifest.network
    measured = ["-", "-"]
    if manifest.parity:
        finite = [item.psnr_db for item in manifest.parity if item.psnr_db is not None]
        measured = [
            f"{min(finite):.1f}" if finite else "same",
            f"{max(item.max_abs for item in manifest.parity):.1e}",
        ]
    return [
        f"{manifest.artifact.bytes / MEGA:.2f}",
        f"{network.parameters / MEGA:.2f}",
        "-" if network.macs is None else f"{network.macs / GIGA:.1f}",
        manifest.warp.formulation,
        *measured,
    ]


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
