"""The command ``cdfi-bench compression``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def compression(
    folder: Annotated[Path, typer.Argument(help="The 'out' folder of a cdfi-model compress.")],
    data: Annotated[
        Path | None, typer.Option(help="Folder of image sets with true frames; none: no quality.")
    ] = None,
    pairs: Annotated[int | None, typer.Option(min=1, help="First N pairs of each set.")] = None,
    threads: Annotated[int, typer.Option(min=1, help="CPU threads.")] = 1,
    out: Annotated[Path, typer.Option(help="Folder for the report and the artifacts.")] = Path(
        "reports/compression"
    ),
) -> None:
    """Export every stage of a compression and put size, cost, time and quality side by side.

    The pruned stage is written in its sparse form too. Time is a ratio to the baseline, frame by
    frame in turn.
    """
    from cdfi_model.data.image_sets import find_image_sets
    from rich.console import Console

    from cdfi_bench.compression import CompressionRequest, measure_compression
    from cdfi_bench.pairs import first_pairs
    from cdfi_bench.quality import with_truth

    sets = with_truth(first_pairs(find_image_sets(data), pairs)) if data is not None else []
    request = CompressionRequest(folder, sets, threads, out / "artifacts")
    with Console(stderr=True).status("measuring") as status:
        report = measure_compression(request, tell=lambda stage: status.update(f"{stage} ..."))
    report.write(out)
    console = Console(soft_wrap=True)
    for line in report.markdown():
        console.print(line, markup=False, highlight=False)
    console.print(f"wrote {out}", markup=False, highlight=False)
