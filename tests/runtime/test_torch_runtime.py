from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from cdfi_model.checkpoints.weights import save_weights
from cdfi_model.network import InterpolationNetwork, build_network
from cdfi_model.spec import NETWORKS, NetworkSpec, WarpSpec
from cdfi_model.torch_runtime import TorchSession, open_weights
from cdfi_runtime.errors import ArtifactError, InputError
from cdfi_runtime.files import sha256_file
from cdfi_runtime.interpolator import Interpolator


class _Mean(InterpolationNetwork):
    """The mean of both frames, and what torch was set to when it ran."""

    def __init__(self) -> None:
        warp = WarpSpec(taps=3, dilation=1, sampling="bilinear")
        super().__init__(NetworkSpec(name="mean", summary="the mean", warp=warp, multiple=8))
        self.scale = torch.nn.Parameter(torch.tensor(0.5))
        self.seen: list[tuple[int, bool, torch.dtype]] = []

    def forward(self, frame0: torch.Tensor, frame2: torch.Tensor) -> torch.Tensor:
        self.seen.append((torch.get_num_threads(), torch.is_grad_enabled(), frame0.dtype))
        return (frame0 + frame2) * self.scale


def test_a_network_in_memory_interpolates_frames(frames: list[np.ndarray]) -> None:
    network = _Mean()
    model = Interpolator.from_session(TorchSession(network))
    middle = model.interpolate(frames[0] / 255, frames[1] / 255)
    np.testing.assert_allclose(middle, (frames[0] / 255 + frames[1] / 255) / 2, atol=1e-6)
    assert (model.runtime, model.accelerator) == ("torch", "cpu")
    assert not network.training
    assert network.seen[0][1:] == (False, torch.float32)


def test_the_manifest_tells_what_runs() -> None:
    manifest = TorchSession(_Mean()).manifest
    assert (manifest.network.name, manifest.network.parameters) == ("mean", 1)
    assert (manifest.warp.taps, manifest.warp.sampling) == (3, "bilinear")
    assert manifest.padding.multiple == 8
    assert manifest.size.dynamic
    other = _Mean()
    assert TorchSession(other).manifest == manifest
    with torch.no_grad():
        other.scale += 1e-3
    assert TorchSession(other).manifest.network.weights_sha256 != manifest.network.weights_sha256


def test_precision_follows_the_network() -> None:
    network = _Mean().double()
    session = TorchSession(network)
    frame = np.full((1, 3, 8, 8), 0.25, np.float32)
    assert session.run(frame, frame).dtype == np.float32
    assert network.seen[0][2] == torch.float64
    assert session.manifest.artifact.precision == "float64"


def test_threads_hold_for_the_run_only() -> None:
    network = _Mean()
    before = torch.get_num_threads()
    session = TorchSession(network, threads=before + 1)
    session.run(*[np.zeros((1, 3, 8, 8), np.float32)] * 2)
    assert network.seen[0][0] == before + 1
    assert torch.get_num_threads() == before


def test_weights_files_are_opened(tmp_path: Path) -> None:
    network = build_network(NETWORKS.get("compressed_adacof"), seed=0)
    path = tmp_path / "weights.safetensors"
    save_weights(path, network)
    model = Interpolator.load(path, threads=1)
    assert model.runtime == "torch"
    assert model.manifest.network.weights_sha256 == sha256_file(path)
    assert model.manifest.artifact.bytes == path.stat().st_size
    assert model.manifest.network.parameters == 2_452_094
    a, b = np.random.default_rng(0).integers(0, 256, (2, 20, 30, 3), dtype=np.uint8)
    expected = Interpolator.from_session(TorchSession(network)).interpolate(a, b)
    np.testing.assert_array_equal(model.interpolate(a, b), expected)


@pytest.mark.parametrize("content", [b"this is no weights file", b"\x10" + bytes(40)])
def test_broken_weights_files_are_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "weights.safetensors"
    path.write_bytes(content)
    with pytest.raises(ArtifactError):
        open_weights(path)


def test_empty_weights_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "weights.safetensors").touch()
    with pytest.raises(InputError, match="0 bytes"):
        open_weights(tmp_path / "weights.safetensors")


def test_a_device_that_is_not_there_is_no_silent_fallback() -> None:
    from cdfi_model.checkpoints.weights import default_weights
    from cdfi_runtime.runtimes import open_artifact

    if torch.cuda.is_available():
        pytest.skip("this machine has the device")
    session = open_artifact(default_weights(), "torch", accelerator="cuda")
    assert session.accelerator == "cpu"
    assert session.fallback is not None and "no device 'cuda'" in session.fallback
    with pytest.raises(InputError, match="'cuda' alone"):
        open_artifact(default_weights(), "torch", accelerator="cuda", strict=True)
