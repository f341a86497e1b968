"""A small real network and one run of the pipeline that several tests look at."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from cdfi_export.frame_size import FrameSize
from cdfi_export.options import ExportOptions
from cdfi_export.pipeline import ExportOutcome, export_all
from cdfi_model.checkpoints.weights import save_weights
from cdfi_model.network import InterpolationNetwork, build_network
from cdfi_model.pyramid_spec import PyramidSpec
from cdfi_model.spec import Offsets, WarpSpec
from cdfi_runtime.manifest import Manifest
from cdfi_runtime.middle import raw_middle
from cdfi_runtime.runtimes import choose_runtime


class Recorder:
    """An observer that keeps what it was told."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.steps: list[str] = []
        self.ended = 0

    def note(self, text: str) -> None:
        self.notes.append(text)

    def start(self, artifact: str, steps: int) -> None:
        self.steps.append(f"start {artifact} {steps}")

    def step(self, text: str) -> None:
        self.steps.append(text)

    def end(self) -> None:
        self.ended += 1


def tiny_network(taps: int = 1, offsets: Offsets = "per_tap") -> InterpolationNetwork:
    """Two levels, few taps: traced in seconds, yet with every kind of layer of its family."""
    spec = PyramidSpec(
        name="tiny",
        summary="for tests",
        warp=WarpSpec(taps=taps, dilation=1, sampling="bilinear", offsets=offsets),
        multiple=4,
        features=(4, 4),
        decoders=(4, 4),
        search=(0, 1),
        decoder_depth=1,
    )
    network = build_network(spec, seed=1).eval()
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():  # its heads start at zero, where every offset would be the same
        for parameter in network.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=generator) * 0.1)
    return network


@dataclass(frozen=True)
class Run:
    """One run of the pipeline."""

    weights: Path
    out: Path
    outcomes: list[ExportOutcome]
    observer: Recorder


@pytest.fixture(scope="session")
def tiny_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "tiny.safetensors"
    save_weights(path, tiny_network(), info={"license": "CC0-1.0"})
    return path


@pytest.fixture(scope="session")
def tiny_run(tiny_weights: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    out = tmp_path_factory.mktemp("run") / "artifacts"
    observer = Recorder()
    options = ExportOptions(
        weights=tiny_weights, sizes=(FrameSize(62, 64),), dynamic=True, out=out, threads=1
    )
    yield Run(tiny_weights, out, export_all(options, observer), observer)


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture(scope="session")
def tiny_taps_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with 3 x 3 taps, so that no formulation is trivial."""
    path = tmp_path_factory.mktemp("weights") / "tiny_taps.safetensors"
    save_weights(path, tiny_network(taps=3))
    return path


@pytest.fixture(scope="session")
def tiny_shared_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with 3 x 3 taps that share their offset, as ``cdfi_mobile`` has."""
    path = tmp_path_factory.mktemp("weights") / "tiny_shared.safetensors"
    save_weights(path, tiny_network(taps=3, offsets="shared"))
    return path


@pytest.fixture(scope="session")
def pruned_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Most are zero, and one layer's throughout; wide enough that they are most of a file."""
    spec = PyramidSpec(
        name="pruned",
        summary="for tests",
        warp=WarpSpec(taps=1, dilation=1, sampling="bilinear", offsets="per_tap"),
        multiple=4,
        features=(16, 24),
        decoders=(16, 24),
        search=(0, 1),
        decoder_depth=1,
    )
    network = build_network(spec, seed=1).eval()
    generator = torch.Generator().manual_seed(2)
    weights = [item for item in network.parameters() if item.dim() == 4]
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=generator) * 0.1)
        for weight in weights:
            weight.masked_fill_(torch.rand(weight.shape, generator=generator) >= 0.12, 0.0)
        weights[1].zero_()
    path = tmp_path_factory.mktemp("weights") / "pruned.safetensors"
    save_weights(path, network, form="sparse")
    return path


@dataclass(frozen=True)
class Forms:
    """Files and manifests of both forms, and the frames that they gave for the same pair."""

    files: tuple[Path, Path]
    dense: Manifest
    sparse: Manifest
    frames: tuple[Any, Any]


@pytest.fixture
def export_forms(pruned_weights: Path, tmp_path: Path) -> Callable[..., Forms]:
    """Exports the dense and the sparse form at 64x64, which verifies them, and runs both."""

    def export(**options: Any) -> Forms:
        files, manifests, frames = [], [], []
        noise = np.random.default_rng(7).random((2, 1, 3, 64, 64), np.float32)
        common = {"weights": pruned_weights, "sizes": (FrameSize(64, 64),), "threads": 1, **options}
        for form in ("dense", "sparse"):
            asked = ExportOptions(out=tmp_path / form, form=form, **common)
            (outcome,) = export_all(asked, Recorder())
            if outcome.error is not None:
                raise outcome.error
            assert outcome.file is not None
            assert outcome.manifest is not None
            assert [item.verdict for item in outcome.manifest.parity] == ["pass"]
            session = choose_runtime(outcome.file).spec.open(outcome.file, 1, "auto")
            files.append(outcome.file)
            manifests.append(outcome.manifest)
            frames.append(raw_middle(session, *noise))
        return Forms((files[0], files[1]), manifests[0], manifests[1], (frames[0], frames[1]))

    return export
