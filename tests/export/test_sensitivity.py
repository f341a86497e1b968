"""What layers cost as integers: the rounding, the ranking, and what the exports make of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from cdfi_export import sensitive
from cdfi_export.frame_size import FrameSize
from cdfi_export.integer_layers import Span, as_integers, convolutions, observe
from cdfi_export.sensitivity import LayerLoss, cases, layer_losses, record
from cdfi_model.checkpoints.weights import load_network
from cdfi_model.data.image_sets import sample_set

Pair = tuple[torch.Tensor, torch.Tensor]


@pytest.fixture
def pair() -> Pair:
    generator = torch.Generator().manual_seed(0)
    first, last = (torch.rand(1, 3, 32, 32, generator=generator) for _ in range(2))
    return first, last


def test_a_span_rounds_to_256_levels_and_keeps_zero() -> None:
    span = Span().over(torch.tensor([-1.0, 3.0]))
    values = torch.linspace(-1, 3, 10001)
    rounded = span.rounded(values)
    assert len(rounded.unique()) <= 256
    assert (rounded - values).abs().max() <= 4 / 255 / 2 * 1.01
    assert span.rounded(torch.zeros(1)).item() == 0
    beyond = span.rounded(torch.tensor([9.0])).item()
    assert beyond == pytest.approx(3, abs=4 / 255)


def test_layers_round_within_the_block_only(tiny_shared_weights: Path, pair: Pair) -> None:
    network = load_network(tiny_shared_weights)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    with torch.no_grad():
        exact = network(*pair)
        ranges = observe(network, [pair])
        with as_integers(network, list(convolutions(network)), ranges):
            rounded = network(*pair)
        after = network(*pair)
    assert 1e-4 < (rounded - exact).abs().max() < 0.2
    assert torch.equal(after, exact)
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())


def test_the_layer_with_an_outlier_ranks_first(tiny_shared_weights: Path) -> None:
    network = load_network(tiny_shared_weights)
    measured_on = cases(sample_set(), FrameSize(64, 64), None)
    frames = tuple(np.ascontiguousarray(f.transpose(0, 2, 3, 1)) for f in measured_on[0][0])
    layer = "features.levels.0.1.0"
    bulk = convolutions(network)[layer].weight.data
    with torch.no_grad():  # one weight that takes all the levels of its channels from the others
        bulk[:, 0, 0, 0] = 1000.0
        network.features.levels[0][0][0].weight.data[0] = 0  # type: ignore[index,union-attr]
        network.features.levels[0][0][0].bias.data[0] = 0  # type: ignore[index,union-attr]
    losses = list(layer_losses(network, [(frames[0], frames[1])], measured_on))
    assert [item.layer for item in losses] == list(convolutions(network))
    # The channel behind that weight is always zero, so only its rounding matters.
    assert max(losses, key=lambda item: abs(item.lost_db)).layer == layer


def test_what_was_measured_is_kept_and_named(
    tiny_shared_weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = tmp_path / "sensitivity.json"
    losses = [LayerLoss("features.levels.0.1.0", 0.3), LayerLoss("decoders.0.body.0.0", 0.001)]
    record(table, "tiny", "a" * 64, "my set", 7, losses)
    record(table, "other", "b" * 64, "my set", 7, [])
    monkeypatch.setattr(sensitive, "files", lambda _: tmp_path)
    sensitive.recorded.cache_clear()
    try:
        network = load_network(tiny_shared_weights)
        names = ["features.levels.0.1.0", "decoders.0.body.0.0", "decoders.0.head"]
        kept = sensitive.kept_layers(network, "a" * 64, names)
        other = sensitive.kept_layers(network, "c" * 64, names)
    finally:
        sensitive.recorded.cache_clear()
    assert kept.layers == {"features.levels.0.1.0", "decoders.0.head"} == other.layers
    assert any("features.levels.0.1.0 (0.300 dB)" in text for text in kept.remarks)
    assert any("my set (7 pairs)" in text for text in kept.remarks)
    assert any("other weights" in text for text in other.remarks)
    assert not any("other weights" in text for text in kept.remarks)


def test_the_shipped_table_names_layers_of_the_shipped_network() -> None:
    from cdfi_model.checkpoints.weights import default_weights

    network = load_network(default_weights())
    measured = sensitive.recorded()[network.spec.name]["lost_db"]
    assert set(measured) == set(convolutions(network))
