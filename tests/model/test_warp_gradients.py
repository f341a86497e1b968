"""Gradients of the warp reach the image, the weights and both offsets, and are right."""

from __future__ import annotations

import pytest
import torch
from cdfi_model.spec import Sampling, WarpSpec
from cdfi_model.warp import WARPS, adacof_warp
from torch import Tensor

FORMULATIONS = [(item.name, sampling) for item in WARPS.all() for sampling in item.samplings]


def make_inputs(taps: int) -> list[Tensor]:
    """Fractions stay off the whole numbers, where the warp has kinks."""
    random = torch.Generator().manual_seed(3)
    maps = (2, taps * taps, 3, 4)
    image = torch.randn(2, 2, 3, 4, generator=random, dtype=torch.float64)
    weight = torch.softmax(torch.randn(maps, generator=random, dtype=torch.float64), dim=1)
    whole = torch.randint(-5, 5, (2, *maps), generator=random)
    alpha, beta = whole + 0.2 + 0.6 * torch.rand((2, *maps), generator=random, dtype=torch.float64)
    return [tensor.requires_grad_() for tensor in (image, weight, alpha, beta)]


@pytest.mark.parametrize(("name", "sampling"), FORMULATIONS)
@pytest.mark.parametrize("taps", [1, 3])
def test_gradcheck(name: str, sampling: Sampling, taps: int) -> None:
    spec = WarpSpec(taps, 2, sampling)

    def warp(image: Tensor, weight: Tensor, alpha: Tensor, beta: Tensor) -> Tensor:
        return adacof_warp(image, weight, alpha, beta, spec, name)

    assert torch.autograd.gradcheck(warp, make_inputs(taps), fast_mode=taps > 1)


@pytest.mark.parametrize("sampling", ["truncate", "bilinear"])
def test_gradients_are_the_same_by_every_formulation(sampling: Sampling) -> None:
    inputs = make_inputs(5)
    spec = WarpSpec(5, 1, sampling)
    gradients = {}
    for item in WARPS.all():
        if sampling in item.samplings:
            warped = adacof_warp(*inputs, spec, item.name)
            gradients[item.name] = torch.autograd.grad(warped.square().sum(), inputs)
    expected = gradients.pop("gather")
    assert all(gradient.abs().max() > 0 for gradient in expected)
    for name, got in gradients.items():
        for one, other in zip(got, expected, strict=True):
            assert (one - other).abs().max() < 1e-11, name
