"""The phone-sized network: budget, matching, and what it does before and after training."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from cdfi_model.cost import count_macs
from cdfi_model.layers.cost_volume import symmetric_cost_volume
from cdfi_model.layers.offset_warp import offset_warp
from cdfi_model.network import build_network
from cdfi_model.pyramid_spec import PyramidSpec
from cdfi_model.spec import NETWORKS, WarpSpec, spec_from_json
from cdfi_runtime.errors import InputError


def small_spec(**changes: object) -> PyramidSpec:
    spec = PyramidSpec(
        name="small",
        summary="for tests",
        warp=WarpSpec(taps=3, dilation=1, sampling="bilinear"),
        features=(8, 8, 8),
        decoders=(8, 8, 8),
        search=(0, 1, 2),
        decoder_depth=2,
        synthesis=8,
        multiple=8,
    )
    return dataclasses.replace(spec, **changes)


def test_stays_within_the_phone_budget() -> None:
    network = build_network(NETWORKS.get("cdfi_mobile"), seed=0)
    assert network.count_parameters() <= 2_000_000
    assert count_macs(network, 256, 448) <= 4.5e9


def test_starts_close_to_the_average_of_the_frames() -> None:
    network = build_network(small_spec(), seed=0).eval()
    frames = torch.rand(2, 1, 3, 32, 48).cumsum(-1) / 48
    with torch.no_grad():
        middle = network(*frames)
    assert (middle - frames.mean(0)).abs().max() < 0.05


@pytest.mark.parametrize("synthesis", [0, 8])
def test_every_weight_gets_a_gradient(synthesis: int) -> None:
    network = build_network(small_spec(synthesis=synthesis), seed=0)
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, 0, 0.05)
    network(torch.rand(2, 3, 32, 32), torch.rand(2, 3, 32, 32)).square().mean().backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None and parameter.grad.abs().sum() > 0, name


def test_cost_volume_peaks_at_the_true_displacement() -> None:
    torch.manual_seed(0)
    texture = torch.randn(1, 16, 24, 24)
    # A point at p at half time lies at p + (1, -2) in frame 0 and at p - (1, -2) in frame 2.
    frame0 = texture.roll((1, -2), (2, 3))
    frame2 = texture.roll((-1, 2), (2, 3))
    costs = symmetric_cost_volume(frame0, frame2, 3)[..., 6:-6, 6:-6]
    assert costs.shape[1] == 49
    best = costs.argmax(1)
    assert (best == (1 + 3) * 7 + (-2 + 3)).all()


def test_offset_warp_moves_by_rows_then_columns() -> None:
    image = torch.arange(20.0).reshape(1, 1, 4, 5)
    offset = torch.zeros(1, 2, 4, 5)
    offset[:, 0] = 1
    offset[:, 1] = -2
    moved = offset_warp(image, offset)
    assert moved[0, 0, 1, 3].item() == pytest.approx(image[0, 0, 2, 1].item(), abs=1e-4)
    assert moved[0, 0, 3, 0].item() == pytest.approx(image[0, 0, 3, 0].item(), abs=1e-4)  # border


def test_spec_survives_json() -> None:
    spec = NETWORKS.get("cdfi_mobile")
    assert spec_from_json(spec.to_json()) == spec


def test_spec_refuses_levels_that_do_not_fit() -> None:
    with pytest.raises(InputError, match="one value per level"):
        small_spec(search=(1, 2))
    with pytest.raises(InputError, match="multiple"):
        small_spec(multiple=4)
