from __future__ import annotations

import builtins
import math
from typing import Any

import numpy as np
import pytest
from cdfi_runtime.errors import InputError, MissingDependencyError
from cdfi_runtime.images import read_image
from cdfi_runtime.metrics import max_abs, p99_9, psnr, ssim, to_8bit
from cdfi_runtime.samples import sample_triplet


def _pair() -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(3)
    a = generator.random((24, 30, 3), dtype=np.float32)
    noise = generator.normal(0, 0.05, a.shape).astype(np.float32)
    return a, np.clip(a + noise, 0, 1)


def test_psnr_is_its_definition() -> None:
    a, b = _pair()
    error = float(np.mean((a.astype(np.float64) - b) ** 2))
    assert psnr(a, b, data_range=1.0) == pytest.approx(10 * math.log10(1 / error), abs=1e-4)
    a8, b8 = to_8bit(a), to_8bit(b)
    error = float(np.mean((a8.astype(np.float64) - b8) ** 2))
    assert psnr(a8, b8, data_range=255) == pytest.approx(10 * math.log10(255**2 / error), abs=1e-4)


def test_known_values() -> None:
    black, gray = np.zeros((8, 8, 3), np.uint8), np.full((8, 8, 3), 51, np.uint8)
    assert psnr(black, gray, data_range=255) == pytest.approx(20 * math.log10(5), abs=1e-6)
    assert psnr(black, black, data_range=255) == math.inf
    assert ssim(gray, gray, data_range=255) == pytest.approx(1)
    flat = (0.01 * 255) ** 2 / (51**2 + (0.01 * 255) ** 2)  # the luminance term alone
    assert ssim(black, gray, data_range=255) == pytest.approx(flat, rel=1e-6)


def test_the_average_of_real_frames_is_measured_as_scikit_image_does() -> None:
    skimage_metrics = pytest.importorskip("skimage.metrics")
    first, truth, last = (read_image(path) for path in sample_triplet())
    average = to_8bit((first / 255 + last / 255) / 2)
    assert psnr(truth, average, data_range=255) == skimage_metrics.peak_signal_noise_ratio(
        truth, average
    )
    assert ssim(truth, average, data_range=255) == skimage_metrics.structural_similarity(
        truth, average, channel_axis=2
    )


def test_absolute_differences() -> None:
    a = np.zeros((10, 100, 3), np.uint8)
    b = a.copy()
    b[0, 0] = 200
    assert max_abs(b, a) == max_abs(a, b) == 200  # uint8 must not wrap around
    assert 0 < p99_9(a, b) <= 200
    assert p99_9(a, a) == 0


@pytest.mark.parametrize("measure", [psnr, ssim])
def test_what_cannot_be_compared_is_refused(measure: Any) -> None:
    a, b = _pair()
    with pytest.raises(InputError, match="one shape and data type"):
        measure(a, b[1:], data_range=1.0)
    with pytest.raises(InputError, match="one shape and data type"):
        measure(a, to_8bit(b), data_range=1.0)
    with pytest.raises(InputError, match="data_range"):
        measure(a, b, data_range=0.0)
    b[0, 0, 0] = np.nan
    with pytest.raises(InputError, match="1 of 2160"):
        measure(a, b, data_range=1.0)


def test_ssim_needs_seven_pixels() -> None:
    small = np.zeros((6, 20, 3), np.uint8)
    with pytest.raises(InputError, match="7x7"):
        ssim(small, small, data_range=255)


def test_without_scikit_image_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def refuse(name: str, *args: Any) -> Any:
        if name.startswith("skimage"):
            raise ImportError(name)
        return real(name, *args)

    monkeypatch.setattr(builtins, "__import__", refuse)
    a, b = _pair()
    with pytest.raises(MissingDependencyError, match=r"cdfi-mobile\[bench\]"):
        psnr(a, b, data_range=1.0)
