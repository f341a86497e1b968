"""Bilinear sampling: by the ``grid_sample`` that ONNX Runtime is quick at, and by lookups."""

from __future__ import annotations

import pytest
import torch
from cdfi_model.warp import bilinear_sampler
from torch import Tensor


def sample_by_hand(image: Tensor, row: float, column: float) -> Tensor:
    height, width = image.shape[2:]
    row, column = min(max(row, 0.0), height - 1), min(max(column, 0.0), width - 1)
    top, left = int(row), int(column)
    below, right = min(top + 1, height - 1), min(left + 1, width - 1)
    dy, dx = row - top, column - left
    upper = image[0, :, top, left] * (1 - dx) + image[0, :, top, right] * dx
    lower = image[0, :, below, left] * (1 - dx) + image[0, :, below, right] * dx
    return upper * (1 - dy) + lower * dy


@pytest.mark.parametrize("formulation", ["per_tap", "lookup"])
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 2e-5)])
@pytest.mark.parametrize("size", [(1, 1), (1, 5), (6, 7)])
def test_positions_inside_on_the_edge_and_outside(
    size: tuple[int, int], dtype: torch.dtype, tolerance: float, formulation: str
) -> None:
    height, width = size
    sample = bilinear_sampler(formulation)
    image = torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(1)).to(dtype)
    places = [0.0, 0.25, height - 1.0, height - 1.5, -0.5, -40.0, height - 0.5, height + 300.0]
    for row in places:
        for column in (0.0, width - 1.0, 0.75, -9.0, width + 9.0):
            at = [torch.full((1, 1, 1, 1), value, dtype=dtype) for value in (row, column)]
            sampled = sample(image, *at)[0, :, 0, 0, 0]
            expected = sample_by_hand(image, row, column)
            assert (sampled - expected).abs().max() <= tolerance, (row, column)


def test_every_picture_of_a_batch_is_sampled_by_its_own_positions() -> None:
    random = torch.Generator().manual_seed(2)
    image = torch.rand(3, 2, 5, 6, generator=random)
    at = torch.rand(2, 3, 4, 5, 6, generator=random) * 8 - 1
    for formulation in ("per_tap", "lookup"):
        sample = bilinear_sampler(formulation)
        together = sample(image, *at)
        alone = [sample(image[i : i + 1], *at[:, i : i + 1]) for i in range(3)]
        assert torch.allclose(together, torch.cat(alone), atol=1e-6)
