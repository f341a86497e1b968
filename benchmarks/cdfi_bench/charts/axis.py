"""An axis: from values to places in percent, with ticks at round numbers."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

_MOST_TICKS = 6
_LOG_FROM = 12  # largest over smallest value from which on a linear axis would hide the small ones


@dataclass(frozen=True)
class Axis:
    """``ticks`` are ``(place in percent, label)``, rising; the first and last are the ends."""

    low: float
    high: float
    log: bool
    ticks: tuple[tuple[float, str], ...]

    def place(self, value: float) -> float:
        """Where ``value`` lies, in percent of the axis."""
        return _place(value, self.low, self.high, log=self.log)


def time_axis(end: float) -> Axis:
    """From zero to exactly ``end`` seconds: the last tick may lie before."""
    whole = _linear(0.0, end)
    inside = tuple((100 * float(text) / end, text) for _, text in whole.ticks if float(text) <= end)
    return Axis(0.0, end, False, inside)


def axis_for(values: Iterable[float], *, allow_log: bool = True) -> Axis:
    """An axis over at least one finite value; a logarithmic one where they differ much."""
    found = list(values)
    low, high = min(found), max(found)
    if allow_log and low > 0 and high / low > _LOG_FROM:
        return _logarithmic(low, high)
    return _linear(low, high)


def _linear(low: float, high: float) -> Axis:
    if (low >= 0 and low < high / 2) or low == high:
        low = min(low, 0.0)  # where it costs little, lengths are to be comparable
    step = next(
        step
        for step in _round_numbers((high - low or 1.0) / _MOST_TICKS)
        if math.ceil(high / step) - math.floor(low / step) < _MOST_TICKS
    )
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    last = max(last, first + 1)
    values = [step * index for index in range(first, last + 1)]
    return _axis(values, log=False)


def _logarithmic(low: float, high: float) -> Axis:
    values: list[float] = []
    for value in _round_numbers(low / 10):
        if value <= low * (1 + 1e-9):
            values = [value]
            continue
        values.append(value)
        if value >= high * (1 - 1e-9):
            break
    if len(values) > _MOST_TICKS:
        inner = [each for each in values[1:-1] if _is_decade(each)]
        values = [values[0], *_apart(inner, values), values[-1]]
    return _axis(values, log=True)


def _apart(inner: list[float], values: list[float]) -> list[float]:
    """Decades that keep off the ends and each other."""
    span = math.log(values[-1] / values[0]) / _MOST_TICKS
    kept = [values[0]]
    for each in inner:
        if min(math.log(each / kept[-1]), math.log(values[-1] / each)) >= 0.8 * span:
            kept.append(each)
    return kept[1:]


def _axis(values: list[float], *, log: bool) -> Axis:
    low, high = values[0], values[-1]
    ticks = tuple((_place(each, low, high, log=log), f"{each:.10g}") for each in values)
    return Axis(low, high, log, ticks)


def _place(value: float, low: float, high: float, *, log: bool) -> float:
    if log:
        return 100 * math.log(value / low) / math.log(high / low)
    return 100 * (value - low) / (high - low)


def _round_numbers(above: float) -> Iterator[float]:
    """1, 2, 5, 10, 20, 50 ... and so on, from just below ``above``."""
    exponent = math.floor(math.log10(above))
    while True:
        for digit in (1, 2, 5):
            yield digit * 10.0**exponent if exponent >= 0 else digit / 10.0**-exponent
        exponent += 1


def _is_decade(value: float) -> bool:
    return math.isclose(math.log10(value), round(math.log10(value)), abs_tol=1e-6)
