"""How a run starts: weights of unit variance, and few batches seen again and again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from cdfi_model.checkpoints.weights import read_weights, save_weights
from cdfi_model.network import build_network
from cdfi_model.spec import NETWORKS
from cdfi_model.training import loop
from cdfi_model.training.batches import Batch, training_batch
from cdfi_model.training.config import load_config
from cdfi_model.training.initialization import unit_variance
from cdfi_model.training.schedule import learning_rate
from cdfi_runtime.errors import ArtifactError, InputError
from cdfi_runtime.files import sha256_file
from torch import Tensor, nn

CONFIG = """
network = "cdfi_mobile"
pack = "pack"
val_pack = "pack"
out = "run"
prefetch = 0
strips = 0
{extra}

[[stages]]
steps = 5
batch = 2
crop = 32
downscale = 2
taps = false
distinct = 2

[[stages]]
steps = 2
batch = 2
crop = 32
taps = false
"""


def frames() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    first, last = torch.rand(2, 2, 3, 64, 64, generator=generator)
    return first, last


def outputs(network: nn.Module) -> dict[str, Tensor]:
    """What each convolution gives when it runs for the first time."""
    seen: dict[str, Tensor] = {}
    for name, module in network.named_modules():
        if isinstance(module, nn.Conv2d):

            def keep(_module: Any, _inputs: Any, output: Tensor, name: str = name) -> None:
                seen.setdefault(name, output.detach())

            module.register_forward_hook(keep)
    with torch.no_grad():
        network.describe(*frames())  # type: ignore[operator]
    return seen


def test_every_channel_starts_with_mean_zero_and_unit_variance() -> None:
    network = build_network(NETWORKS.get("compressed_adacof"), seed=0)
    unit_variance(network, *frames(), seed=3)
    seen = outputs(network)
    assert len(seen) > 40
    for name, output in seen.items():
        mean, deviation = output.mean((0, 2, 3)), output.std((0, 2, 3))
        wanted = 0.05 if ".out" in name else 1.0
        assert mean.abs().max() < 0.02, name
        assert torch.allclose(deviation, torch.full_like(deviation, wanted), rtol=0.02), name


def test_the_draw_follows_from_the_seed_and_leaves_torchs_own_alone() -> None:
    drawn = []
    for seed in (3, 3, 4):
        network = build_network(NETWORKS.get("compressed_adacof"), seed=0)
        before = torch.get_rng_state()
        unit_variance(network, *frames(), seed=seed)
        assert torch.equal(torch.get_rng_state(), before)
        drawn.append(next(network.parameters()).detach().clone())
    assert torch.equal(drawn[0], drawn[1]) and not torch.equal(drawn[0], drawn[2])


def test_what_starts_at_zero_stays_there() -> None:
    network = build_network(NETWORKS.get("cdfi_mobile"), seed=0)
    zeros = [name for name, value in network.named_parameters() if not value.any()]
    assert any("head" in name and name.endswith("weight") for name in zeros)
    unit_variance(network, *frames(), seed=0)
    values = dict(network.named_parameters())
    assert not any(values[name].any() for name in zeros if name.endswith("head.weight"))


@pytest.mark.parametrize("extra", ["", 'initialization = "unit_variance"'])
def test_a_stage_of_few_batches_sees_them_in_turn(
    extra: str,
    tmp_path: Path,
    moving_pack: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    moving_pack(tmp_path / "pack")
    (tmp_path / "config.toml").write_text(CONFIG.format(extra=extra))
    steps: list[int] = []

    def watched(*args: Any, step: int, **kwargs: Any) -> Batch:
        steps.append(step)
        return training_batch(*args, step=step, **kwargs)

    monkeypatch.setattr(loop, "training_batch", watched)
    loop.train(load_config(tmp_path / "config.toml"), report=lambda _: None)
    first = [0] if extra else []  # the initialisation looks at a batch too
    assert steps == [*first, 0, 1, 0, 1, 0, 5, 6]


def test_a_run_may_begin_with_the_weights_of_a_file(
    tmp_path: Path, moving_pack: Callable[..., Path]
) -> None:
    """The network is the file's, registered or not, and its first step begins at its values."""
    spec = replace(NETWORKS.get("cdfi_mobile"), name="nobody knows this one")
    start = build_network(spec, seed=4)
    save_weights(tmp_path / "start.safetensors", start)
    moving_pack(tmp_path / "pack")
    text = CONFIG.format(extra="ema = 0\nwarmup = 0\nschedule = 'constant'\nlearning_rate = 1e-7")
    file = tmp_path / "config.toml"
    file.write_text(text.replace('network = "cdfi_mobile"', 'start = "start.safetensors"'))
    loop.train(load_config(file), report=lambda _: None)
    trained = read_weights(tmp_path / "run" / loop.BEST)
    assert trained.spec == spec
    assert trained.info["start_sha256"] == sha256_file(tmp_path / "start.safetensors")
    moved = [
        float((trained.tensors[name] - tensor).abs().max())
        for name, tensor in start.state_dict().items()
    ]
    assert 0 < max(moved) < 1e-5
    save_weights(tmp_path / "start.safetensors", build_network(spec, seed=5))
    with pytest.raises(ArtifactError, match="began with another weights file"):
        loop.train(load_config(file), report=lambda _: None)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("start = 'a'\nnetwork = 'b'", "either a network or"),
        ("", "either a network or"),
        ("start = 'a'\ninitialization = 'unit_variance'", "brings its own weights"),
    ],
)
def test_a_run_begins_in_one_way(tmp_path: Path, line: str, message: str) -> None:
    file = tmp_path / "config.toml"
    file.write_text(CONFIG.format(extra=line).replace('network = "cdfi_mobile"', ""))
    with pytest.raises(InputError, match=message):
        load_config(file)


def test_a_constant_rate_stays_behind_the_warm_up(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text(CONFIG.format(extra="schedule = 'constant'\nwarmup = 2\nlearning_rate = 0.5"))
    config = load_config(file)
    assert [learning_rate(config, step) for step in (0, 1, 2, 6)] == [0.25, 0.5, 0.5, 0.5]
