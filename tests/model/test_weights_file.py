"""Our weights files: round trip, determinism, and how other files are refused."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from cdfi_model.checkpoints.weights import (
    default_weights,
    load_network,
    read_weights,
    save_weights,
)
from cdfi_model.network import InterpolationNetwork, build_network
from cdfi_model.spec import NETWORKS
from cdfi_runtime.errors import ArtifactError, InputError, OutputError
from safetensors import safe_open
from safetensors.torch import save_file


@pytest.fixture(scope="module")
def network() -> InterpolationNetwork:
    return build_network(NETWORKS.get("compressed_adacof"), seed=5)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "w.safetensors"


def test_round_trip(network: InterpolationNetwork, path: Path) -> None:
    save_weights(path, network, info={"note": "ü", "epochs": 3})
    weights = read_weights(path)
    assert weights.spec == network.spec
    assert weights.info == {"note": "ü", "epochs": 3}
    assert weights.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    loaded = load_network(path)
    assert not loaded.training
    for name, tensor in network.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], tensor)


def test_the_library_reads_the_file(network: InterpolationNetwork, path: Path) -> None:
    save_weights(path, network)
    with safe_open(path, framework="pt") as file:
        metadata = file.metadata()
        assert metadata["format"] == "cdfi-weights"
        assert json.loads(metadata["spec"])["name"] == "compressed_adacof"
        assert len(file.keys()) == len(network.state_dict())


def test_float16_halves_the_file_and_loads_as_float32(
    network: InterpolationNetwork, path: Path
) -> None:
    save_weights(path, network, dtype=torch.float16)
    assert path.stat().st_size < 2.1 * network.count_parameters()
    loaded = load_network(path)
    for name, tensor in network.state_dict().items():
        assert loaded.state_dict()[name].dtype == torch.float32
        assert torch.equal(loaded.state_dict()[name], tensor.half().float())


def test_the_same_bytes_from_another_process(network: InterpolationNetwork, path: Path) -> None:
    save_weights(path, network, info={"b": 1, "a": 2})
    other = path.with_name("other.safetensors")
    code = (
        "import sys; from pathlib import Path\n"
        "from cdfi_model.checkpoints.weights import save_weights\n"
        "from cdfi_model.network import build_network\n"
        "from cdfi_model.spec import NETWORKS\n"
        "network = build_network(NETWORKS.get('compressed_adacof'), seed=5)\n"
        "save_weights(Path(sys.argv[1]), network, info={'a': 2, 'b': 1})\n"
    )
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(sys.path),
        "PYTHONHASHSEED": "11",
    }
    subprocess.run([sys.executable, "-c", code, str(other)], check=True, env=environment)
    assert other.read_bytes() == path.read_bytes()


def test_a_seed_leaves_the_global_generator_alone() -> None:
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    build_network(NETWORKS.get("compressed_adacof"), seed=5)
    assert torch.equal(torch.rand(3), expected)


def test_an_unfinished_write_leaves_nothing(
    network: InterpolationNetwork, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_self: Path, _data: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", fail)
    with pytest.raises(OutputError, match="No space left"):
        save_weights(path, network)
    assert list(path.parent.iterdir()) == []


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "is empty"),
        (b"just text\n", "no readable safetensors"),
        (b"\xff" * 100, "no readable safetensors"),
    ],
    ids=["0-byte", "text", "noise"],
)
def test_other_files_are_refused(path: Path, content: bytes, problem: str) -> None:
    path.write_bytes(content)
    with pytest.raises((InputError, ArtifactError), match=problem):
        load_network(path)


def test_a_cut_off_file_is_refused(network: InterpolationNetwork, path: Path) -> None:
    save_weights(path, network)
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(ArtifactError, match="no readable safetensors"):
        load_network(path)


def test_a_foreign_safetensors_file_is_refused(path: Path) -> None:
    save_file({"a": torch.zeros(2)}, path)
    with pytest.raises(ArtifactError, match="not one of cdfi-model"):
        load_network(path)


def write(path: Path, network: InterpolationNetwork, spec: str, info: str = "{}") -> None:
    metadata = {"format": "cdfi-weights", "version": "1", "spec": spec, "info": info}
    save_file(network.state_dict(), path, metadata)


@pytest.mark.parametrize(
    "spec",
    ["[]", "{", "{}", '{"kind": "kernel_unet", "version": 1}', '{"kind": "other", "version": 1}'],
)
def test_a_broken_spec_is_refused(network: InterpolationNetwork, path: Path, spec: str) -> None:
    write(path, network, spec)
    with pytest.raises(ArtifactError):
        load_network(path)


def test_a_spec_that_contradicts_itself_is_refused(
    network: InterpolationNetwork, path: Path
) -> None:
    raw = network.spec.to_json()
    write(path, network, json.dumps({**raw, "decoder": raw["decoder"][:-1]}))
    with pytest.raises(ArtifactError, match="one level less"):
        load_network(path)


def test_tensors_of_another_network_are_refused(network: InterpolationNetwork, path: Path) -> None:
    write(path, network, json.dumps(NETWORKS.get("compressed_adacof_plus").to_json()))
    with pytest.raises(ArtifactError, match=r"heads.weight0.out.weight \(expected 121x21x3x3"):
        load_network(path)


def test_weights_that_are_not_finite_are_refused(path: Path) -> None:
    network = build_network(NETWORKS.get("compressed_adacof"), seed=1)
    with torch.no_grad():
        next(network.parameters())[0] = torch.inf
    save_weights(path, network)
    with pytest.raises(ArtifactError, match="not finite"):
        load_network(path)


def test_default_weights_lie_in_the_package() -> None:
    path = default_weights()
    assert (path.parent.parent.name, path.name) == ("cdfi_model", "default.safetensors")
