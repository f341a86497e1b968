"""Two sides put together: rows matched, held to their limits, worst first."""

from __future__ import annotations

from cdfi_runtime.errors import InputError

from cdfi_bench.compare.checks import plain_checks
from cdfi_bench.compare.latency import latency_check
from cdfi_bench.compare.matching import Matched, describe, match
from cdfi_bench.compare.report import Check, ComparedRow, Comparison, Outcome, Source, State
from cdfi_bench.compare.sides import Side
from cdfi_bench.compare.thresholds import Missing, RowLimits, Thresholds
from cdfi_bench.report import Row

_MISSING: dict[Missing, Outcome] = {"ignore": "pass", "warn": "warn", "fail": "fail"}
_OUTCOMES: tuple[Outcome, ...] = ("fail", "warn", "pass")
_STATES: tuple[State, ...] = ("regression", "missing", "improvement", "new", "unchanged")


def compare_sides(base: Side, new: Side, thresholds: Thresholds) -> Comparison:
    """Every row of both sides with what became of it.

    Raises:
        InputError: duplicate rows, or no row that both sides have.
    """
    pairs = match(base, new)
    if not any(pair.base and pair.new for pair in pairs):
        raise InputError(
            "the two sides have no row in common",
            expected="the same artifacts, sizes, devices, runtimes and numbers of threads",
            got=f"{_example(base, pairs, new=False)} in BASE, "
            f"{_example(new, pairs, new=True)} in NEW",
            fix="measure both with the same options",
        )
    rows = [_compare(pair, thresholds.of(pair.key.subject)) for pair in pairs]
    rows.sort(key=lambda row: (_OUTCOMES.index(row.outcome), _STATES.index(row.state), _gain(row)))
    unused = thresholds.unused([row.key.subject for row in rows])
    return Comparison(
        base=_source(base),
        new=_source(new),
        thresholds=thresholds.source,
        remarks=(
            *(f"the override for '{glob}' in the thresholds matches no row" for glob in unused),
            *(f"{each.name} is of an interrupted run" for each in (base, new) if _broken_off(each)),
        ),
        outcome=min((row.outcome for row in rows), key=_OUTCOMES.index),
        rows=tuple(rows),
    )


def _compare(pair: Matched, limits: RowLimits) -> ComparedRow:
    base = None if pair.base is None else pair.base.row
    new = None if pair.new is None else pair.new.row
    if base is None or new is None:
        return _one_sided(pair, base, new, limits)
    checks = plain_checks(base, new, limits)
    if (timed := latency_check(base, new, limits.latency)) is not None:
        checks.append(timed)
    statuses = f"{base.verdict.status} in BASE, {new.verdict.status} in NEW"
    why = new.verdict.reason.splitlines()[0] if new.verdict.status != "pass" else ""
    failed = [check for check in checks if check.result == "fail"]
    warned = [check for check in checks if check.result == "warn"]
    said = [_phrase(check) for check in (*failed, *warned)]
    outcome: Outcome = "fail" if failed else "warn" if warned else "pass"
    state: State = "regression" if said else "unchanged"
    if base.verdict.status == "pass" and new.verdict.status != "pass":
        outcome, state = "fail", "regression"
        said.insert(0, f"{statuses}: {why}")
    elif new.verdict.status == "fail":
        outcome = "warn" if outcome == "pass" else outcome
        said.insert(0, f"{statuses}, so that this is no regression: {why}")
    elif base.verdict.status != "pass" and new.verdict.status == "pass":
        state = state if said else "improvement"
        said.append(statuses)
    better = [check for check in checks if check.result == "better"]
    if better and state == "unchanged" and outcome == "pass":
        state = "improvement"
        said += [_phrase(check) for check in better]
    return _row(pair, base, new, state, outcome, checks, "; ".join(said) or "as before")


def _one_sided(pair: Matched, base: Row | None, new: Row | None, limits: RowLimits) -> ComparedRow:
    if base is not None:
        reason = f"NEW has no such row; it was a {base.verdict.status} in BASE"
        outcome = _MISSING[limits.missing] if base.verdict.status == "pass" else "pass"
        return _row(pair, base, new, "missing", outcome, [], reason)
    assert new is not None
    reason = f"BASE has no such row; {new.verdict.status}: {new.verdict.reason.splitlines()[0]}"
    return _row(pair, base, new, "new", "pass", [], reason)


def _row(
    pair: Matched,
    base: Row | None,
    new: Row | None,
    state: State,
    outcome: Outcome,
    checks: list[Check],
    reason: str,
) -> ComparedRow:
    lacking = {"base_status": base, "new_status": new}
    return ComparedRow(
        key=pair.key,
        state=state,
        outcome=outcome,
        base_status=base.verdict.status if base else None,
        new_status=new.verdict.status if new else None,
        checks=tuple(checks),
        reason=reason,
        unmeasured={name: "no such row" for name, row in lacking.items() if row is None},
    )


def _phrase(check: Check) -> str:
    return f"{check.measure} {check.reason}"


def _gain(row: ComparedRow) -> float:
    """For the order: the largest slow-down first, then rows without times."""
    changes = [-check.change for check in row.checks if check.low is not None and check.change]
    return min(changes, default=0.0)


def _source(side: Side) -> Source:
    reports = {id(entry.report): entry.report for entry in side.entries}.values()
    commits = [
        report.run.commit + ("+changes" if report.run.dirty else "")
        for report in reports
        if report.run.commit is not None
    ]
    devices = [entry.row.device or entry.report.device for entry in side.entries]
    names = [f"{each.name} ({each.model or each.cpu or each.architecture})" for each in devices]
    return Source(
        reports=side.files,
        left_out=side.left_out,
        commits=tuple(dict.fromkeys(commits)),
        devices=tuple(dict.fromkeys(names)),
    )


def _broken_off(side: Side) -> bool:
    return any(entry.report.interrupted for entry in side.entries)


def _example(side: Side, pairs: list[Matched], *, new: bool) -> str:
    if not side.entries:
        return "no row"
    return describe(next(pair.key for pair in pairs if (pair.new if new else pair.base)))
