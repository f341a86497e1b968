"""Every warp formulation against the slow float64 reference."""

from __future__ import annotations

import itertools
from typing import NamedTuple, get_args

import numpy as np
import pytest
import torch
from cdfi_model.spec import Offsets, Sampling, WarpSpec
from cdfi_model.warp import WARPS, adacof_warp, warp_padded
from cdfi_model.warp.reference import reference_warp
from cdfi_runtime.errors import InputError, UnknownNameError
from numpy.typing import NDArray
from torch import Tensor

Array = NDArray[np.float64]
CASES = [
    (item.name, sampling, offsets)
    for item in WARPS.all()
    if not item.native  # float32 only: test_fused_warp.py
    for sampling in get_args(Sampling)
    for offsets in get_args(Offsets)
    if item.fits(WarpSpec(1, 1, sampling, offsets))
]
# A covering selection: F, d, channels, (height, width), batch.
SHAPES = (
    (1, 1, 3, (5, 7), 2),
    (1, 2, 1, (1, 1), 1),
    (3, 1, 63, (5, 3), 1),
    (3, 2, 3, (7, 9), 2),
    (5, 1, 3, (9, 6), 1),
    (5, 2, 1, (3, 5), 3),
    (11, 1, 1, (3, 5), 1),
    (11, 2, 3, (5, 7), 1),
)


class Inputs(NamedTuple):
    image: Array
    weight: Array
    alpha: Array
    beta: Array


def make_inputs(
    taps: int,
    channels: int,
    size: tuple[int, int],
    batch: int,
    kind: str,
    offsets: Offsets = "per_tap",
) -> Inputs:
    """Offsets are multiples of 1/64: exact in float32, so truncation never hangs on rounding."""
    random = np.random.default_rng([taps, channels, *size, batch, len(kind)])
    maps = (batch, taps * taps, *size)
    image = random.random((batch, channels, *size))
    logits = random.standard_normal(maps)
    weight = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    scale = {"mixed": 3.0, "far": 60.0, "integer": 3.0, "negative": 1.0}[kind]
    alpha, beta = np.round(random.standard_normal((2, *maps)) * scale * 64) / 64
    if kind == "integer":
        alpha, beta = np.round(alpha), np.round(beta)
    if kind == "negative":  # fractions in (-1, 0), where truncation extrapolates
        alpha, beta = (-random.integers(1, 64, maps) / 64.0 for _ in range(2))
    own = 1 if offsets == "shared" else taps * taps
    return Inputs(image, weight, alpha[:, :own], beta[:, :own])


def tensors(inputs: Inputs, dtype: torch.dtype) -> list[Tensor]:
    return [torch.from_numpy(array).to(dtype) for array in inputs]


