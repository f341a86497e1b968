"""The native warp kernels against the slow float64 reference, at every instruction set level."""

from __future__ import annotations

import itertools
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, NoReturn, get_args

import numpy as np
import pytest
from cdfi_model.spec import Offsets, Sampling, WarpSpec
from cdfi_model.warp.reference import reference_warp
from cdfi_runtime import native
from cdfi_runtime.errors import InputError
from numpy.typing import NDArray

Array = NDArray[np.float32]
NativeBuilder = Any  # of conftest.py, which cannot be imported
SOURCES = Path(__file__).parents[2] / "runtime" / "native"
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
    image: Array
    weight: Array
    alpha: Array
    beta: Array


@pytest.fixture
def library(native_library: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(native.VARIABLE, str(native_library))
    return native_library


def make_inputs(
    taps: int, channels: int, size: tuple[int, int], batch: int, kind: str, offsets: Offsets
) -> Inputs:
    """Weights are logits. Offsets are multiples of 1/64: exact in float32."""
    random = np.random.default_rng([taps, channels, *size, batch, len(kind)])
    maps = (batch, taps * taps, *size)
    image = random.random((batch, channels, *size))
    logits = random.standard_normal(maps) * 3
    scale = {"mixed": 3.0, "far": 60.0, "integer": 3.0, "negative": 1.0}[kind]
    alpha, beta = np.round(random.standard_normal((2, *maps)) * scale * 64) / 64
    if kind == "integer":
        alpha, beta = np.round(alpha), np.round(beta)
    if kind == "negative":  # fractions in (-1, 0), where truncation extrapolates
        alpha, beta = (-random.integers(1, 64, maps) / 64.0 for _ in range(2))
    own = 1 if offsets == "shared" else taps * taps
    arrays = (image, logits, alpha[:, :own], beta[:, :own])
    return Inputs(*(array.astype(np.float32) for array in arrays))


def softmax(logits: Array) -> NDArray[np.float64]:
    powers = np.exp(logits.astype(np.float64) - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)  # type: ignore[no-any-return]


def by_reference(inputs: Inputs, spec: WarpSpec) -> NDArray[np.float64]:
    image, alpha, beta = (
        array.astype(np.float64) for array in (inputs.image, inputs.alpha, inputs.beta)
    )
    return reference_warp(image, softmax(inputs.weight), alpha, beta, spec)


def options(spec: WarpSpec) -> dict[str, Any]:
    return {"taps": spec.taps, "dilation": spec.dilation, "sampling": spec.sampling}


@pytest.mark.parametrize("kind", ["mixed", "far", "integer", "negative"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.usefixtures("library")
def test_every_level_equals_the_reference(
    shape: tuple[int, int, int, tuple[int, int], int], kind: str
) -> None:
    taps, dilation, channels, size, batch = shape
    for sampling, offsets in itertools.product(get_args(Sampling), get_args(Offsets)):
        inputs = make_inputs(taps, channels, size, batch, kind, offsets)
        spec = WarpSpec(taps, dilation, sampling, offsets)
        expected = by_reference(inputs, spec)
        normalised = inputs._replace(weight=softmax(inputs.weight).astype(np.float32))
        for level in native.levels():
            whole = native.warp(*normalised, **options(spec), level=level)
            folded = native.warp(*inputs, **options(spec), logits=True, level=level)
            assert np.abs(whole - expected).max() <= 1e-5, (level, sampling, offsets)
            assert np.abs(folded - expected).max() <= 1e-5, (level, sampling, offsets, "logits")


def test_the_selection_covers_what_was_asked_for() -> None:
    taps, dilations, channels, sizes, batches = zip(*SHAPES, strict=True)
    assert set(taps) >= {1, 3, 5, 11}
    assert set(dilations) == {1, 2}
    assert set(channels) >= {1, 3, 63}
    assert any(width > 16 and width % 2 for _, width in sizes), "a full tile and a part of one"
    assert max(batches) > 1


@pytest.mark.usefixtures("library")
def test_levels_and_dispatch() -> None:
    assert native.available()
    assert native.levels()[:2] == ("scalar", "vector4")
    assert native.dispatch() == native.levels()[-1]


@pytest.mark.usefixtures("library")
def test_threads_and_strides_change_nothing() -> None:
    inputs = make_inputs(3, 5, (7, 21), 2, "mixed", "per_tap")
    arguments = options(WarpSpec(3, 2, "truncate"))
    expected = native.warp(*inputs, **arguments)
    for threads in (2, 5, 100):
        np.testing.assert_array_equal(native.warp(*inputs, **arguments, threads=threads), expected)
    strided = Inputs(
        *(array.transpose(3, 2, 1, 0).copy().transpose(3, 2, 1, 0) for array in inputs)
    )
    np.testing.assert_array_equal(native.warp(*strided, **arguments), expected)


@pytest.mark.usefixtures("library")
def test_a_padded_image_is_not_padded_again() -> None:
    inputs = make_inputs(5, 4, (6, 19), 1, "far", "per_tap")
    arguments = options(WarpSpec(5, 2, "truncate"))
    wide = np.pad(inputs.image, ((0, 0), (0, 0), (4, 4), (4, 4)), mode="edge")
    again = native.warp(wide, *inputs[1:], **arguments, padded=True)
    np.testing.assert_array_equal(again, native.warp(*inputs, **arguments))


@pytest.mark.usefixtures("library")
def test_the_softmax_is_stable() -> None:
    inputs = make_inputs(5, 3, (4, 18), 1, "mixed", "per_tap")
    spec = WarpSpec(5, 1, "truncate")
    for scale, shift in ((1.0, 1e4), (1.0, -1e4), (300.0, 0.0)):
        moved = inputs._replace(weight=inputs.weight * np.float32(scale) + np.float32(shift))
        for level in native.levels():
            result = native.warp(*moved, **options(spec), logits=True, level=level)
            assert np.abs(result - by_reference(moved, spec)).max() <= 1e-5, (level, scale, shift)


@pytest.mark.usefixtures("library")
def test_hostile_offsets_are_clamped() -> None:
    """NaN is no offset, infinity is as far as it gets, and both leave their neighbours alone."""
    clean = make_inputs(3, 3, (5, 17), 1, "mixed", "per_tap")
    for sampling in get_args(Sampling):
        arguments = options(WarpSpec(3, 1, sampling))
        for value, same_as in ((np.nan, 0.0), (np.inf, 100.0), (-np.inf, -100.0), (3e38, 100.0)):
            for position in (2, 3):
                hostile, plain = (Inputs(*(array.copy() for array in clean)) for _ in range(2))
                hostile[position][0, 4, 2] = value
                plain[position][0, 4, 2] = same_as
                for level in native.levels():
                    np.testing.assert_array_equal(
                        native.warp(*hostile, **arguments, level=level),
                        native.warp(*plain, **arguments, level=level),
                    )


@pytest.mark.usefixtures("library")
def test_a_nan_weight_stays_at_its_pixel() -> None:
    inputs = make_inputs(3, 3, (5, 17), 1, "mixed", "per_tap")
    inputs.weight[0, 5, 1, 16] = np.nan
    for logits in (False, True):
        result = native.warp(*inputs, **options(WarpSpec(3, 1, "truncate")), logits=logits)
        assert np.isnan(result[0, :, 1, 16]).all()
        assert np.isnan(result).sum() == 3


def test_fuzz_under_sanitizers(tmp_path: Path, build_native: NativeBuilder) -> None:
    """Random shapes and hostile values: no access out of bounds, no undefined behaviour."""
    checks = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
    probe = ["-xc++", "-", *checks, "-o", "probe"]
    build_native.skip_unless_accepted(probe, tmp_path, "the compiler has no sanitizers")
    last, sources = ["-o", "fuzz"], (path.name for path in SOURCES.glob("fuzz*.cpp"))
    fuzz = build_native(tmp_path / "fuzz", ["-O1", *checks], last, *sources) / "fuzz"
    result = subprocess.run([fuzz, "400"], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "400 rounds" in result.stdout


@pytest.mark.usefixtures("library")
def test_unfit_arguments_say_what_is_expected() -> None:
    image, weight, alpha, beta = make_inputs(3, 3, (5, 6), 1, "mixed", "per_tap")
    fit: dict[str, Any] = {"taps": 3, "dilation": 1, "sampling": "truncate"}
    with pytest.raises(InputError, match=r"expected: \(1, 9, 5, 6\)\n  got: \(1, 8, 5, 6\)"):
        native.warp(image, weight[:, :8], alpha, beta, **fit)
    with pytest.raises(InputError, match=r"'beta'.*\n  expected: \(1, 1, 5, 6\)"):
        native.warp(image, weight, alpha[:, :1], beta, **fit)
    with pytest.raises(InputError, match="got: float64"):
        native.warp(image.astype(np.float64), weight, alpha, beta, **fit)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="none of them empty"):
        native.warp(image[..., :0], weight[..., :0], alpha[..., :0], beta[..., :0], **fit)
    with pytest.raises(InputError, match="one of truncate, bilinear"):
        native.warp(image, weight, alpha, beta, **{**fit, "sampling": "nearest"})
    with pytest.raises(InputError, match="taps 2"):
        native.warp(image, weight, alpha, beta, **{**fit, "taps": 2})
    with pytest.raises(InputError, match="one of scalar, vector4"):
        native.warp(image, weight, alpha, beta, **fit, level="sse9")


def test_without_a_library_the_fix_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(native.VARIABLE, str(tmp_path / "none.so"))
    assert not native.available()
    with pytest.raises(native.NativeError, match="names does not exist"):
        native.dispatch()
    foreign = tmp_path / "foreign.so"
    foreign.write_bytes(b"not a library")
    monkeypatch.setenv(native.VARIABLE, str(foreign))
    with pytest.raises(native.NativeError, match="cannot be loaded"):
        native.dispatch()
    monkeypatch.delenv(native.VARIABLE)
    monkeypatch.setattr(native, "LIBRARY", "libcdfi_absent.so")
    assert not native.available()
    with pytest.raises(native.NativeError, match="fix: make native"):
        native.dispatch()


def test_importing_loads_nothing() -> None:
    code = "import sys, cdfi_runtime.native\nprint({'numpy', 'torch'} & {*sys.modules})"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "set()"


@pytest.mark.parametrize(("tool", "message"), [("CMAKE", "CMake 3.18"), ("CXX", "C++17 compiler")])
def test_make_native_names_what_is_missing(
    tool: str, message: str, lacking: Callable[[str], NoReturn]
) -> None:
    if shutil.which("make") is None or (tool == "CXX" and shutil.which("cmake") is None):
        lacking("make or CMake is not installed")
    command = ["make", "native", f"{tool}=an-absent-tool"]
    result = subprocess.run(
        command, cwd=SOURCES.parents[1], capture_output=True, text=True, check=False
    )
    assert result.returncode == 2
    assert message in result.stdout
    assert "'an-absent-tool' was not found" in result.stdout
