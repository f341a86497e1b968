"""Gradients of the warp reach the image, the weights and both offsets, and are right."""

from __future__ import annotations

from typing import get_args

import pytest
import torch
from cdfi_model.spec import Offsets, Sampling, WarpSpec
from cdfi_model.warp import WARPS, adacof_warp
from torch import Tensor

CASES = [
    (item.name, sampling, offsets)
    for item in WARPS.all()
    if not item.native  # float32 only: test_fused_warp.py
    for sampling in get_args(Sampling)
    for offsets in get_args(Offsets)
    if item.fits(WarpSpec(1, 1, sampling, offsets))
]


def make_inputs(spec: WarpSpec) -> list[Tensor]:
    """Fractions stay off the whole numbers, where the warp has kinks."""
    random = torch.Generator().manual_seed(3)
    maps = (2, spec.taps * spec.taps, 3, 4)
    image = torch.randn(2, 2, 3, 4, generator=random, dtype=torch.float64)
    weight = torch.softmax(torch.randn(maps, generator=random, dtype=torch.float64), dim=1)
    whole = torch.randint(-5, 5, (2, *maps), generator=random)
    alpha, beta = whole + 0.2 + 0.6 * torch.rand((2, *maps), generator=random, dtype=torch.float64)
    own = spec.offset_maps
    tensors = (image, weight, alpha[:, :own].clone(), beta[:, :own].clone())
    return [tensor.requires_grad_() for tensor in tensors]


@pytest.mark.parametrize(("name", "sampling", "offsets"), CASES)
@pytest.mark.parametrize("taps", [1, 3])
def test_gradcheck(name: str, sampling: Sampling, offsets: Offsets, taps: int) -> None:
    spec = WarpSpec(taps, 2, sampling, offsets)

    def warp(image: Tensor, weight: Tensor, alpha: Tensor, beta: Tensor) -> Tensor:
        return adacof_warp(image, weight, alpha, beta, spec, name)

    assert torch.autograd.gradcheck(warp, make_inputs(spec), fast_mode=taps > 1)


@pytest.mark.parametrize("offsets", ["per_tap", "shared"])
@pytest.mark.parametrize("sampling", ["truncate", "bilinear"])
def test_gradients_are_the_same_by_every_formulation(sampling: Sampling, offsets: Offsets) -> None:
    spec = WarpSpec(5, 1, sampling, offsets)
    inputs = make_inputs(spec)
    gradients = {}
    for item in WARPS.all():
        if item.fits(spec) and not item.native:
            warped = adacof_warp(*inputs, spec, item.name)
            gradients[item.name] = torch.autograd.grad(warped.square().sum(), inputs)
    expected = gradients.pop("gather")
    assert all(gradient.abs().max() > 0 for gradient in expected)
    for name, got in gradients.items():
        for one, other in zip(got, expected, strict=True):
            assert (one - other).abs().max() < 1e-11, name
