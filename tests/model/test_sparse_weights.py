"""The sparse form of our weights files: the same weights, fewer bytes, broken files refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from cdfi_model.checkpoints.sparse import MASK, VALUES, decode, encode
from cdfi_model.checkpoints.weights import load_network, read_weights, save_weights
from cdfi_model.cli import app
from cdfi_model.network import InterpolationNetwork, build_network
from cdfi_model.spec import NETWORKS
from cdfi_runtime.command import run_app
from cdfi_runtime.errors import ArtifactError
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

Tensors = dict[str, Tensor]


def pruned(density: float, seed: int = 3) -> InterpolationNetwork:
    network = build_network(NETWORKS.get("compressed_adacof"), seed=seed)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in network.parameters():
            if parameter.dim() == 4:
                keep = torch.rand(parameter.shape, generator=generator) < density
                parameter.masked_fill_(~keep, 0.0)
    return network


def run(*args: str | Path) -> int:
    with pytest.raises(SystemExit) as end:
        run_app(app, [str(arg) for arg in args])
    return int(end.value.code or 0)


@pytest.fixture(scope="module")
def network() -> InterpolationNetwork:
    return pruned(0.2)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "w.safetensors"


def bits(tensor: Tensor) -> bytes:
    return tensor.numpy().tobytes()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_a_pruned_network_comes_back_bit_by_bit_from_fewer_bytes(
    network: InterpolationNetwork, path: Path, dtype: torch.dtype
) -> None:
    dense = path.with_name("dense.safetensors")
    save_weights(dense, network, dtype=dtype)
    save_weights(path, network, dtype=dtype, form="sparse")
    one, other = read_weights(dense), read_weights(path)
    assert (one.form, other.form) == ("dense", "sparse")
    assert one.spec == other.spec
    assert one.tensors.keys() == other.tensors.keys()
    for name, tensor in one.tensors.items():
        # Half precision makes a few negative zeros of the smallest weights: their sign goes.
        assert bits(tensor + 0) == bits(other.tensors[name])
        assert tensor.dtype == other.tensors[name].dtype
    # 0.2 of the values and a bit for each: 0.2 + 1/32, or 1/16, and what is dense or header.
    share = {torch.float32: 0.25, torch.float16: 0.29}[dtype]
    assert path.stat().st_size < share * dense.stat().st_size
    load_network(path)


@pytest.mark.parametrize("shape", [(4, 3, 3, 3), (1, 1, 1, 1), (1, 1, 3, 3), (7,), (), (0, 5)])
@pytest.mark.parametrize("density", [0.0, 0.1, 0.5, 1.0])
def test_every_density_and_shape_comes_back(shape: tuple[int, ...], density: float) -> None:
    generator = torch.Generator().manual_seed(5)
    tensor = torch.randn(shape, generator=generator)
    tensor = tensor.where(torch.rand(shape, generator=generator) < density, torch.zeros(()))
    stored, shapes = encode({"a": tensor})
    (back,) = decode(stored, {"sparse": json.dumps(shapes)}, "x").values()
    assert back.shape == tensor.shape
    assert bits(back) == bits(tensor)
    assert sum(each.nbytes for each in stored.values()) <= tensor.nbytes


def test_what_would_grow_stays_dense() -> None:
    full, integers = torch.ones(64), torch.zeros(64, dtype=torch.int64)
    stored, shapes = encode({"full": full, "integers": integers, "zeros": torch.zeros(64)})
    assert shapes == {"zeros": [64]}
    assert stored["full"] is full
    assert stored["integers"] is integers
    assert stored["zeros" + MASK].numel() == 8
    assert stored["zeros" + VALUES].numel() == 0


def test_negative_zeros_are_zeros() -> None:
    stored, shapes = encode({"a": torch.tensor([-0.0] * 63 + [-2.0])})
    assert stored["a" + VALUES].tolist() == [-2.0]
    assert bits(decode(stored, {"sparse": json.dumps(shapes)}, "x")["a"])[:252] == bytes(252)


def cut_mask(tensors: Tensors, name: str) -> None:
    tensors[name + MASK] = tensors[name + MASK][:-1].clone()


def one_bit_more(tensors: Tensors, name: str) -> None:
    mask = tensors[name + MASK]
    place = int((mask != 255).nonzero()[0])
    mask[place] |= 1 << (~int(mask[place]) & 255).bit_length() - 1


def one_value_less(tensors: Tensors, name: str) -> None:
    tensors[name + VALUES] = tensors[name + VALUES][1:].clone()


def not_a_number(tensors: Tensors, name: str) -> None:
    tensors[name + VALUES][0] = torch.nan


def no_mask(tensors: Tensors, name: str) -> None:
    del tensors[name + MASK]


def float_mask(tensors: Tensors, name: str) -> None:
    tensors[name + MASK] = tensors[name + MASK].float()


def integer_values(tensors: Tensors, name: str) -> None:
    tensors[name + VALUES] = tensors[name + VALUES].long()


def both_forms(tensors: Tensors, name: str) -> None:
    tensors[name] = torch.zeros(3)


@pytest.mark.parametrize(
    ("damage", "problem"),
    [
        (cut_mask, r"(?s)expected: a mask of \d+ bytes"),
        (one_bit_more, r"(?s)as many values as bits.*values for"),
        (one_value_less, r"(?s)as many values as bits"),
        (not_a_number, "NaN or infinity"),
        (no_mask, "one without the other"),
        (float_mask, "float32"),
        (integer_values, "floating-point values"),
        (both_forms, "a dense and a sparse form"),
    ],
)
def test_a_broken_tensor_is_refused_by_name(
    network: InterpolationNetwork,
    path: Path,
    damage: Callable[[Tensors, str], None],
    problem: str,
) -> None:
    save_weights(path, network, form="sparse")
    with safe_open(path, framework="pt") as file:
        metadata = file.metadata()
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    name = next(iter(json.loads(metadata["sparse"])))
    damage(tensors, name)
    save_file(tensors, path, metadata)
    with pytest.raises(ArtifactError, match=problem) as caught:
        load_network(path)
    assert name in str(caught.value)
    assert "sparsify" in str(caught.value)


def test_bits_behind_the_last_element_are_refused() -> None:
    stored = {"a" + MASK: torch.tensor([0b1000], dtype=torch.uint8), "a" + VALUES: torch.ones(1)}
    with pytest.raises(ArtifactError, match="behind the last element"):
        decode(stored, {"sparse": '{"a": [3]}'}, "x")


@pytest.mark.parametrize(
    "shapes", ["", "[", "[]", '{"a": 3}', '{"a": [-1, 2]}', '{"a": [1.5]}', '{"a": [true]}']
)
def test_a_broken_header_is_refused(shapes: str) -> None:
    with pytest.raises(ArtifactError, match="header of x is broken"):
        decode({}, {"sparse": shapes}, "x")


def test_a_mask_of_another_shape_is_refused(network: InterpolationNetwork, path: Path) -> None:
    save_weights(path, network, form="sparse")
    with safe_open(path, framework="pt") as file:
        metadata = file.metadata()
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    shapes = json.loads(metadata["sparse"])
    name = next(iter(shapes))
    metadata["sparse"] = json.dumps({**shapes, name: shapes[name][::-1]})
    save_file(tensors, path, metadata)
    with pytest.raises(ArtifactError, match=f"do not fit the network(?s:.*){name}"):
        load_network(path)


def test_a_later_version_is_refused(network: InterpolationNetwork, path: Path) -> None:
    save_file(network.state_dict(), path, {"format": "cdfi-weights", "version": "3"})
    with pytest.raises(ArtifactError, match=r"(?s)version 1 or 2.*version 3"):
        load_network(path)


def test_sparsify_and_back_gives_the_same_file(
    network: InterpolationNetwork, path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sparse, back = path.with_name("sparse.safetensors"), path.with_name("back.safetensors")
    save_weights(path, network, info={"note": "pruned"})
    assert run("sparsify", path, "-o", sparse) == 0
    assert run("sparsify", sparse, "--dense", "-o", back) == 0
    assert "79." in capsys.readouterr().out
    assert sparse.stat().st_size < path.stat().st_size / 4
    assert back.read_bytes() == path.read_bytes()
    assert run("info", sparse) == 0
    assert "sparse" in capsys.readouterr().out


def test_sparsify_says_when_it_does_not_help(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save_weights(path, pruned(1.0))
    assert run("sparsify", path, "-o", path.with_name("out.safetensors")) == 0
    assert "too few zeros" in " ".join(capsys.readouterr().out.split())
    path.write_text("no weights")
    assert run("sparsify", path, "-o", path.with_name("out.safetensors")) == 2
