"""Numbers of a row that noise does not touch, or hardly: parity, quality, size and memory."""

from __future__ import annotations

import math
from typing import Any

from cdfi_bench.compare.report import Check, CheckResult
from cdfi_bench.compare.thresholds import (
    MemoryLimits,
    Missing,
    ParityLimits,
    QualityLimits,
    RowLimits,
    SizeLimits,
)
from cdfi_bench.report import InputFacts, Row

_MIB = 2**20
_NO_NUMBER = "there is no such number"
_LACKING: dict[Missing, CheckResult] = {"ignore": "not compared", "warn": "warn", "fail": "fail"}
_BETTER_SIZE = 0.01


def make_check(measure: str, unit: str, result: CheckResult, reason: str, **more: Any) -> Check:
    """A check; numbers that are not given are null with the reason."""
    names = ("base", "new", "change", "low", "high", "limit")
    numbers = {name: _finite(more.get(name)) for name in names}
    interval = "only changes of time have one" if result != "not compared" else reason
    reasons = {
        name: interval if name in ("low", "high") else _NO_NUMBER
        for name, value in numbers.items()
        if value is None
    }
    return Check(
        measure=measure,
        unit=unit,
        result=result,
        reason=reason,
        by_statistic=more.get("by_statistic", {}),
        unmeasured=reasons,
        **numbers,
    )


def plain_checks(base: Row, new: Row, limits: RowLimits) -> list[Check]:
    """All checks but time of two rows with the same key."""
    found = _accelerator(base, new)
    if base.artifact is not None and new.artifact is not None:
        found.append(_size(base.artifact.bytes, new.artifact.bytes, limits.size))
    if base.parity is not None:
        found += _parity(base, new, limits.parity, limits.missing)
    if base.quality is not None:
        found.append(_quality(base, new, limits.quality, limits.missing))
    if (check := _memory(base, new, limits.memory, limits.missing)) is not None:
        found.append(check)
    return found


def _accelerator(base: Row, new: Row) -> list[Check]:
    """A runtime that fell back to another accelerator says so nowhere else."""
    if base.backend is None or new.backend is None:
        return []
    before, after = base.backend.accelerator_actual, new.backend.accelerator_actual
    if before == after:
        return []
    return [make_check("accelerator", "", "warn", f"is {after}, was {before}")]


def _size(base: int, new: int, limits: SizeLimits) -> Check:
    change = new / base if base else math.inf
    limit = 1 + limits.growth
    said = f"{base} to {new} bytes, {_percent(change)}"
    result: CheckResult = "better" if change < 1 - _BETTER_SIZE else "pass"
    if change > limit:
        result, said = "fail", f"{said}, may grow by {100 * limits.growth:g} %"
    return make_check("size", "bytes", result, said, base=base, new=new, change=change, limit=limit)


def _parity(base: Row, new: Row, limits: ParityLimits, missing: Missing) -> list[Check]:
    before, after = base.parity, new.parity
    assert before is not None
    if after is None:
        return [_lacking("parity to torch", "dB", new.unmeasured["parity"], missing)]
    if (other := _other_images(base.input, new.input)) is not None:
        return [make_check("parity to torch", "dB", "not compared", other)]
    most = max(before.max_abs * limits.max_abs_factor, limits.max_abs_floor)
    said = f"{before.max_abs:.2e} to {after.max_abs:.2e}"
    worse = after.max_abs > most
    largest = make_check(
        "max abs to torch",
        "of full scale",
        "fail" if worse else "pass",
        f"{said}, may be {most:.2e}" if worse else said,
        base=before.max_abs,
        new=after.max_abs,
        change=after.max_abs / before.max_abs if before.max_abs else None,
        limit=most,
    )
    least = min(_decibels(before.psnr_db) - limits.psnr_loss_db, limits.psnr_enough_db)
    return [largest, _fall("PSNR to torch", before.psnr_db, after.psnr_db, least)]


def _quality(base: Row, new: Row, limits: QualityLimits, missing: Missing) -> Check:
    before, after = base.quality, new.quality
    assert before is not None
    if after is None:
        return _lacking("PSNR to truth", "dB", new.unmeasured["quality"], missing)
    if (other := _other_images(base.input, new.input)) is not None:
        return make_check("PSNR to truth", "dB", "not compared", other)
    least = _decibels(before.psnr_db) - limits.psnr_loss_db
    better = _decibels(after.psnr_db) > _decibels(before.psnr_db) + limits.psnr_loss_db
    return _fall("PSNR to truth", before.psnr_db, after.psnr_db, least, better=better)


def _fall(
    measure: str, base: float | None, new: float | None, least: float, *, better: bool = False
) -> Check:
    """A PSNR that must stay at ``least`` or above; null is that of equal pictures."""
    before, after = _decibels(base), _decibels(new)
    said = f"{_text(before)} to {_text(after)} dB"
    result: CheckResult = "better" if better else "pass"
    if after < least:
        result, said = "fail", f"{said}, must be at least {least:.3f} dB"
    change = after - before if math.isfinite(before) and math.isfinite(after) else None
    return make_check(measure, "dB", result, said, base=base, new=new, change=change, limit=least)


def _memory(base: Row, new: Row, limits: MemoryLimits, missing: Missing) -> Check | None:
    before = _added(base)
    if before is None:
        return None
    after = _added(new)
    if after is None:
        reason = new.unmeasured.get("memory") or "its peak is not known"
        return _lacking("memory", "MiB", reason, missing)
    if base.device is not None and new.device is not None:
        one, other = (
            (each.architecture, each.cores, each.os.partition(" ")[0])
            for each in (base.device, new.device)
        )
        if one != other:  # runtimes allocate by thread
            return make_check("memory", "MiB", "not compared", "measured on other systems")
    change = after / before if before else math.inf
    said = f"{before:.1f} to {after:.1f} MiB above the empty process, {_percent(change)}"
    result: CheckResult = "pass"
    limit = limits.warn
    if abs(after - before) > limits.slack_mib:
        if change > limits.fail:
            result, limit = "fail", limits.fail
        elif change > limits.warn:
            result = "warn"
        elif change < 1 / limits.warn:
            result = "better"
    if result in ("warn", "fail"):
        said += f", limit {limit:g} times"
    return make_check(
        "memory", "MiB", result, said, base=before, new=after, change=change, limit=limit
    )


def _added(row: Row) -> float | None:
    """MiB at the peak beyond what the process held before it loaded the artifact."""
    memory = row.memory
    if memory is None or memory.peak_bytes is None or memory.before_load_bytes is None:
        return None
    return (memory.peak_bytes - memory.before_load_bytes) / _MIB


def _lacking(measure: str, unit: str, reason: str, missing: Missing) -> Check:
    said = f"BASE has it, NEW does not: {reason.splitlines()[0]}"
    return make_check(measure, unit, _LACKING[missing], said)


def _other_images(base: InputFacts | None, new: InputFacts | None) -> str | None:
    """Why numbers on pictures cannot be compared; ``None`` if both used the same."""
    if base is None or new is None:
        return "a side does not tell its images"
    if base.images != new.images:
        return f"other images: {base.images} pairs to {new.images}"
    if base.data_sha256 != new.data_sha256:
        return "other images: their hashes differ"
    return None


def _decibels(value: float | None) -> float:
    return math.inf if value is None else value


def _text(decibels: float) -> str:
    return "equal" if math.isinf(decibels) else f"{decibels:.3f}"


def _percent(change: float) -> str:
    return f"{100 * (change - 1):+.1f} %"


def _finite(value: float | None) -> float | None:
    return value if value is None or math.isfinite(value) else None
