"""The gradients of the warp and the heads' warp on NEON, under emulation."""

from __future__ import annotations

import itertools
import re
import struct
from pathlib import Path
from typing import Any, NamedTuple, get_args

import numpy as np
import pytest
from cdfi_model.spec import Offsets, Sampling
from numpy.typing import NDArray

Array = NDArray[np.float32]
Emulated = Any  # of conftest.py, which cannot be imported
Call = tuple[bytes, int]
SCALAR, VECTOR4 = 0, 1
BACKWARD, HEADS = 2, 3  # of replay.cpp
VECTOR_ARITHMETIC = r"\bf(?:mla|mls|mul|add|sub)\s+v\d+\.4s"
# F, d, C, (height, width), batch.
WARPS = (
    (1, 1, 1, (1, 1), 2),
    (3, 2, 63, (5, 7), 1),
    (3, 1, 4, (2, 16), 2),
    (5, 1, 3, (3, 33), 1),
    (11, 2, 70, (2, 17), 1),
)


def packed(fields: list[int], arrays: list[NDArray[Any]], count: int) -> Call:
    data = (np.ascontiguousarray(array, "<f4").tobytes() for array in arrays)
    return struct.pack("<16q", *fields, *[0] * (16 - len(fields))) + b"".join(data), count


def backward_call(
    case: tuple[int, int, int, tuple[int, int], int],
    sampling: Sampling,
    offsets: Offsets,
    logits: bool,
    level: int,
) -> Call:
    taps, dilation, channels, size, batch = case
    random = np.random.default_rng([taps, channels, *size])
    own = 1 if offsets == "shared" else taps * taps
    fields = [
        *(BACKWARD, level, batch, channels, *size, *size, taps, dilation, own),
        *((taps - 1) * dilation // 2, get_args(Sampling).index(sampling), logits, 1),
    ]
    planes = (channels, taps * taps, own, own, channels)
    image, weight, *shifts, grad_out = (
        random.standard_normal((batch, count, *size)) for count in planes
    )
    weight = weight if logits else weight / taps**2
    arrays = [image, weight, *(shift * 3 for shift in shifts), grad_out]
    return packed(fields, arrays, sum(array.size for array in arrays[:4]))


class Heads(NamedTuple):
    """A call of the heads' warp; levels are channels, height and width."""

    taps: int
    dilation: int
    batch: int
    size: tuple[int, int]
    hidden_size: tuple[int, int]
    channels: tuple[int, ...]
    levels: tuple[tuple[int, int, int], ...] = ()

    def encoded(self, sampling: Sampling, level: int) -> Call:
        """Truncation gets offsets that are biases alone: it jumps, and rounding decides where."""
        random = np.random.default_rng([self.taps, *self.size])
        maps, pixels = self.taps**2, self.batch * self.size[0] * self.size[1]
        fields = [
            *(HEADS, level, self.batch, *self.size, *self.hidden_size, self.taps, self.dilation),
            *(get_args(Sampling).index(sampling), 1, len(self.levels)),
        ]
        arrays: list[NDArray[Any]] = [random.random((2, 3, pixels))]
        for index, channels in enumerate(self.channels):
            arrays.append(random.standard_normal((self.batch, channels, *self.hidden_size)))
            weight = random.standard_normal((maps, channels, 9)) / channels
            arrays.append(weight * (sampling == "bilinear" or index % 3 == 0))
            arrays.append(random.standard_normal(maps) * 2)
        arrays += [random.random((self.batch, *shape)) for shape in self.levels]
        count = pixels * (6 + 2 * sum(shape[0] for shape in self.levels))
        call, count = packed(fields, arrays, count)
        shapes = struct.pack(f"<{6 + 3 * len(self.levels)}q", *self.channels, *sum(self.levels, ()))
        return call[: 16 * 8] + shapes + call[16 * 8 :], count


HEADS_CASES = (
    Heads(1, 1, 1, (1, 1), (1, 1), (1,) * 6),
    Heads(3, 1, 2, (3, 25), (7, 4), (1, 2, 3, 4, 5, 6), ((5, 2, 3),)),
    Heads(5, 1, 1, (4, 50), (2, 25), (30,) * 6),
    Heads(11, 2, 1, (3, 26), (2, 13), (21,) * 6, ((4, 3, 26), (8, 2, 13), (48, 1, 7))),
    Heads(31, 1, 1, (1, 2), (1, 1), (2,) * 6, ((1, 1, 1),)),
)


def assert_parity(aarch64: Emulated, scalar: list[Call], neon: list[Call]) -> list[Array]:
    """Sums of up to some thousand numbers of a normal distribution are rounded, hence the scale."""
    both = zip(aarch64.replay(scalar), aarch64.replay(neon), strict=True)
    results = []
    for index, (one, other) in enumerate(both):
        assert np.isfinite(one).all()
        assert np.abs(one - other).max() <= 1e-5 * max(1.0, float(np.abs(one).max())), index
        results.append(one)
    return results


def test_neon_gradients_equal_the_scalar_level(aarch64: Emulated) -> None:
    cases = list(itertools.product(WARPS, get_args(Sampling), get_args(Offsets), (False, True)))
    by_level = ([backward_call(*case, level) for case in cases] for level in (SCALAR, VECTOR4))
    results = assert_parity(aarch64, *by_level)
    for (warp, *_), result in zip(cases, results, strict=True):
        # One pixel has no slope, and the share of one tap none either.
        assert np.count_nonzero(result) > (result.size / 4 if warp[0] > 1 else 0)


@pytest.mark.parametrize("sampling", get_args(Sampling))
def test_neon_heads_equal_the_scalar_level(aarch64: Emulated, sampling: Sampling) -> None:
    by_level = (
        [case.encoded(sampling, level) for case in HEADS_CASES] for level in (SCALAR, VECTOR4)
    )
    results = assert_parity(aarch64, *by_level)
    assert all(np.unique(result).size > 1 for result in results)


@pytest.mark.parametrize("source", ["heads_warp", "adacof_warp"])
def test_vector_code_is_there(aarch64: Emulated, source: str) -> None:
    assert len(re.findall(r"\bfmla\s+v\d+\.4s", aarch64.code(f"{source}_vector4"))) > 20
    assert not re.search(VECTOR_ARITHMETIC, aarch64.code(f"{source}_scalar"))


@pytest.mark.parametrize("kernel", ["backward", "heads"])
def test_vector_code_is_executed(aarch64: Emulated, tmp_path: Path, kernel: str) -> None:
    """The emulator writes down the instructions that it comes to."""
    counts = []
    for level in (SCALAR, VECTOR4):
        call = HEADS_CASES[3].encoded("bilinear", level)
        if kernel == "backward":
            call = backward_call(WARPS[1], "bilinear", "per_tap", True, level)
        log = tmp_path / f"level{level}.log"
        aarch64.replay([call], ["-d", "in_asm", "-D", str(log)])
        counts.append(len(re.findall(r"\bfmla\s+v\d+\.4s", log.read_text())))
    assert counts[SCALAR] == 0
    assert counts[VECTOR4] >= (16 if kernel == "heads" else 8)
