"""The one PSNR and the one SSIM of this project, both by scikit-image.

The papers measure RGB frames after an 8-bit PNG round trip and average over images: round both
frames with :func:`to_8bit` and use ``data_range=255``. Parity compares outputs before rounding with
``data_range=1``.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cdfi_runtime.errors import InputError, MissingDependencyError
from cdfi_runtime.frames import round_to_uint8

SSIM_WINDOW = 7  # the default window of scikit-image, in pixels


def to_8bit(frame: NDArray[Any]) -> NDArray[np.uint8]:
    """A frame as an 8-bit image file would hold it: uint8 as it is, floats clipped and rounded.

    Args:
        frame: uint8, or floating point in about [0, 1]; any shape.

    Raises:
        InputError: NaN values, or another data type.
    """
    return round_to_uint8(frame)


def psnr(a: NDArray[Any], b: NDArray[Any], *, data_range: float) -> float:
    """Peak signal-to-noise ratio in dB over all values; infinite when ``a`` equals ``b``.

    Args:
        a: Any shape.
        b: The same shape and data type.
        data_range: The peak: 255 for uint8, 1.0 for floats in [0, 1].

    Raises:
        InputError: shapes, data types or values that cannot be compared.
        MissingDependencyError: scikit-image is not installed.
    """
    _check(a, b, data_range)
    metrics = _skimage_metrics("PSNR")
    if np.array_equal(a, b):
        return math.inf
    return float(metrics.peak_signal_noise_ratio(a, b, data_range=data_range))


def ssim(a: NDArray[Any], b: NDArray[Any], *, data_range: float) -> float:
    """Structural similarity with the defaults of scikit-image, mean over pixels and channels.

    Args:
        a: ``(H, W, C)``, height and width at least 7.
        b: The same shape and data type.
        data_range: 255 for uint8, 1.0 for floats in [0, 1].

    Raises:
        InputError: shapes, data types or values that cannot be compared.
        MissingDependencyError: scikit-image is not installed.
    """
    _check(a, b, data_range)
    if a.ndim != 3 or min(a.shape[:2]) < SSIM_WINDOW:
        raise InputError(
            "SSIM cannot be measured on these frames",
            expected=f"(height, width, channels) of at least {SSIM_WINDOW}x{SSIM_WINDOW} pixels",
            got=f"shape {a.shape}",
        )
    metrics = _skimage_metrics("SSIM")
    return float(metrics.structural_similarity(a, b, data_range=data_range, channel_axis=-1))


def max_abs(a: NDArray[Any], b: NDArray[Any]) -> float:
    """The largest absolute difference, in the unit of the values."""
    return float(_difference(a, b).max())


def p99_9(a: NDArray[Any], b: NDArray[Any]) -> float:
    """The 99.9th percentile of the absolute differences, in the unit of the values."""
    return float(np.percentile(_difference(a, b), 99.9))


def _difference(a: NDArray[Any], b: NDArray[Any]) -> NDArray[np.float64]:
    _check(a, b, 1.0)
    return np.abs(a.astype(np.float64) - b.astype(np.float64))


def _check(a: NDArray[Any], b: NDArray[Any], data_range: float) -> None:
    if a.shape != b.shape or a.dtype != b.dtype:
        raise InputError(
            "only frames of one shape and data type can be compared",
            expected=f"{a.shape} {a.dtype}",
            got=f"{b.shape} {b.dtype}",
        )
    if a.size == 0:
        raise InputError("frames without pixels cannot be compared", got=f"shape {a.shape}")
    if not (math.isfinite(data_range) and data_range > 0):
        raise InputError("data_range must be positive", got=str(data_range))
    for frame in (a, b):
        bad = 0 if frame.dtype.kind in "ub" else int(np.count_nonzero(~np.isfinite(frame)))
        if bad:
            raise InputError(
                "a frame to be compared holds NaN or infinite values",
                expected="finite values",
                got=f"{bad} of {frame.size} values",
            )


def _skimage_metrics(needed_for: str) -> Any:
    try:
        import skimage.metrics
    except ImportError as error:
        raise MissingDependencyError("skimage", extra="bench", needed_for=needed_for) from error
    return skimage.metrics
