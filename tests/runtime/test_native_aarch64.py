"""The NEON kernels, built by CMake for aarch64 and run under emulation.

Whole batches of calls go to ``cdfi_replay`` in one process: the emulator takes its time to start.
"""

from __future__ import annotations

import itertools
import re
import struct
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import numpy as np
from cdfi_model.spec import Offsets, Sampling, WarpSpec
from cdfi_model.warp.reference import reference_warp
from numpy.typing import NDArray

Array = NDArray[np.float32]
Emulated = Any  # of conftest.py, which cannot be imported
SCALAR, VECTOR4 = 0, 1
REPORT, WARP = 0, 1  # of replay.cpp
VECTOR_ARITHMETIC = r"\bf(?:mla|mls|mul|add|sub)\s+v\d+\.4s"
# F, d, C, (height, width), batch: every F, d and C; a part of a tile, whole ones, both.
SIZES = ((1, 1), (5, 7), (2, 16), (3, 33))
MATRIX = [
    (taps, dilation, channels, SIZES[index % len(SIZES)], 1 + index % 2)
    for index, (taps, dilation, channels) in enumerate(
        itertools.product((1, 3, 5, 11), (1, 2), (1, 3, 4, 63, 70))
    )
]


@dataclass(frozen=True)
class Call:
    """One call of ``cdfi_warp``; all arrays have four axes."""

    spec: WarpSpec
    logits: bool
    image: Array
    weight: Array
    alpha: Array
    beta: Array

    def encoded(self, level: int) -> tuple[bytes, int]:
        """For ``Emulated.replay``."""
        batch, channels, *image_size = self.image.shape
        spec = self.spec
        fields = [
            *(WARP, level, batch, channels, *image_size, *self.weight.shape[2:]),
            *(spec.taps, spec.dilation, spec.offset_maps, spec.reach),
            *(get_args(Sampling).index(spec.sampling), self.logits, 1, 0),
        ]
        arrays = (self.image, self.weight, self.alpha, self.beta)
        data = b"".join(np.ascontiguousarray(array, "<f4").tobytes() for array in arrays)
        return struct.pack("<16q", *fields) + data, int(np.prod(self.out_shape))

    @property
    def out_shape(self) -> tuple[int, ...]:
        return (*self.image.shape[:2], *self.weight.shape[2:])


def warp(
    aarch64: Emulated, calls: list[Call], level: int, options: Iterable[str] = ()
) -> list[Array]:
    answers = aarch64.replay([call.encoded(level) for call in calls], options)
    return [answer.reshape(call.out_shape) for call, answer in zip(calls, answers, strict=True)]


def softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)  # type: ignore[no-any-return]


def random_call(
    shape: tuple[int, int, int, tuple[int, int], int],
    sampling: Sampling,
    offsets: Offsets,
    logits: bool,
) -> Call:
    """Images in [0, 1], weights that add up to 1, offsets of some pixels."""
    taps, dilation, channels, size, batch = shape
    spec = WarpSpec(taps, dilation, sampling, offsets)
    random = np.random.default_rng([taps, dilation, channels, *size])
    weight = random.standard_normal((batch, taps * taps, *size)) * 3
    arrays = (
        random.random((batch, channels, *size)),
        weight if logits else softmax(weight),
        *random.standard_normal((2, batch, spec.offset_maps, *size)) * 3,
    )
    return Call(spec, logits, *(array.astype(np.float32) for array in arrays))


def by_reference(call: Call) -> NDArray[np.float64]:
    arrays = (call.image, call.weight, call.alpha, call.beta)
    image, weight, alpha, beta = (array.astype(np.float64) for array in arrays)
    return reference_warp(image, softmax(weight) if call.logits else weight, alpha, beta, call.spec)


def test_neon_equals_the_scalar_level(aarch64: Emulated) -> None:
    calls = [
        random_call(shape, sampling, offsets, logits)
        for shape in MATRIX
        for sampling, offsets in itertools.product(get_args(Sampling), get_args(Offsets))
        for logits in (False, True)
    ]
    for call, scalar, neon in zip(
        calls, warp(aarch64, calls, SCALAR), warp(aarch64, calls, VECTOR4), strict=True
    ):
        place = (call.spec, call.logits, call.out_shape)
        assert np.abs(neon - scalar).max() <= 1e-5, place
        if call.spec.taps <= 5 and call.image.shape[1] <= 4:  # the reference is slow
            assert np.abs(scalar - by_reference(call)).max() <= 1e-5, place


