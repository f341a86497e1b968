"""The table of ``cdfi-bench fused``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cdfi_bench.fused_artifacts import CUT, EAGER, FUSED, INT8, PORTABLE

if TYPE_CHECKING:
    from rich.table import Table

    from cdfi_bench.fused_report import FusedReport, FusedRow

_NONE = "-"


def fused_table(report: FusedReport) -> Table:
    """One row a network: seconds, ratios to the fused frame, memory, verdict."""
    from rich.table import Table

    title = f"fused warp, {report.clock}, {report.threads} thread(s), medians in seconds"
    table = Table(title=title)
    table.add_column("network")
    for heading in ("size", "fused s", "/ cut", "conv GMAC", "/ sgemm bound (GFLOP/s)"):
        table.add_column(heading, justify="right", overflow="fold")
    for heading in ("eager", "portable", "int8", "peak MB"):
        table.add_column(heading, justify="right", overflow="fold")
    table.add_column("verdict", overflow="fold")
    for row in report.rows:
        table.add_row(*_cells(row))
    return table


def _cells(row: FusedRow) -> list[str]:
    fused, cut = row.frames[FUSED], row.frames.get(CUT)
    compared = _NONE if cut is None else f"{row.fused_to_cut:.3f} ({cut.median_s:.3f})"
    bounds = [
        f"{product.frame_to_bound:.2f} {library} ({product.gflops:.0f})"
        for library, product in sorted(
            row.products.items(), key=lambda item: -item[1].frame_to_bound
        )
    ]
    reason = f": {row.verdict.reason}" if row.verdict.status == "fail" else ""
    return [
        row.network,
        f"{row.width}x{row.height}",
        f"{fused.median_s:.3f}",
        compared,
        f"{row.conv_macs / 1e9:.1f}",
        "\n".join(bounds) or _NONE,
        *(_times(row, name) for name in (EAGER, PORTABLE, INT8)),
        "\n".join(_memory(row)) or _NONE,
        row.verdict.status + reason,
    ]


def _times(row: FusedRow, variant: str) -> str:
    """A variant as a multiple of the fused frame, its seconds, its warp formulation."""
    series = row.frames.get(variant)
    if series is None:
        return _NONE
    return f"{series.to_fused:.2f}x ({series.median_s:.3f}, {series.warp})"


def _memory(row: FusedRow) -> list[str]:
    return [
        f"{variant} {_NONE if item.peak_bytes is None else f'{item.peak_bytes / 1e6:.0f}'} "
        f"at {item.width}x{item.height}"
        for variant, item in row.memory.items()
    ]
