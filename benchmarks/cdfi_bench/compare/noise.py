"""How much slower one run is than another, and how sure that is, from their raw samples.

A busy machine steals the core for seconds and changes its speed by half for minutes. So times are
taken as ratios to a reference workload that ran in turn with them; no single statistic is believed
(:data:`STATISTICS`); neighbouring samples are not independent, so whole blocks are resampled; and
two runs of the same file differ by more than the samples of either show, so that
``run_to_run`` is added. Few samples widen the interval by Student's t.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

STATISTICS = ("median of paired ratios", "trimmed mean of paired ratios", "ratio of medians")
"""Low quantiles and the minimum are left out: where the core is shared, the short reference finds a
free moment and the longer frame never does."""
_TRIMMED = 0.2
CONFIDENCE = 0.95
"""Of the interval, two-sided."""
_RESAMPLES = 1000
_T: tuple[tuple[int, float], ...] = (  # Student's t at CONFIDENCE by degrees of freedom
    *((1, 12.706), (2, 4.303), (3, 3.182), (4, 2.776), (5, 2.571), (6, 2.447), (7, 2.365)),
    *((8, 2.306), (9, 2.262), (10, 2.228), (12, 2.179), (15, 2.131), (20, 2.086), (30, 2.042)),
)
_NORMAL = 1.960


@dataclass(frozen=True)
class Series:
    """Samples of one run in the order measured.

    Attributes:
        samples_s: Seconds, positive.
        reference_s: Of the reference that ran right before each; ``None`` if there was none.
    """

    samples_s: Sequence[float]
    reference_s: Sequence[float] | None

    def __post_init__(self) -> None:
        reference = self.reference_s
        if reference is not None and len(reference) != len(self.samples_s):
            raise ValueError("each sample needs the reference measured in turn with it")


@dataclass(frozen=True)
class Slowdown:
    """New over base; above 1 is slower.

    Attributes:
        estimate: The middle one of ``by_statistic``.
        low: Lower end of the interval of :data:`CONFIDENCE`.
        high: Upper end.
        by_statistic: In the order of :data:`STATISTICS`.
    """

    estimate: float
    low: float
    high: float
    by_statistic: tuple[float, ...]


def slowdown(base: Series, new: Series, run_to_run: float) -> Slowdown:
    """How much slower ``new`` is, with its interval; the same input gives the same result.

    Args:
        base: What to compare with.
        new: What is judged. Both have a reference, or neither has.
        run_to_run: Standard deviation of the logarithm between runs of the same file.
    """
    points = _statistics(*_arrays(new)) - _statistics(*_arrays(base))
    estimate = float(np.median(points))
    random = np.random.default_rng(0)
    spread = 0.0
    for series in (base, new):
        arrays = _arrays(series)
        drawn = _statistics(*_resampled(arrays, random))
        spread += (_student(len(arrays[0])) * float(np.std(np.median(drawn, axis=-1)))) ** 2
    half = math.sqrt(spread + 2 * (_NORMAL * run_to_run) ** 2)
    return Slowdown(
        math.exp(estimate),
        math.exp(estimate - half),
        math.exp(estimate + half),
        tuple(float(each) for each in np.exp(points)),
    )


def block_length(samples: int) -> int:
    """Samples in a row that are resampled together: the square root, rounded up."""
    return math.ceil(math.sqrt(samples))


def _arrays(series: Series) -> tuple[Array, Array]:
    samples = np.asarray(series.samples_s, np.float64)
    if series.reference_s is None:
        return samples, np.ones_like(samples)
    return samples, np.asarray(series.reference_s, np.float64)


def _statistics(samples: Array, reference: Array) -> Array:
    """``(..., 3)`` logarithms of :data:`STATISTICS` of ``(..., n)`` pairs."""
    paired = np.sort(np.log(samples / reference), axis=-1)
    cut = int(_TRIMMED * paired.shape[-1])
    trimmed = paired[..., cut : paired.shape[-1] - cut].mean(axis=-1)
    medians = np.log(np.median(samples, axis=-1) / np.median(reference, axis=-1))
    logs: Array = np.stack([np.median(paired, axis=-1), trimmed, medians], axis=-1)
    return logs


def _resampled(arrays: tuple[Array, Array], random: np.random.Generator) -> tuple[Array, Array]:
    """The moving-block bootstrap: ``(resamples, n)`` of both, pairs kept together."""
    count = len(arrays[0])
    length = block_length(count)
    starts = random.integers(0, count - length + 1, (_RESAMPLES, math.ceil(count / length), 1))
    index = (starts + np.arange(length)).reshape(_RESAMPLES, -1)[:, :count]
    return arrays[0][index], arrays[1][index]


def _student(samples: int) -> float:
    """Of as many degrees of freedom as there are blocks, less one."""
    freedom = samples // block_length(samples) - 1
    return min((t for degrees, t in _T if degrees <= freedom), default=_T[0][1])
