"""The numbers of one frame, and how those of several become the numbers of a set."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from statistics import fmean
from typing import Any, TypeAlias

import numpy as np
from cdfi_runtime.metrics import SSIM_WINDOW, max_abs, p99_9, psnr, ssim, to_8bit
from numpy.typing import NDArray

from cdfi_bench.predictors import RawFrame
from cdfi_bench.report import Parity, Quality

RAW_RANGE = 1.0
IDENTICAL = "infinite: an output is identical to what it is compared with"
TOO_SMALL = f"a frame is smaller than SSIM's window of {SSIM_WINDOW} pixels"
NO_REFERENCE = "nothing to take the difference to"
NO_LPIPS = "no weights on disk: give them with cdfi-bench quality --lpips-weights"
LPIPS_TOO_SMALL = "a frame is smaller than the smallest that LPIPS takes"

Perceptual: TypeAlias = Callable[[NDArray[np.uint8], NDArray[np.uint8]], float | None]
"""LPIPS of two frames; ``None`` where they are too small."""


def raw_parity(output: RawFrame, expected: RawFrame, reference: str) -> Parity:
    """Compare two ``(H, W, 3)`` frames with values in about [0, 1], before rounding."""
    return _parity(
        reference,
        max_abs(output, expected),
        p99_9(output, expected),
        psnr(output, expected, data_range=RAW_RANGE),
        _ssim(output, expected, RAW_RANGE),
    )


def worst_parity(images: Sequence[Parity]) -> Parity:
    """The worst value of each measure over at least one image."""
    ssims = [each.ssim for each in images if each.ssim is not None]
    return _parity(
        images[0].reference,
        max(each.max_abs for each in images),
        max(each.p99_9 for each in images),
        min(_or_infinite(each.psnr_db) for each in images),
        min(ssims) if len(ssims) == len(images) else None,
    )


def frame_quality(
    output: RawFrame,
    truth: NDArray[np.uint8],
    expected: RawFrame | None = None,
    reference: str | None = None,
    *,
    perceptual: Perceptual | None = None,
) -> Quality:
    """A ``(H, W, 3)`` output, rounded to 8 bit, against the true frame.

    Args:
        output: Values in about [0, 1].
        truth: The same shape, uint8.
        expected: The reference's output for the same pair.
        reference: The reference's name.
        perceptual: Measures LPIPS, if its weights are at hand.
    """
    own = _against_truth(output, truth)
    lpips = None if perceptual is None else perceptual(to_8bit(output), truth)
    why = NO_LPIPS if perceptual is None else LPIPS_TOO_SMALL
    if expected is None:
        return _quality(*own, lpips=lpips, no_lpips=why)
    other = _against_truth(expected, truth)
    return _quality(*own, reference, *other, lpips=lpips, no_lpips=why)


def mean_quality(images: Sequence[Quality]) -> Quality:
    """The mean of each measure over at least one image."""
    own = (
        fmean(_or_infinite(each.psnr_db) for each in images),
        _mean(each.ssim for each in images),
    )
    lpips = _mean(each.lpips for each in images)
    reasons = [each.unmeasured["lpips"] for each in images if each.lpips is None]
    why = reasons[0] if reasons else NO_LPIPS
    if images[0].reference is None:
        return _quality(*own, lpips=lpips, no_lpips=why)
    return _quality(
        *own,
        images[0].reference,
        fmean(_or_infinite(each.reference_psnr_db) for each in images),
        _mean(each.reference_ssim for each in images),
        lpips=lpips,
        no_lpips=why,
    )


def _parity(
    reference: str, largest: float, percentile: float, psnr_db: float, ssim_value: float | None
) -> Parity:
    unmeasured: dict[str, str] = {}
    return Parity(
        reference=reference,
        max_abs=largest,
        p99_9=percentile,
        psnr_db=_finite("psnr_db", psnr_db, unmeasured),
        data_range=RAW_RANGE,
        ssim=_present("ssim", ssim_value, unmeasured),
        unmeasured=unmeasured,
    )


def _quality(
    psnr_db: float,
    ssim_value: float | None,
    reference: str | None = None,
    reference_psnr_db: float | None = None,
    reference_ssim: float | None = None,
    *,
    lpips: float | None,
    no_lpips: str,
) -> Quality:
    unmeasured: dict[str, str] = {} if lpips is not None else {"lpips": no_lpips}
    own = _finite("psnr_db", psnr_db, unmeasured)
    own_ssim = _present("ssim", ssim_value, unmeasured)
    other = other_ssim = difference = None
    if reference is None or reference_psnr_db is None:
        names = ("reference", "reference_psnr_db", "reference_ssim", "psnr_difference_db")
        unmeasured |= dict.fromkeys(names, NO_REFERENCE)
    else:
        other = _finite("reference_psnr_db", reference_psnr_db, unmeasured)
        other_ssim = _present("reference_ssim", reference_ssim, unmeasured)
        # Both exact: no difference. One exact: infinite, which JSON has no number for.
        both_exact = psnr_db == reference_psnr_db
        gap = 0.0 if both_exact else psnr_db - reference_psnr_db
        difference = _finite("psnr_difference_db", gap, unmeasured)
    return Quality(
        psnr_db=own,
        ssim=own_ssim,
        lpips=lpips,
        reference=reference,
        reference_psnr_db=other,
        reference_ssim=other_ssim,
        psnr_difference_db=difference,
        unmeasured=unmeasured,
    )


def _against_truth(output: RawFrame, truth: NDArray[np.uint8]) -> tuple[float, float | None]:
    shown = to_8bit(output)
    return psnr(shown, truth, data_range=255), _ssim(shown, truth, 255)


def _ssim(a: NDArray[Any], b: NDArray[Any], data_range: float) -> float | None:
    return None if min(a.shape[:2]) < SSIM_WINDOW else ssim(a, b, data_range=data_range)


def _mean(values: Iterable[float | None]) -> float | None:
    """The mean, or ``None`` if any value is missing: a mean over fewer images would mislead."""
    present = list(values)
    kept = [value for value in present if value is not None]
    return fmean(kept) if len(kept) == len(present) else None


def _or_infinite(value: float | None) -> float:
    return math.inf if value is None else value


def _finite(name: str, value: float, unmeasured: dict[str, str]) -> float | None:
    if math.isfinite(value):
        return value
    unmeasured[name] = IDENTICAL
    return None


def _present(name: str, value: float | None, unmeasured: dict[str, str]) -> float | None:
    if value is None:
        unmeasured[name] = TOO_SMALL
    return value
