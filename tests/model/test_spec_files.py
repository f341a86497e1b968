"""A network that is not registered: initialised, trained and started by its spec file."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from cdfi_model.checkpoints.weights import load_network, read_weights
from cdfi_model.cli import app
from cdfi_model.kernel_unet_spec import KernelUNetSpec
from cdfi_model.spec import NETWORKS, NetworkSpec, WarpSpec
from cdfi_model.spec_file import write_spec
from cdfi_model.training.config import load_config
from cdfi_model.training.loop import BEST, train
from cdfi_runtime.command import run_app
from cdfi_runtime.errors import ArtifactError, InputError

SPEC = KernelUNetSpec(
    name="mine",
    summary="for tests",
    warp=WarpSpec(taps=3, dilation=1, sampling="bilinear"),
    encoder=((4,), (6,)),
    decoder=((5,),),
    **dict.fromkeys(("weight0", "alpha0", "beta0", "weight2", "alpha2", "beta2"), (4,)),
    occlusion=(3,),
)
CONFIG = """
{network}
pack = "pack"
val_pack = "pack"
out = "run"
warmup = 0
learning_rate = 1e-9
weight_decay = 0
warp = "per_tap"
strips = 0
prefetch = 0
[[stages]]
steps = 1
batch = 1
crop = 32
offset_weight = [0.0, 0.0]
"""


def run(*args: str | Path) -> int:
    with pytest.raises(SystemExit) as end:
        run_app(app, [str(arg) for arg in args])
    return int(end.value.code or 0)


def prepare(folder: Path, pack: Callable[..., Path], network: str, spec: NetworkSpec) -> Path:
    pack(folder / "pack")
    write_spec(folder / "mine.toml", spec)
    (folder / "c.toml").write_text(CONFIG.format(network=network))
    return folder / "c.toml"


def test_init_train_and_start(
    tmp_path: Path, moving_pack: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    both = 'spec = "mine.toml"\nstart = "first.safetensors"'
    config = prepare(tmp_path, moving_pack, both, SPEC)
    first = tmp_path / "first.safetensors"
    assert run("init", "--spec", tmp_path / "mine.toml", "--seed", "7", "-o", first) == 0
    assert "mine" in capsys.readouterr().out
    train(load_config(config), report=lambda _: None)
    best = tmp_path / "run" / BEST
    assert read_weights(best).spec == SPEC
    # The rate is so small that the trained weights are those it started from.
    for name, tensor in load_network(first).state_dict().items():
        assert torch.allclose(read_weights(best).tensors[name], tensor, atol=1e-6), name


def test_weights_of_another_network_are_no_start(
    tmp_path: Path, moving_pack: Callable[..., Path]
) -> None:
    both = 'spec = "mine.toml"\nstart = "first.safetensors"'
    config = prepare(tmp_path, moving_pack, both, dataclasses.replace(SPEC, occlusion=(2,)))
    write_spec(tmp_path / "other.json", SPEC)
    assert run("init", "--spec", tmp_path / "other.json", "-o", tmp_path / "first.safetensors") == 0
    with pytest.raises(ArtifactError, match=r"first\.safetensors do not fit the network 'mine'"):
        train(load_config(config), report=lambda _: None)


@pytest.mark.parametrize(
    "network",
    [
        "",
        'network = "cdfi"\nspec = "mine.toml"',
        'network = "cdfi"\nstart = "a"\ninitialization = "unit_variance"',
    ],
)
def test_configs_that_contradict_themselves(tmp_path: Path, network: str) -> None:
    (tmp_path / "c.toml").write_text(CONFIG.format(network=network))
    with pytest.raises(InputError, match=r"either a network or|brings its own weights"):
        load_config(tmp_path / "c.toml")


def test_a_network_or_a_spec(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_spec(tmp_path / "s.json", NETWORKS.get("cdfi_mobile"))
    for args in ((), ("cdfi", "--spec", tmp_path / "s.json")):
        assert run("init", *args, "-o", tmp_path / "w") == 2
        assert "which network?" in capsys.readouterr().err
