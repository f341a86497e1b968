"""Limits a row is held to, and the verdict that follows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from cdfi_bench.report import Gate, Verdict


def at_most(measure: str, value: float | None, limit: float) -> Gate:
    """The gate ``value <= limit``; what was not measured misses it."""
    return _gate(measure, value, "<=", limit, value is not None and value <= limit)


def at_least(measure: str, value: float | None, limit: float) -> Gate:
    """The gate ``value >= limit``; what was not measured misses it."""
    return _gate(measure, value, ">=", limit, value is not None and value >= limit)


def verdict(gates: Sequence[Gate], *, passed: str) -> Verdict:
    """Pass if every gate held; else a failure whose reason names each missed number.

    Args:
        gates: What was measured against its limit.
        passed: The reason to give for a pass.
    """
    missed = [
        f"{gate.measure} {_number(gate.value)}, must be {gate.comparison} {_number(gate.limit)}"
        for gate in gates
        if not gate.held
    ]
    return Verdict(
        status="fail" if missed else "pass", gates=tuple(gates), reason="; ".join(missed) or passed
    )


def _gate(
    measure: str, value: float | None, comparison: Literal["<=", ">="], limit: float, held: bool
) -> Gate:
    reasons = {"value": "not measured"} if value is None else {}
    return Gate(
        measure=measure,
        value=value,
        comparison=comparison,
        limit=limit,
        held=held,
        unmeasured=reasons,
    )


def _number(value: float | None) -> str:
    return "not measured" if value is None else f"{value:.4g}"
