"""What stands against taking a row's times at face value; shown wherever such a time is."""

from __future__ import annotations

from dataclasses import dataclass

from cdfi_bench.cells import milliseconds
from cdfi_bench.latency.statistics import THROTTLED as SLOWDOWN_LIMIT
from cdfi_bench.report import Row

INVALID, PARTIAL, THROTTLED = "invalid", "partial", "throttled"


@dataclass(frozen=True)
class Mark:
    """One of the words above, and why it stands there."""

    word: str
    reason: str


def marks(row: Row) -> tuple[Mark, ...]:
    """The marks of a row; none without times."""
    timing = row.timing
    if timing is None:
        return ()
    found = []
    if not timing.valid:
        found.append(Mark(INVALID, "; ".join(timing.invalid_because) or "no reason is given"))
    if not timing.complete:
        found.append(Mark(PARTIAL, row.verdict.reason))
    if timing.throttled:
        found.append(Mark(THROTTLED, _throttled(row)))
    return tuple(found)


def troubles(row: Row) -> tuple[Mark, ...]:
    """All a reader must know before the figures: verdict, marks, and times without samples."""
    found = [] if row.verdict.status == "pass" else [Mark(row.verdict.status, row.verdict.reason)]
    told = {mark.reason for mark in found}
    found += [mark for mark in marks(row) if mark.reason not in told]
    if row.timing is not None and row.timing.tool_statistics_s:
        figures = row.timing.tool_statistics_s.items()
        text = "; ".join(f"{name} {milliseconds(value)} ms" for name, value in figures)
        said = with_marks(f"the tool itself printed {text}", time_marks(row))
        found.append(Mark("no samples", said))
    return tuple(found)


def time_marks(row: Row) -> tuple[str, ...]:
    """Words beside the times of a burst, which ends before a sustained phase slows down."""
    words = (mark.word for mark in marks(row))
    return tuple(word for word in words if word != THROTTLED or not _slowed_down(row))


def sustained_marks(row: Row) -> tuple[str, ...]:
    """Words beside the figures of a sustained phase."""
    return tuple(mark.word for mark in marks(row))


def memory_marks(row: Row) -> tuple[str, ...]:
    """Words beside peak memory, which holds the emulator where there is one."""
    return (INVALID,) if row.device is not None and row.device.emulated else ()


def with_marks(text: str, words: tuple[str, ...]) -> str:
    """``12.3 (invalid)``."""
    return f"{text} ({', '.join(words)})" if words else text


def _slowed_down(row: Row) -> float | None:
    """The sustained phase's slow-down where it alone says that the row was throttled."""
    sustained = None if row.timing is None else row.timing.sustained
    if sustained is None or sustained.slowdown <= SLOWDOWN_LIMIT:
        return None
    return sustained.slowdown


def _throttled(row: Row) -> str:
    slowdown = _slowed_down(row)
    if slowdown is None:
        return "the device said that it slowed itself down"
    return f"the last third of the sustained phase took {slowdown:.2f} times as long as its first"
