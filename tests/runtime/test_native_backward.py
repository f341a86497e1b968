"""Gradients of the native warp against autograd in float64, at every instruction set level."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any, NamedTuple, get_args

import numpy as np
import pytest
import torch
from cdfi_model.spec import Offsets, Sampling, WarpSpec
from cdfi_model.warp import adacof_warp
from cdfi_model.warp.reference import reference_warp
from cdfi_runtime import native
from cdfi_runtime.errors import InputError
from cdfi_runtime.native_backward import Gradients, warp_backward
from numpy.typing import NDArray

Array = NDArray[np.float32]
# A covering selection: F, d, channels, (height, width), batch.
SHAPES = (
    (1, 1, 3, (5, 7), 2),
    (1, 2, 1, (1, 1), 1),
    (3, 1, 63, (5, 3), 1),
    (3, 2, 3, (7, 19), 2),
    (5, 1, 3, (3, 33), 1),
    (5, 2, 1, (3, 5), 3),
    (11, 1, 1, (3, 5), 1),
    (11, 2, 70, (1, 17), 1),
)


class Inputs(NamedTuple):
    grad_out: Array
    image: Array
    weight: Array
    alpha: Array
    beta: Array


@pytest.fixture(autouse=True)
def library(native_library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(native.VARIABLE, str(native_library))


def make_inputs(
    taps: int, channels: int, size: tuple[int, int], batch: int, kind: str, offsets: Offsets
) -> Inputs:
    """Weights are logits. Offsets are exact in float32; only ``integer`` ones lie on kinks."""
    random = np.random.default_rng([taps, channels, *size, batch, len(kind)])
    maps = (batch, taps * taps, *size)
    grad_out, image = random.standard_normal((2, batch, channels, *size))
    logits = random.standard_normal(maps) * 3
    scale = {"mixed": 3.0, "far": 60.0, "integer": 3.0, "negative": 1.0}[kind]
    alpha, beta = np.floor(random.standard_normal((2, *maps)) * scale * 64) / 64 + 1 / 128
    if kind == "integer":
        alpha, beta = np.round(alpha), np.round(beta)
    if kind == "negative":  # fractions in (-1, 0), where truncation extrapolates
        alpha, beta = (-random.integers(1, 64, maps) / 64.0 for _ in range(2))
    own = 1 if offsets == "shared" else taps * taps
    arrays = (grad_out, image, logits, alpha[:, :own], beta[:, :own])
    return Inputs(*(np.ascontiguousarray(array, np.float32) for array in arrays))


def by_autograd(inputs: Inputs, spec: WarpSpec, *, logits: bool) -> list[NDArray[np.float64]]:
    grad_out, *tensors = (torch.from_numpy(array).double() for array in inputs)
    for tensor in tensors:
        tensor.requires_grad_()
    image, weight, alpha, beta = tensors
    shares = torch.softmax(weight, 1) if logits else weight
    warped = adacof_warp(image, shares, alpha, beta, spec, "gather")
    return [gradient.numpy() for gradient in torch.autograd.grad(warped, tensors, grad_out)]


def options(spec: WarpSpec) -> dict[str, Any]:
    return {"taps": spec.taps, "dilation": spec.dilation, "sampling": spec.sampling}


def assert_close(got: Gradients, expected: list[NDArray[np.float64]], case: object) -> None:
    for name, one, other in zip(got._fields, got, expected, strict=True):
        assert one is not None
        bound = 1e-5 * max(1.0, np.abs(other).max())
        assert np.abs(one - other).max() <= bound, (case, name)


@pytest.mark.parametrize("kind", ["mixed", "far", "integer", "negative"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_every_level_equals_autograd(
    shape: tuple[int, int, int, tuple[int, int], int], kind: str
) -> None:
    taps, dilation, channels, size, batch = shape
    cases = itertools.product(get_args(Sampling), get_args(Offsets), (False, True))
    for sampling, offsets, logits in cases:
        inputs = make_inputs(taps, channels, size, batch, kind, offsets)
        if not logits:
            inputs = inputs._replace(weight=inputs.weight / np.float32(taps * taps))
        spec = WarpSpec(taps, dilation, sampling, offsets)
        expected = by_autograd(inputs, spec, logits=logits)
        for level in native.levels():
            got = warp_backward(*inputs, **options(spec), logits=logits, level=level)
            assert_close(got, expected, (level, sampling, offsets, logits))


def test_by_the_definition_of_a_derivative() -> None:
    """Differences of the slow reference itself, in each of the four inputs, at a corner pixel."""
    spec = WarpSpec(3, 2, "truncate")
    inputs = make_inputs(3, 2, (3, 4), 1, "mixed", "per_tap")
    got = warp_backward(*inputs, **options(spec))
    exact = [array.astype(np.float64) for array in inputs]
    for which, gradient in enumerate(got, start=1):
        assert gradient is not None
        for place in ((0, 0, 0, 0), (0, 1, 2, 3)):
            sums = []
            for step in (-1e-3, 1e-3):
                moved = [array.copy() for array in exact]
                moved[which][place] += step
                sums.append((reference_warp(*moved[1:], spec) * exact[0]).sum())
            assert gradient[place] == pytest.approx((sums[1] - sums[0]) / 2e-3, abs=2e-5)


@pytest.mark.parametrize("axis", [2, 3])
def test_clamped_corners_give_their_gradient_to_the_border(axis: int) -> None:
    """All taps far outside, one side after the other: the pixels at that border get all."""
    shape = (1, 1, 4, 20)
    ones, zeros = np.ones(shape, np.float32), np.zeros(shape, np.float32)
    for far, border in ((-50.5, 0), (50.5, -1)):
        offset = np.full(shape, far, np.float32)
        alpha, beta = (offset, zeros) if axis == 2 else (zeros, offset)
        expected = np.zeros(shape, np.float32)
        np.moveaxis(expected, axis, 0)[border] = shape[axis]
        for level in native.levels():
            spec = options(WarpSpec(1, 1, "truncate"))
            got = warp_backward(ones, ones, ones, alpha, beta, **spec, level=level)
            assert got.image is not None
            np.testing.assert_allclose(got.image, expected, rtol=1e-6, atol=1e-6)
            np.testing.assert_array_equal(got[axis], zeros)


def test_threads_agree_and_repeat_bit_by_bit() -> None:
    inputs = make_inputs(3, 5, (7, 21), 2, "mixed", "per_tap")
    spec = WarpSpec(3, 2, "bilinear")
    expected = by_autograd(inputs, spec, logits=False)
    for threads in (1, 2, 5, 100):
        first, second = (warp_backward(*inputs, **options(spec), threads=threads) for _ in range(2))
        assert_close(first, expected, threads)
        for one, other in zip(first, second, strict=True):
            np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("offsets", get_args(Offsets))
def test_gradients_that_are_not_wanted_change_nothing(offsets: Offsets) -> None:
    inputs = make_inputs(3, 5, (4, 18), 1, "mixed", offsets)
    arguments = options(WarpSpec(3, 1, "truncate", offsets))
    for level in native.levels():
        whole = warp_backward(*inputs, **arguments, logits=True, level=level)
        for wanted in itertools.product((False, True), repeat=4):
            got = warp_backward(*inputs, **arguments, logits=True, level=level, wanted=wanted)
            for one, other, want in zip(got, whole, wanted, strict=True):
                assert (one is not None) == want
                if one is not None:
                    np.testing.assert_array_equal(one, other)


def test_a_padded_image_gets_the_gradient_of_its_padding() -> None:
    inputs = make_inputs(5, 4, (6, 19), 1, "far", "per_tap")
    arguments = options(WarpSpec(5, 2, "truncate"))
    wide = np.pad(inputs.image, ((0, 0), (0, 0), (4, 4), (4, 4)), mode="edge")
    plain = warp_backward(*inputs, **arguments)
    padded = warp_backward(*inputs._replace(image=wide), **arguments, padded=True)
    for one, other in zip(padded[1:], plain[1:], strict=True):
        np.testing.assert_array_equal(one, other)
    assert padded.image is not None and plain.image is not None
    assert padded.image.shape == wide.shape
    inner = padded.image[..., 5:-5, 5:-5]
    np.testing.assert_allclose(inner, plain.image[..., 1:-1, 1:-1], rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(padded.image.sum((2, 3)), plain.image.sum((2, 3)), rtol=1e-4)


def test_hostile_offsets_are_clamped() -> None:
    """NaN is no offset, infinity is as far as it gets: finite gradients, the same as those."""
    clean = make_inputs(3, 3, (5, 17), 1, "mixed", "per_tap")
    arguments = options(WarpSpec(3, 1, "truncate"))
    for value, same_as in ((np.nan, 0.0), (np.inf, 100.0), (-np.inf, -100.0), (3e38, 100.0)):
        for position in (3, 4):
            hostile, plain = (Inputs(*(array.copy() for array in clean)) for _ in range(2))
            hostile[position][0, 4, 2] = value
            plain[position][0, 4, 2] = same_as
            for level in native.levels():
                got = warp_backward(*hostile, **arguments, level=level)
                expected = warp_backward(*plain, **arguments, level=level)
                for one, other in zip(got, expected, strict=True):
                    assert one is not None and np.isfinite(one).all()
                    np.testing.assert_array_equal(one, other)


def test_a_gradient_that_does_not_fit_is_refused() -> None:
    inputs = make_inputs(3, 3, (5, 6), 1, "mixed", "per_tap")
    arguments = options(WarpSpec(3, 1, "truncate"))
    for grad_out in (inputs.grad_out[:, :2], inputs.grad_out.astype(np.float64)):
        with pytest.raises(InputError, match=r"expected: float32 \(1, 3, 5, 6\)"):
            warp_backward(grad_out, *inputs[1:], **arguments)
    with pytest.raises(InputError, match=r"\(1, 9, 5, 6\)"):
        warp_backward(*inputs._replace(weight=inputs.weight[:, :8]), **arguments)
