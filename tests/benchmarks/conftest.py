"""A network small enough to be written as ONNX by hand, and small image sets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

import cdfi_model.torch_runtime  # noqa: F401  registers "torch" where nothing is installed
import numpy as np
import onnx
import pytest
import torch
from cdfi_model.checkpoints.weights import save_weights
from cdfi_model.network import InterpolationNetwork, build_network
from cdfi_model.spec import NetworkSpec, WarpSpec, spec_kind
from cdfi_runtime.files import sha256_file
from cdfi_runtime.images import write_image
from cdfi_runtime.manifest import (
    ArtifactInfo,
    Manifest,
    NetworkInfo,
    PaddingInfo,
    SizeInfo,
    TensorInfo,
    WarpInfo,
)
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

Sampling = Literal["truncate", "bilinear"]
ArtifactMaker = Callable[..., Path]


@spec_kind
@dataclass(frozen=True, kw_only=True)
class TintSpec(NetworkSpec):
    """One 3x3 convolution over both frames."""

    kind: ClassVar[str] = "test_tint"

    def build(self) -> InterpolationNetwork:
        return TintNetwork(self)


class TintNetwork(InterpolationNetwork):
    """Half of each frame, plus a little of everything."""

    def __init__(self, spec: NetworkSpec) -> None:
        super().__init__(spec)
        self.conv = nn.Conv2d(6, 3, 3, padding=1)
        with torch.no_grad():
            self.conv.weight.mul_(0.01)
            self.conv.bias.mul_(0.01)
            for channel in range(3):
                self.conv.weight[channel, [channel, channel + 3], 1, 1] += 0.5

    def forward(self, frame0: Tensor, frame2: Tensor) -> Tensor:
        out: Tensor = self.conv(torch.cat((frame0, frame2), 1))
        return out


@dataclass(frozen=True)
class Tint:
    """A tint network and its weights file."""

    network: InterpolationNetwork
    weights: Path


@pytest.fixture(scope="session")
def make_tint(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Sampling], Tint]:
    def make(sampling: Sampling) -> Tint:
        spec = TintSpec(
            name="tint", summary="for tests", warp=WarpSpec(1, 1, sampling), multiple=16
        )
        network = build_network(spec, seed=3)
        path = tmp_path_factory.mktemp("weights") / f"tint_{sampling}.safetensors"
        save_weights(path, network)
        return Tint(network, path)

    return make


@pytest.fixture(scope="session")
def tint(make_tint: Callable[[Sampling], Tint]) -> Tint:
    return make_tint("bilinear")


@pytest.fixture
def make_artifact(tmp_path: Path) -> ArtifactMaker:
    """Writes a tint network as ONNX with its manifest, changed by ``noise`` or ``bias``."""

    def make(
        tint: Tint,
        name: str = "tint.onnx",
        *,
        noise: float = 0.0,
        bias: float = 0.0,
        size: tuple[int, int] | None = None,
    ) -> Path:
        path = tmp_path / name
        shape: tuple[Any, ...] = (1, 3, "height", "width")
        if size is not None:
            shape = (1, 3, size[1], size[0])
        state = {key: value.numpy() for key, value in tint.network.state_dict().items()}
        kernel = state["conv.weight"]
        kernel = kernel + noise * np.random.default_rng(0).standard_normal(kernel.shape)
        shift = state["conv.bias"] + np.float32(bias)
        graph = helper.make_graph(
            [
                helper.make_node("Concat", ["frame0", "frame2"], ["both"], axis=1),
                helper.make_node("Conv", ["both", "w", "b"], ["frame1"], pads=[1, 1, 1, 1]),
            ],
            "tint",
            [
                helper.make_tensor_value_info(each, TensorProto.FLOAT, shape)
                for each in ("frame0", "frame2")
            ],
            [helper.make_tensor_value_info("frame1", TensorProto.FLOAT, shape)],
            [
                numpy_helper.from_array(kernel.astype(np.float32), "w"),
                numpy_helper.from_array(shift, "b"),
            ],
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
        onnx.save(model, path)
        _manifest(path, tint, shape, size).save(path)
        return path

    return make


def _manifest(
    path: Path, tint: Tint, shape: tuple[Any, ...], size: tuple[int, int] | None
) -> Manifest:
    spec = tint.network.spec
    return Manifest(
        network=NetworkInfo(
            name=spec.name,
            spec=spec.to_json(),
            weights_sha256=sha256_file(tint.weights),
            parameters=tint.network.count_parameters(),
        ),
        artifact=ArtifactInfo(
            file=path.name,
            sha256=sha256_file(path),
            bytes=path.stat().st_size,
            format="onnx",
            opset=18,
        ),
        warp=WarpInfo(formulation="none", sampling=spec.warp.sampling, taps=1, dilation=1),
        inputs=tuple(TensorInfo(name=each, shape=shape) for each in ("frame0", "frame2")),
        outputs=(TensorInfo(name="frame1", shape=shape),),
        size=SizeInfo(dynamic=size is None, width=size and size[0], height=size and size[1]),
        padding=PaddingInfo(multiple=spec.multiple),
    )


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """``scenes``: two moving pictures with their true middle; ``clips``: one pair without."""
    folder = tmp_path / "images"
    for scene, (height, width) in {"A": (40, 52), "B": (33, 47)}.items():
        first, middle, last = _moving_picture(height, width)
        _write(folder / "scenes" / "input" / scene / "frame10.png", first)
        _write(folder / "scenes" / "input" / scene / "frame11.png", last)
        _write(folder / "scenes" / "gt" / scene / "frame10i11.png", middle)
    first, _, last = _moving_picture(32, 32)
    _write(folder / "clips" / "1" / "frame_00.png", first)
    _write(folder / "clips" / "1" / "frame_02.png", last)
    return folder


def _moving_picture(height: int, width: int) -> list[np.ndarray]:
    rows, columns = np.mgrid[:height, : width + 4]
    wave = 0.5 + 0.25 * np.sin(columns / 2.5) + 0.2 * np.cos(rows / 3)
    picture = np.rint(255 * np.stack((wave, wave**2, 1 - wave), axis=-1)).astype(np.uint8)
    return [np.ascontiguousarray(picture[:, shift : shift + width]) for shift in (0, 2, 4)]


def _write(path: Path, picture: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_image(path, picture)
