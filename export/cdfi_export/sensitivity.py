"""``python -m cdfi_export.sensitivity``: what each layer costs when it alone is 8-bit integers.

The figures decide which layers the exports keep in floating point (:mod:`cdfi_export.sensitive`).
They are measured in torch, with the rounding that the int8 exports have, so they hold for every
format.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer
from cdfi_runtime.command import run_app
from cdfi_runtime.errors import InputError
from cdfi_runtime.files import write_text
from rich.console import Console
from rich.progress import Progress

if TYPE_CHECKING:
    from cdfi_model.data.image_sets import ImageSet
    from cdfi_model.network import InterpolationNetwork
    from numpy.typing import NDArray

    from cdfi_export.format_spec import FramePair
    from cdfi_export.frame_size import FrameSize

    Truth = NDArray[np.uint8]
    Case = tuple[FramePair, Truth]

DECIMALS = 4

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@dataclass(frozen=True)
class LayerLoss:
    """``lost_db``: PSNR lost against the true frames, mean over images; below 0 it is a gain."""

    layer: str
    lost_db: float


def cases(image_set: ImageSet, size: FrameSize, count: int | None) -> list[Case]:
    """Frames ``(1, 3, H, W)`` in [0, 1] with the true middle ``(H, W, 3)``, cut at the centre.

    Args:
        image_set: Triplets; those without a true frame are left out.
        size: At most so large.
        count: At most so many.

    Raises:
        InputError: no triplet has a true frame, or one cannot be read.
    """
    from cdfi_runtime.frames import to_network
    from cdfi_runtime.images import read_image
    from cdfi_runtime.manifest import SizeInfo
    from cdfi_runtime.padding import centre_cut

    graph = SizeInfo(dynamic=False, width=size.width, height=size.height)
    found: list[Case] = []
    for triplet in image_set.triplets:
        if triplet.truth is None or len(found) == count:
            continue
        truth = read_image(triplet.truth)
        cut = centre_cut(graph, *truth.shape[:2])
        first, last = (to_network(read_image(p)[cut]) for p in (triplet.frame0, triplet.frame2))
        found.append(((first, last), truth[cut]))
    if not found:
        raise InputError(
            f"{image_set.name} has no true middle frames",
            expected="triplets with the true frame",
            fix="choose another --data",
        )
    return found


def layer_losses(
    network: InterpolationNetwork,
    calibration: Sequence[FramePair],
    measured_on: Sequence[Case],
) -> Iterator[LayerLoss]:
    """The loss of each convolution alone, in the network's order.

    Args:
        network: float32.
        calibration: Pairs ``(1, H, W, 3)`` for the ranges of activations.
        measured_on: From :func:`cases`.
    """
    import torch

    from cdfi_export.integer_layers import as_integers, convolutions, observe

    network.eval()
    planes = [
        (torch.from_numpy(a).permute(0, 3, 1, 2), torch.from_numpy(b).permute(0, 3, 1, 2))
        for a, b in calibration
    ]
    ranges = observe(network, planes)
    exact = quality(network, measured_on)
    for layer in convolutions(network):
        with as_integers(network, [layer], ranges):
            yield LayerLoss(layer, exact - quality(network, measured_on))


def quality(network: InterpolationNetwork, measured_on: Sequence[Case]) -> float:
    """Mean PSNR in dB against the true frames, 8-bit."""
    from cdfi_model.torch_runtime import TorchSession
    from cdfi_runtime.metrics import psnr, to_8bit
    from cdfi_runtime.middle import raw_middle

    session = TorchSession(network)
    values = []
    for pair, truth in measured_on:
        middle = np.ascontiguousarray(raw_middle(session, *pair)[0].transpose(1, 2, 0))
        values.append(psnr(to_8bit(middle), truth, data_range=255))
    return float(np.mean(values))


def record(
    table: Path,
    network: str,
    weights_sha256: str,
    image_set: str,
    pairs: int,
    losses: Sequence[LayerLoss],
) -> None:
    """Put the losses of a network into ``table`` (JSON), in place of its former ones."""
    known: dict[str, Any] = json.loads(table.read_text("utf-8")) if table.exists() else {}
    known[network] = {
        "weights_sha256": weights_sha256,
        "image_set": image_set,
        "pairs": pairs,
        "lost_db": {item.layer: round(item.lost_db, DECIMALS) for item in losses},
    }
    write_text(table, json.dumps(known, indent=2, sort_keys=True) + "\n")


@app.command()
def sensitivity(
    data: Annotated[Path, typer.Option(help="Folder of image sets with true middle frames.")],
    weights: Annotated[
        Path | None, typer.Option(help="Weights file; the shipped ones if left out.")
    ] = None,
    calibration: Annotated[
        Path | None, typer.Option(help="Image sets or a video for the ranges.")
    ] = None,
    size: Annotated[str, typer.Option(help="Frames are cut to this size.")] = "448x256",
    pairs: Annotated[int | None, typer.Option(min=1, help="First N pairs.")] = None,
    write: Annotated[
        Path | None, typer.Option(help="Also put the figures into this JSON table.")
    ] = None,
) -> None:
    """Rank a network's layers by the dB that they lose as 8-bit integers."""
    from cdfi_model.data.image_sets import find_image_sets
    from cdfi_model.warp.auto import choose_formulation

    from cdfi_export.calibration import calibration_pairs
    from cdfi_export.frame_size import FrameSize
    from cdfi_export.integer_layers import convolutions
    from cdfi_export.source import load_source

    source, limit = load_source(None, weights, None), FrameSize.parse(size)
    spec = source.network.spec
    source.network.formulation = choose_formulation(
        spec, target="torch-cpu", width=limit.width, height=limit.height, opset=None
    ).name
    padded = limit.padded(spec.multiple)
    ranges_from = calibration_pairs(calibration, padded, count=8)
    first = find_image_sets(data)[0]
    measured_on = cases(first, limit, pairs)
    layers = convolutions(source.network)
    with Progress(*Progress.get_default_columns(), console=Console(stderr=True)) as progress:
        measured = layer_losses(source.network, ranges_from, measured_on)
        losses = list(progress.track(measured, total=len(layers), description="layers"))
    for item in sorted(losses, key=lambda item: -item.lost_db):
        typer.echo(f"{item.lost_db:8.4f} dB  {item.layer}")
    if write is not None:
        record(write, spec.name, source.weights_sha256, first.name, len(measured_on), losses)


if __name__ == "__main__":
    run_app(app)
