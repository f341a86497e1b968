"""Scenes made to fail: what a model card shows under known failures.

``python -m cdfi_bench.stress out.jpg [--model ARTIFACT]`` draws them: frame 0, the computed middle,
the true middle, one scene a row, with the PSNR of each.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from cdfi_runtime.command import run_app
from numpy.typing import NDArray

Frame = NDArray[np.uint8]
HEIGHT, WIDTH = 192, 320
_GAP = 4

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


def stress_scenes() -> Iterator[tuple[str, Frame, Frame, Frame]]:
    """Name, frame 0, true middle and frame 2 of each scene, ``(HEIGHT, WIDTH, 3)``.

    All are made of the runtime's sample frame, which is CC0: a small disc that flies 72 pixels,
    thin bars that jump by almost their distance, and a pan of 96 pixels.
    """
    from cdfi_runtime.images import read_image
    from cdfi_runtime.samples import sample_triplet

    city = read_image(sample_triplet()[1])
    still = city[32 : 32 + HEIGHT, 32 : 32 + WIDTH]
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH]

    def disc(x: float) -> Frame:
        inside = (rows - 96) ** 2 + (columns - x) ** 2 < 10**2
        return np.where(inside[..., None], np.array((230, 60, 40), np.uint8), still)

    def bars(shift: float) -> Frame:
        dark = (columns - shift) % 24 < 3
        return np.where(dark[..., None], np.array((20, 20, 25), np.uint8), still)

    def pan(x: int) -> Frame:
        return city[32 : 32 + HEIGHT, x : x + WIDTH]

    yield "a disc of 20 pixels flies 72", disc(100), disc(136), disc(172)
    yield "bars of 3 pixels, 24 apart, move by 20", bars(0), bars(10), bars(20)
    yield "a pan of 96 pixels", pan(112), pan(64), pan(16)


@app.command()
def draw(
    out: Annotated[Path, typer.Argument(help="Picture to write.")],
    model: Annotated[
        Path | None, typer.Option(help="Artifact; the embedded one if left out.")
    ] = None,
) -> None:
    """Draw the scenes and print their PSNR."""
    from cdfi_runtime.images import write_image
    from cdfi_runtime.interpolator import Interpolator
    from cdfi_runtime.metrics import psnr

    interpolator = Interpolator.load(model)
    strips = []
    for name, frame0, truth, frame2 in stress_scenes():
        middle = interpolator.interpolate(frame0, frame2)
        typer.echo(f"{name}: {psnr(middle, truth, data_range=255):.2f} dB")
        gap = np.full((HEIGHT, _GAP, 3), 255, np.uint8)
        strips.append(np.concatenate((frame0, gap, middle, gap, truth), 1))
        strips.append(np.full((_GAP, strips[0].shape[1], 3), 255, np.uint8))
    write_image(out, np.concatenate(strips[:-1], 0))


if __name__ == "__main__":
    run_app(app)