def awkward_offsets(random: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Beside whole numbers and around halves, signed zeros, subnormal, huge and no numbers."""
    whole = random.integers(-9, 10, shape).astype(np.float32)
    values = np.stack(
        [
            whole,
            np.nextafter(whole, np.float32(-np.inf)),
            np.nextafter(whole, np.float32(np.inf)),
            whole + np.float32(0.5),
            random.standard_normal(shape).astype(np.float32) * np.float32(4),
            random.choice([-0.0, 1e-45, -1e-45, -1e-30, 1e-30], shape).astype(np.float32),
            random.choice([8388607.5, -8388607.5, 3e9, -3e9, 3e38], shape).astype(np.float32),
            random.choice([np.nan, np.inf, -np.inf], shape).astype(np.float32),
        ]
    )
    chosen = random.choice(len(values), shape, p=[0.2, 0.2, 0.15, 0.1, 0.2, 0.05, 0.05, 0.05])
    return np.take_along_axis(values, chosen[None], axis=0)[0]  # type: ignore[no-any-return]


def touched_pixels(call: Call) -> NDArray[np.bool_]:
    """``(pixels of the image, H, W)``: which ones the definition reads for which result."""
    spec, (height, width) = call.spec, call.weight.shape[2:]
    down, right = call.image.shape[2:]
    result = np.zeros((down * right, height, width), bool)
    rounding = np.trunc if spec.sampling == "truncate" else np.floor
    rows, columns = np.mgrid[:height, :width]
    for k, l in itertools.product(range(spec.taps), repeat=2):  # noqa: E741
        own = k * spec.taps + l if spec.offset_maps > 1 else 0
        low = []
        for start, tap, offset in ((rows, k, call.alpha), (columns, l, call.beta)):
            far = np.clip(np.nan_to_num(offset[0, own].astype(np.float64)), -(2.0**23), 2.0**23)
            low.append(start + tap * spec.dilation - spec.reach + rounding(far).astype(int))
        for y, x in itertools.product((low[0], low[0] + 1), (low[1], low[1] + 1)):
            pixel = np.clip(y, 0, down - 1) * right + np.clip(x, 0, right - 1)
            np.put_along_axis(result, pixel[None], True, axis=0)
    return result


def test_neon_reads_the_same_pixels(aarch64: Emulated) -> None:
    """The taps land on the same pixels to the bit, for offsets of any value.

    Channel c of the image is NaN at pixel c alone, so a NaN result names a pixel that was read,
    whatever its weight.
    """
    random = np.random.default_rng(5)
    down, right = 5, 19
    image = np.ones((1, down * right, down * right), np.float32)
    np.einsum("bcc->bc", image)[...] = np.nan
    diagonal = image.reshape(1, -1, down, right)
    calls = []
    for taps, dilation, sampling, offsets in itertools.product(
        (1, 3), (1, 2), get_args(Sampling), get_args(Offsets)
    ):
        spec = WarpSpec(taps, dilation, sampling, offsets)
        shape = (1, spec.offset_maps, down, right)
        weight = random.random((1, taps * taps, down, right)).astype(np.float32)
        maps = [awkward_offsets(random, shape) for _ in range(2)]
        calls.append(Call(spec, False, diagonal, weight, *maps))
    by_level = [warp(aarch64, calls, level) for level in (SCALAR, VECTOR4)]
    for call, scalar, neon in zip(calls, *by_level, strict=True):
        expected = touched_pixels(call)
        np.testing.assert_array_equal(np.isnan(scalar[0]), expected)
        np.testing.assert_array_equal(np.isnan(neon[0]), expected)


def test_neon_gives_exact_sums_bit_for_bit(aarch64: Emulated) -> None:
    """Where nothing is rounded, every bit is right: a wrong tap, corner or weight shows.

    Each result has one tap of weight 1; pixels are distinct whole numbers, offsets eighths.
    """
    random = np.random.default_rng(6)
    calls = []
    for taps, dilation, channels in ((1, 1, 1), (3, 2, 5), (5, 1, 12), (11, 2, 3)):
        for sampling, offsets in itertools.product(get_args(Sampling), get_args(Offsets)):
            spec = WarpSpec(taps, dilation, sampling, offsets)
            maps = (1, spec.offset_maps, 7, 21)
            image = random.permutation(channels * 7 * 21).reshape(1, channels, 7, 21)
            weight = np.zeros((1, taps * taps, 7, 21))
            np.put_along_axis(weight, random.integers(0, taps * taps, (1, 1, 7, 21)), 1.0, axis=1)
            shifts = random.integers(-80, 81, (2, *maps)) / 8
            arrays = (image, weight, *shifts)
            calls.append(Call(spec, False, *(array.astype(np.float32) for array in arrays)))
    by_level = [warp(aarch64, calls, level) for level in (SCALAR, VECTOR4)]
    for call, scalar, neon in zip(calls, *by_level, strict=True):
        expected = by_reference(call)
        np.testing.assert_array_equal(scalar, expected)
        np.testing.assert_array_equal(neon, expected)


def test_vector_code_is_there_and_dispatched(aarch64: Emulated) -> None:
    vector4, scalar = (aarch64.code(f"adacof_warp_{level}") for level in ("vector4", "scalar"))
    assert len(re.findall(VECTOR_ARITHMETIC, vector4)) > 20
    assert "fmla\tv" in vector4
    assert not re.search(VECTOR_ARITHMETIC, scalar)
    status, *levels, dispatch = struct.unpack(
        "<q5f", aarch64.run("cdfi_replay", data=struct.pack("<16q", REPORT, *[0] * 15))
    )
    assert (status, levels, dispatch) == (0, [1, 1, 0, 0], VECTOR4)


def test_vector_code_is_executed(aarch64: Emulated, tmp_path: Path) -> None:
    """The emulator writes down the instructions that it comes to."""
    call = random_call((3, 1, 63, (5, 40), 1), "truncate", "per_tap", True)
    counts = []
    for level in (SCALAR, VECTOR4):
        log = tmp_path / f"level{level}.log"
        warp(aarch64, [call], level, ["-d", "in_asm", "-D", str(log)])
        counts.append(len(re.findall(r"\bfmla\s+v\d+\.4s", log.read_text())))
    assert counts[SCALAR] == 0
    assert counts[VECTOR4] >= 8


def test_hostile_values_under_emulation(aarch64: Emulated) -> None:
    assert b"150 rounds, dispatch level 1" in aarch64.run("cdfi_fuzz", "150")


def test_the_library_is_of_that_machine(aarch64: Emulated) -> None:
    library = aarch64.folder / "libcdfi_native.so"
    assert library.read_bytes()[18:20] == b"\xb7\x00", "e_machine of AArch64"
    command = [aarch64.objdump, "-T", str(library)]
    exported = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    for name in ("cdfi_warp", "cdfi_native_dispatch", "RegisterCustomOps"):
        assert re.search(rf"\.text\s.*\b{name}$", exported, re.MULTILINE), name
