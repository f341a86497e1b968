"""LPIPS against the network written out as modules, and weights files of every kind.

The weights are random: the published ones are not ours to ship. With the same random backbone and
the published linear layers, the measure agreed with the package lpips 0.1.4 to 1e-7.
"""

from __future__ import annotations

import os
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from cdfi_bench.cli import app
from cdfi_bench.lpips import LEAST, load_lpips
from cdfi_bench.report import Report
from cdfi_bench.scores import LPIPS_TOO_SMALL, NO_LPIPS, frame_quality, mean_quality
from cdfi_runtime.command import run_app
from cdfi_runtime.errors import ArtifactError, InputError
from safetensors.torch import save_file
from torch import Tensor, nn

SLICES = (0, 2, 5, 8, 10, 11, 12, 13)  # as the LPIPS package cuts torchvision's features


class Fire(nn.Module):
    def __init__(self, wide: int, squeeze: int, expand: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(wide, squeeze, 1)
        self.expand1x1 = nn.Conv2d(squeeze, expand, 1)
        self.expand3x3 = nn.Conv2d(squeeze, expand, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.squeeze(x).relu()
        return torch.cat((self.expand1x1(x).relu(), self.expand3x3(x).relu()), 1)


def pool() -> nn.Module:
    return nn.MaxPool2d(3, 2, ceil_mode=True)


def backbone() -> nn.Sequential:
    torch.manual_seed(2)
    fires = [Fire(64, 16, 64), Fire(128, 16, 64), pool(), Fire(128, 32, 128), Fire(256, 32, 128)]
    fires += [pool(), Fire(256, 48, 192), Fire(384, 48, 192), Fire(384, 64, 256)]
    fires += [Fire(512, 64, 256)]
    return nn.Sequential(nn.Conv2d(3, 64, 3, 2), nn.ReLU(), pool(), *fires)


@pytest.fixture(scope="module")
def states() -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    features = {f"features.{key}": value for key, value in backbone().state_dict().items()}
    generator = torch.Generator().manual_seed(3)
    widths = (64, 128, 256, 384, 384, 512, 512)
    linear = {
        f"lin{i}.model.1.weight": torch.rand(1, width, 1, 1, generator=generator)
        for i, width in enumerate(widths)
    }
    return features | {"classifier.1.weight": torch.zeros(1)}, linear


@pytest.fixture
def weights(tmp_path: Path, states: tuple[dict[str, Tensor], dict[str, Tensor]]) -> list[Path]:
    paths = [tmp_path / "squeezenet1_1.pth", tmp_path / "squeeze.pth"]
    for path, state in zip(paths, states, strict=True):
        torch.save(state, path)
    return paths


def frames(height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(4)
    a = random.integers(0, 256, (height, width, 3)).astype(np.uint8)
    return a, np.roll(a, 2, 1)


def by_definition(a: np.ndarray, b: np.ndarray, linear: dict[str, Tensor]) -> float:
    shift, scale = torch.tensor([-0.030, -0.088, -0.188]), torch.tensor([0.458, 0.448, 0.450])
    maps = []
    for frame in (a, b):
        x = ((torch.from_numpy(frame).float() / 255 * 2 - 1 - shift) / scale).permute(2, 0, 1)[None]
        network, found = backbone(), []
        for start, end in pairwise(SLICES):
            x = network[start:end](x)
            found.append(x / (x.norm(dim=1, keepdim=True) + 1e-10))
        maps.append(found)
    total = 0.0
    for i, (one, other) in enumerate(zip(*maps, strict=True)):
        weight = linear[f"lin{i}.model.1.weight"]
        total += torch.nn.functional.conv2d((one - other) ** 2, weight).mean().item()
    return total


@pytest.mark.parametrize("size", [(32, 32), (33, 47), (64, 90)])
def test_measure_is_the_definition(
    size: tuple[int, int],
    weights: list[Path],
    states: tuple[dict[str, Tensor], dict[str, Tensor]],
) -> None:
    a, b = frames(*size)
    lpips = load_lpips(weights)
    with torch.inference_mode():
        expected = by_definition(a, b, states[1])
    assert expected > 1e-3
    assert lpips(a, b) == pytest.approx(expected, rel=1e-5)
    assert lpips(a, a) == 0


def test_one_file_with_the_whole_state_is_the_same(
    tmp_path: Path, weights: list[Path], states: tuple[dict[str, Tensor], dict[str, Tensor]]
) -> None:
    whole = dict(states[1])
    for key, value in states[0].items():
        if key.startswith("features"):
            whole["net.slice1." + key.removeprefix("features.")] = value
    path = tmp_path / "whole.safetensors"
    save_file(whole, path)
    a, b = frames(40, 40)
    assert load_lpips([path])(a, b) == load_lpips(weights)(a, b)


def test_half_of_the_weights_is_refused_by_name(weights: list[Path]) -> None:
    with pytest.raises(ArtifactError, match=r"missing: lin0, lin1, lin2 and 4 more"):
        load_lpips(weights[:1])


def test_wrong_shape_is_refused(weights: list[Path]) -> None:
    state = torch.load(weights[1], weights_only=True)
    torch.save(state | {"lin3.model.1.weight": torch.zeros(1, 5, 1, 1)}, weights[1])
    with pytest.raises(ArtifactError, match="another shape: lin3"):
        load_lpips(weights)


class _Code:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, ("exit 1",)


def test_foreign_files_are_refused_and_no_code_runs(tmp_path: Path) -> None:
    pickled, text = tmp_path / "code.pth", tmp_path / "text.safetensors"
    torch.save({"a": _Code()}, pickled)
    text.write_text("no weights")
    for path in (pickled, text):
        with pytest.raises(ArtifactError, match=path.name):
            load_lpips([path])
    with pytest.raises(InputError, match="not found"):
        load_lpips([tmp_path / "none.pth"])


def test_null_has_the_reason_that_fits(weights: list[Path]) -> None:
    a, b = frames(LEAST - 1, 50)
    raw = (a / np.float32(255)).astype(np.float32)
    without = frame_quality(raw, b)
    assert without.lpips is None and without.unmeasured["lpips"] == NO_LPIPS
    small = frame_quality(raw, b, perceptual=load_lpips(weights))
    assert small.lpips is None and small.unmeasured["lpips"] == LPIPS_TOO_SMALL
    assert mean_quality([small, small]).unmeasured["lpips"] == LPIPS_TOO_SMALL


def test_figures_reach_the_report(images: Path, tmp_path: Path, weights: list[Path]) -> None:
    arguments = ["quality", "--baseline", "average", "--data", str(images / "scenes")]
    arguments += [f"--lpips-weights={path}" for path in weights]
    with pytest.raises(SystemExit) as end:
        run_app(app, [*arguments, "--out", str(tmp_path)])
    assert end.value.code == 0
    report = Report.model_validate_json((tmp_path / "quality.json").read_text())
    assert len(report.run.lpips_weights_sha256) == 2
    (row,) = report.rows
    assert row.quality is not None and row.quality.lpips is not None
    values = [image.quality.lpips for image in row.images if image.quality is not None]
    assert row.quality.lpips == pytest.approx(np.mean(values)) and min(values) > 0
    assert f"{row.quality.lpips:.4f}" in (tmp_path / "quality.md").read_text()
