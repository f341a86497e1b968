"""``cdfi-model networks``."""

from __future__ import annotations

GIGA = 1e9
WIDTH, HEIGHT = 448, 256


def networks() -> None:
    """List the registered networks with their size and cost."""
    from rich.console import Console
    from rich.progress import track
    from rich.table import Table

    from cdfi_model.cost import count_macs
    from cdfi_model.network import build_network
    from cdfi_model.spec import NETWORKS

    console = Console()
    table = Table(title=f"Networks (GMAC: of one {WIDTH}x{HEIGHT} frame)")
    for heading in ("network", "kind"):
        table.add_column(heading, overflow="fold")
    for heading in ("parameters", "GMAC", "taps"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("sampling", no_wrap=True)
    progress = Console(stderr=True)
    for spec in track(NETWORKS.all(), "counting", console=progress, transient=True):
        network = build_network(spec, seed=0)
        warp = spec.warp
        table.add_row(
            spec.name,
            spec.kind,
            f"{network.count_parameters():,}",
            f"{count_macs(network, HEIGHT, WIDTH) / GIGA:.1f}",
            f"{warp.taps}x{warp.taps} d{warp.dilation}",
            warp.sampling,
        )
    console.print(table)
