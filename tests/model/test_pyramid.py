"""The phone-sized network: budget, matching, and what it does before and after training."""

from __future__ import annotations

import dataclasses
import itertools

import pytest
import torch
import torch.nn.functional as F
from cdfi_model.cost import count_macs
from cdfi_model.layers.cost_volume import SymmetricCostVolume, normalize_features
from cdfi_model.layers.offset_warp import offset_warp
from cdfi_model.network import build_network
from cdfi_model.pyramid import _halving
from cdfi_model.pyramid_spec import PyramidSpec
from cdfi_model.spec import NETWORKS, Offsets, WarpSpec, spec_from_json
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
    costs = SymmetricCostVolume(3)(frame0, frame2)[..., 6:-6, 6:-6]
    assert costs.shape[1] == 49
    best = costs.argmax(1)
    assert (best == (1 + 3) * 7 + (-2 + 3)).all()


def test_expected_displacement_points_to_the_match() -> None:
    matcher, costs = SymmetricCostVolume(2), torch.zeros(1, 25, 3, 4)
    costs[:, 1 * 5 + 4] = 1.0  # one row up, two columns to the right
    sharp = matcher.expected_displacement(costs, torch.tensor(1000.0))
    assert torch.allclose(sharp[0, :, 1, 1], torch.tensor([-1.0, 2.0, 1.0, -2.0]), atol=1e-5)
    assert matcher.expected_displacement(costs, torch.tensor(0.0)).abs().max() < 1e-6


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
    with pytest.raises(InputError, match="context"):
        small_spec(context=(4,))


@pytest.mark.parametrize("context", [(), (4, 6)])
@pytest.mark.parametrize("offsets", ["per_tap", "shared"])
def test_every_shape_of_the_kind_runs_forward_and_back(
    context: tuple[int, ...], offsets: Offsets
) -> None:
    spec = small_spec(context=context, warp=WarpSpec(3, 1, "bilinear", offsets))
    network = build_network(spec, seed=0)
    frames = torch.rand(2, 1, 3, 16, 24)
    middle = network(*frames)
    assert middle.shape == frames[0].shape
    middle.sum().backward()
    assert spec_from_json(spec.to_json()) == spec


def test_the_stem_is_pixel_unshuffle_and_a_3x3_convolution() -> None:
    stem = _halving(3, 5).double()
    frame = torch.rand(1, 3, 8, 12, dtype=torch.float64)
    small = stem.weight.view(5, 3, 3, 2, 3, 2).permute(0, 1, 3, 5, 2, 4).reshape(5, 12, 3, 3)
    expected = F.conv2d(F.pixel_unshuffle(frame, 2), small, stem.bias, padding=1)
    assert (stem(frame) - expected).abs().max() < 1e-12


def test_the_cost_volume_by_its_definition() -> None:
    torch.manual_seed(0)
    first, second = torch.randn(2, 1, 5, 6, 7, dtype=torch.float64)
    radius, costs = 2, SymmetricCostVolume(2)(first, second)
    unit0, unit2 = (normalize_features(features)[0] for features in (first, second))
    for row, column in itertools.product(range(6), range(7)):
        for index, (dy, dx) in enumerate(itertools.product(range(-radius, radius + 1), repeat=2)):
            inside = all(
                0 <= row + sign * dy < 6 and 0 <= column + sign * dx < 7 for sign in (1, -1)
            )
            expected = 0.0
            if inside:
                product = unit0[:, row + dy, column + dx] * unit2[:, row - dy, column - dx]
                expected = float(product.mean())
            assert abs(float(costs[0, index, row, column]) - expected) < 1e-12
