"""What the sparse form does: ``python -m cdfi_bench.sparse_table`` measures and prints a table.

Weights of a registered network get unstructured zeros at random; each format writes them in both
forms, verified as always. Bytes, peak memory of a process that loads the file and computes a frame,
load time, and the median time of a frame, sparse and dense in turn in one process.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from cdfi_export.frame_size import FrameSize
from cdfi_export.options import ExportOptions
from cdfi_export.timing import time_artifact
from cdfi_runtime.apart import Send, run_apart
from cdfi_runtime.command import run_app
from cdfi_runtime.errors import CdfiError
from cdfi_runtime.memory import peak_bytes

from cdfi_bench.export_apart import export_apart

MIB = 2**20
app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@dataclass(frozen=True)
class Row:
    """Both forms of one network in one format; ``None`` where it was not measured.

    Attributes:
        density: Share of the convolutions' weights that is not zero.
        dense_bytes: Of the dense artifact.
        sparse_bytes: Of the sparse one.
        dense_peak: Bytes of memory, see the module.
        sparse_peak: The same of the sparse artifact.
        dense_load_s: Seconds to open the dense artifact.
        sparse_load_s: The same of the sparse one.
        ratio: Time of a frame with the sparse artifact to that with the dense one.
        reason: Why there is no sparse artifact, or no time.
    """

    format: str
    precision: str
    density: float
    dense_bytes: int
    sparse_bytes: int | None = None
    dense_peak: int | None = None
    sparse_peak: int | None = None
    dense_load_s: float | None = None
    sparse_load_s: float | None = None
    ratio: float | None = None
    reason: str | None = None


def pruned_weights(network: str, density: float, path: Path) -> None:
    """Write random weights of ``network``, a share ``density`` of the convolutions' not zero."""
    import torch
    from cdfi_model.checkpoints.weights import save_weights
    from cdfi_model.network import build_network
    from cdfi_model.spec import NETWORKS

    built = build_network(NETWORKS.get(network), seed=0)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in built.parameters():
            if parameter.dim() == 4:
                drawn = torch.rand(parameter.shape, generator=generator)
                parameter.masked_fill_(drawn >= density, 0.0)
    save_weights(path, built, form="sparse")


def measure(
    network: str,
    size: FrameSize,
    formats: Sequence[tuple[str, str]],
    densities: Sequence[float],
    folder: Path,
) -> Iterator[Row]:
    """A row for each format with its precision, and each density; artifacts lie in ``folder``."""
    for density in densities:
        weights = folder / f"{density:g}.safetensors"
        pruned_weights(network, density, weights)
        for format, precision in formats:
            yield _row(weights, size, format, precision, density)


def _row(weights: Path, size: FrameSize, format: str, precision: str, density: float) -> Row:
    out = weights.with_suffix("")
    asked = {"weights": weights, "sizes": (size,), "out": out, "format": format, "threads": 1}
    dense = export_apart(ExportOptions(**asked, precision=precision))  # type: ignore[arg-type]
    length = _bytes(dense)
    try:
        sparse = export_apart(ExportOptions(**asked, precision=precision, form="sparse"))  # type: ignore[arg-type]
    except CdfiError as error:
        return Row(format, precision, density, length, reason=error.problem)
    one, other = time_artifact(dense, None, 1), time_artifact(sparse, dense, 1)
    return Row(
        format,
        precision,
        density,
        length,
        _bytes(sparse),
        run_apart(_peak, dense),
        run_apart(_peak, sparse),
        one.load_s,
        other.load_s,
        other.ratio,
        other.reason,
    )


def _bytes(path: Path) -> int:
    from cdfi_runtime.files import artifact_bytes

    return artifact_bytes(path)


def _peak(_send: Send, path: Path) -> int | None:
    from cdfi_runtime.runtimes import open_artifact
    from cdfi_runtime.samples.pair import sample_pair

    session = open_artifact(path, threads=1)
    size = session.manifest.size
    session.run(*sample_pair(session.manifest, size.width or 1, size.height or 1))
    return peak_bytes()


@app.command()
def table(
    network: Annotated[str, typer.Option(help="A registered network.")] = "compressed_adacof",
    size: Annotated[str, typer.Option(metavar="WxH")] = "128x128",
    format: Annotated[
        list[str] | None, typer.Option(help="As NAME or NAME:PRECISION; may be repeated.")
    ] = None,
    density: Annotated[list[float] | None, typer.Option(min=0.0, max=1.0)] = None,
) -> None:
    """Print a row for each format and density as soon as it is measured."""
    asked = format or ["onnx", "onnx:float16", "ort", "litert", "litert:float16", "coreml"]
    formats = [
        (name, kind or "float32") for name, _, kind in (each.partition(":") for each in asked)
    ]
    typer.echo(
        "format            density  bytes dense    sparse  share  "
        "peak MiB dense  sparse  load s dense  sparse  frame time to dense"
    )
    with tempfile.TemporaryDirectory() as folder:
        rows = measure(
            network, FrameSize.parse(size), formats, density or [0.1, 0.25, 0.5], Path(folder)
        )
        for row in rows:
            typer.echo(_line(row))


def _line(row: Row) -> str:
    def text(value: float | None, width: int, places: int, unit: float = 1) -> str:
        return f"{'-' if value is None else f'{value / unit:.{places}f}':>{width}}"

    share = None if row.sparse_bytes is None else row.sparse_bytes / row.dense_bytes
    return "".join(
        (
            f"{row.format + ' ' + row.precision:<16}{row.density:>9g}{row.dense_bytes:>13}",
            text(row.sparse_bytes, 10, 0) + text(share, 7, 2),
            text(row.dense_peak, 16, 0, MIB) + text(row.sparse_peak, 8, 0, MIB),
            text(row.dense_load_s, 14, 3) + text(row.sparse_load_s, 8, 3) + text(row.ratio, 21, 2),
            f"  {row.reason}" if row.reason else "",
        )
    )


def main() -> None:
    """Entry point of ``python -m cdfi_bench.sparse_table``."""
    run_app(app)


if __name__ == "__main__":
    main()
