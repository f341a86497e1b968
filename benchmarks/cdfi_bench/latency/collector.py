"""Keeps what a device has measured so far, so that an end before the end loses nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Literal, TypeAlias, get_args

from cdfi_bench.latency.measurement import (
    INTERRUPTED,
    LatencyFailure,
    LatencyMeasurement,
    Samples,
)
from cdfi_bench.latency.request import LatencyRequest

Phase: TypeAlias = Literal[
    "load", "first", "warm_up", "reference", "burst", "end_to_end", "sustained"
]
_FIELDS: dict[str, str] = {
    "load": "load_s",
    "first": "first_run_s",
    "burst": "burst_s",
    "reference": "reference_s",
    "end_to_end": "end_to_end_s",
    "sustained": "sustained_s",
}


def planned_units(request: LatencyRequest) -> float:
    """Units of progress of a whole measurement: its runs, and the seconds of a sustained phase."""
    return 1 + request.warm_up + request.runs + request.end_to_end + request.sustained_s


class Collector:
    """Samples of one measurement as they come.

    Args:
        request: What is measured.
        advance: Told how many more of :func:`planned_units` are done.
        tell: Told what goes on before and between the runs, in a few words; nothing when it ends.
    """

    def __init__(
        self,
        request: LatencyRequest,
        advance: Callable[[float], None],
        tell: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.request = request
        self.tell = tell
        self._advance = advance
        self._head: LatencyMeasurement | None = None
        self._times: dict[str, list[float]] = {name: [] for name in get_args(Phase)}

    def start(self, head: LatencyMeasurement) -> None:
        """What is known before the first sample; without it there is no partial result."""
        self._head = head

    def add(self, phase: Phase, seconds: float) -> None:
        """One run has ended."""
        self._times[phase].append(seconds)
        if phase == "sustained":
            self._advance(seconds)
        elif phase not in ("load", "reference"):
            self._advance(1)

    @property
    def samples(self) -> Samples:
        """All so far."""
        values: dict[str, Any] = {
            _FIELDS[k]: tuple(v) for k, v in self._times.items() if k in _FIELDS
        }
        for name in ("load_s", "first_run_s"):
            values[name] = values[name][0] if values[name] else None
        return Samples(**values)

    def ended(self, reason: str) -> LatencyMeasurement | LatencyFailure:
        """What there is after an end before the end, for ``reason``."""
        if self._head is None:
            return LatencyFailure("skip" if reason == INTERRUPTED else "fail", reason)
        return replace(self._head, samples=self.samples, ended=reason)