@pytest.mark.usefixtures("native_built")
@pytest.mark.parametrize("kind", ["mixed", "far", "integer", "negative"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_native_formulations_equal_the_reference(
    shape: tuple[int, int, int, tuple[int, int], int], kind: str
) -> None:
    taps, dilation, channels, size, batch = shape
    for sampling, offsets in itertools.product(get_args(Sampling), get_args(Offsets)):
        inputs = make_inputs(taps, channels, size, batch, kind, offsets)
        spec = WarpSpec(taps, dilation, sampling, offsets)
        expected = reference_warp(*inputs, spec)
        items = [item for item in WARPS.all() if item.native and item.fits(spec)]
        assert items
        for item in items:
            single = adacof_warp(*tensors(inputs, torch.float32), spec, item.name)
            assert np.abs(single.numpy() - expected).max() <= 1e-5, (item.name, sampling, offsets)


@pytest.mark.parametrize("kind", ["mixed", "far", "integer", "negative"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_torch_formulations_equal_the_reference(
    shape: tuple[int, int, int, tuple[int, int], int], kind: str
) -> None:
    taps, dilation, channels, size, batch = shape
    for sampling, offsets in itertools.product(get_args(Sampling), get_args(Offsets)):
        inputs = make_inputs(taps, channels, size, batch, kind, offsets)
        spec = WarpSpec(taps, dilation, sampling, offsets)
        expected = reference_warp(*inputs, spec)
        for item in WARPS.all():
            if item.native or not item.fits(spec):
                continue
            single = adacof_warp(*tensors(inputs, torch.float32), spec, item.name)
            assert np.abs(single.numpy() - expected).max() <= 1e-5, (item.name, sampling, offsets)
            exact = adacof_warp(*tensors(inputs, torch.float64), spec, item.name)
            assert np.abs(exact.numpy() - expected).max() <= 1e-12, (item.name, sampling, offsets)


def test_the_selection_covers_what_was_asked_for() -> None:
    taps, dilations, channels, sizes, batches = zip(*SHAPES, strict=True)
    assert set(taps) >= {1, 3, 5, 11}
    assert set(dilations) == {1, 2}
    assert set(channels) == {1, 3, 63}
    assert any(height % 2 and width % 2 for height, width in sizes)
    assert max(batches) > 1
    assert {sampling for _, sampling, _ in CASES} == {"truncate", "bilinear"}
    names = {"per_tap", "per_row", "gather", "gather_rows", "deform_conv"}
    assert {name for name, _, offsets in CASES if offsets == "per_tap"} == names
    assert {name for name, _, offsets in CASES if offsets == "shared"} == names | {
        "lookup",
        "unfold",
    }


def test_reference_by_hand() -> None:
    """One tap, one row of pixels 0, 1, 4, 9: the value at column 2 with offset -0.25."""
    image = np.array([0.0, 1.0, 4.0, 9.0]).reshape(1, 1, 1, 4)
    weight, alpha, beta = np.ones((1, 1, 1, 4)), np.zeros((1, 1, 1, 4)), np.zeros((1, 1, 1, 4))
    beta[..., 2] = -0.25
    floored = reference_warp(image, weight, alpha, beta, WarpSpec(1, 1, "bilinear"))
    truncated = reference_warp(image, weight, alpha, beta, WarpSpec(1, 1, "truncate"))
    assert floored[0, 0, 0, 2] == 0.25 * 1 + 0.75 * 4
    assert truncated[0, 0, 0, 2] == 1.25 * 4 - 0.25 * 9


@pytest.mark.parametrize(("name", "sampling", "offsets"), CASES)
def test_tap_order_and_centre(name: str, sampling: Sampling, offsets: Offsets) -> None:
    """Tap k * F + l reads k rows and l columns further, around a centred grid."""
    image = torch.arange(35.0, dtype=torch.float64).reshape(1, 1, 5, 7)
    zeros = torch.zeros(1, 9, 5, 7, dtype=torch.float64)
    for k, column in itertools.product(range(3), range(3)):
        weight = zeros.clone()
        weight[:, k * 3 + column] = 1
        spec = WarpSpec(3, 2, sampling, offsets)
        still = zeros[:, : spec.offset_maps]
        warped = adacof_warp(image, weight, still, still, spec, name)
        assert abs(warped[0, 0, 2, 3] - image[0, 0, 2 * k, 3 + 2 * (column - 1)]) < 1e-12


@pytest.mark.parametrize(("name", "sampling", "offsets"), CASES)
def test_a_padded_image_is_taken_as_it_is(name: str, sampling: Sampling, offsets: Offsets) -> None:
    inputs = make_inputs(3, 3, (4, 6), 1, "far", offsets)
    image, *maps = tensors(inputs, torch.float64)
    spec = WarpSpec(3, 2, sampling, offsets)
    padded = torch.nn.functional.pad(image, (2, 2, 2, 2), mode="replicate")
    assert torch.equal(
        warp_padded(padded, *maps, spec, name), adacof_warp(image, *maps, spec, name)
    )


def test_unknown_formulation_lists_the_known_ones() -> None:
    image, *maps = tensors(make_inputs(1, 1, (2, 2), 1, "mixed"), torch.float32)
    known = "deform_conv, fused, gather, gather_rows, lookup, per_row, per_tap, unfold"
    with pytest.raises(UnknownNameError, match=known):
        adacof_warp(image, *maps, WarpSpec(1, 1, "bilinear"), "fold")


def test_deform_conv_refuses_truncation() -> None:
    image, *maps = tensors(make_inputs(1, 1, (2, 2), 1, "mixed"), torch.float32)
    with pytest.raises(InputError, match="cannot sample by 'truncate'"):
        adacof_warp(image, *maps, WarpSpec(1, 1, "truncate"), "deform_conv")


def test_unfold_refuses_an_offset_for_each_tap() -> None:
    image, *maps = tensors(make_inputs(1, 1, (2, 2), 1, "mixed"), torch.float32)
    with pytest.raises(InputError, match="per_tap offsets"):
        adacof_warp(image, *maps, WarpSpec(1, 1, "bilinear"), "unfold")


def test_maps_of_another_kernel_are_refused() -> None:
    image, *maps = tensors(make_inputs(3, 1, (2, 2), 1, "mixed"), torch.float32)
    with pytest.raises(InputError, match="25 channels"):
        adacof_warp(image, *maps, WarpSpec(5, 1, "truncate"))
