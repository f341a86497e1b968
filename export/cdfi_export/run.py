"""Run a planned matrix: each cell in a process of its own, and measured once it passed.

A cell that fails is a row with its reason; the others go on. Cells that an earlier run made from
the same recipe are not made again.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cdfi_runtime.apart import DefectError, Send, run_apart
from cdfi_runtime.errors import CdfiError

from cdfi_export.bars import Bars
from cdfi_export.ledger import ExportRow, Failure, Speed, read_ledger, record
from cdfi_export.matrix import REFERENCE, Cell, Matrix
from cdfi_export.options import ExportOptions
from cdfi_export.pipeline import ExportOutcome, Observer, export_all
from cdfi_export.staging import remove_abandoned
from cdfi_export.timing import time_artifact


def run_matrix(
    matrix: Matrix, bars: Bars, *, threads: int | None, force: bool
) -> tuple[list[ExportRow], set[str]]:
    """Make what is missing.

    Args:
        matrix: What is asked for.
        bars: The display.
        threads: CPU threads for measuring load time and latency; ``None`` measures nothing.
        force: Make again what lies there unchanged.

    Returns:
        A row for every cell, and the names of those that were found rather than made.
    """
    for text in matrix.notes:
        bars.note(text)
    bars.begin(len(matrix.cells))
    rows: list[ExportRow] = []
    found: set[str] = set()
    for cell in matrix.cells:
        row, was_there = run_cell(cell, bars, force=force)
        if was_there:
            found.add(row.file)
        rows.append(row)
        if threads is not None and row.verdict == "pass":
            bars.measuring(row.file)
            reference = reference_of(rows, row.size)
            rows[-1] = with_speed(row, cell.options.out, reference, threads)
        bars.advance()
    return [*rows, *matrix.refused], found


def run_cell(cell: Cell, observer: Observer, *, force: bool = False) -> tuple[ExportRow, bool]:
    """Make a cell's artifact, unless the output folder holds it already.

    Args:
        cell: What to make.
        observer: Told of its steps.
        force: Make it in any case.

    Returns:
        Its row, and whether it was found rather than made.
    """
    folder = cell.options.out
    if not force:
        found = read_ledger(folder).find(cell.plan.file, cell.recipe_sha256, folder)
        if found is not None:
            return found, True
    try:
        (outcome,) = run_apart(
            _export, cell.options, on_message=lambda call: getattr(observer, call[0])(*call[1])
        )
    except CdfiError as error:
        outcome = ExportOutcome(cell.plan.file, None, None, error)
    except DefectError as defect:
        observer.note(str(defect))
        outcome = ExportOutcome(cell.plan.file, None, None, _as_error(defect))
    finally:
        if folder.is_dir():
            remove_abandoned(folder)
    row = _row(cell, outcome)
    if folder.is_dir():
        record(folder, row)
    return row, False


def _export(send: Send, options: ExportOptions) -> list[ExportOutcome]:
    return export_all(options, _Relay(send))


class _Relay:
    """An :class:`~cdfi_export.pipeline.Observer` whose calls are sent to another process."""

    def __init__(self, send: Send) -> None:
        self._send = send

    def note(self, text: str) -> None:
        self._send(("note", (text,)))

    def start(self, artifact: str, steps: int) -> None:
        self._send(("start", (artifact, steps)))

    def step(self, text: str) -> None:
        self._send(("step", (text,)))

    def end(self) -> None:
        self._send(("end", ()))


def _as_error(defect: DefectError) -> CdfiError:
    last = str(defect).strip().splitlines()[-1]
    return CdfiError(f"a defect, please report it: {last}", fix="its traceback stands above")


def _row(cell: Cell, outcome: ExportOutcome) -> ExportRow:
    plan, error, manifest = cell.plan, outcome.error, outcome.manifest
    made = manifest is not None and outcome.file is not None
    parity = manifest.parity if manifest is not None else ()
    finite = [item.psnr_db for item in parity if item.psnr_db is not None]
    lost = [item.lost_db for item in parity if item.lost_db is not None]
    return ExportRow(
        file=plan.file,
        format=plan.format.name,
        precision=plan.precision,
        size=str(plan.size or "dynamic"),
        recipe_sha256=cell.recipe_sha256,
        verdict="pass" if error is None else "fail" if made else "error",
        failure=None if error is None else Failure.of(error),
        sha256=manifest.artifact.sha256 if manifest is not None and made else None,
        bytes=manifest.artifact.bytes if manifest is not None and made else None,
        psnr_db=min(finite, default=None),
        max_abs=max((item.max_abs for item in parity), default=None),
        lost_db=max(lost, default=None),
    )


def reference_of(rows: Sequence[ExportRow], size: str) -> ExportRow | None:
    """The row among ``rows`` that latencies at ``size`` are a ratio to."""
    for row in rows:
        if (row.format, row.precision, row.size, row.verdict) == (*REFERENCE, size, "pass"):
            return row
    return None


def with_speed(
    row: ExportRow, folder: Path, reference: ExportRow | None, threads: int
) -> ExportRow:
    """``row`` with load time and latency on this machine, measured unless it has them already.

    Args:
        row: Of an artifact that passed.
        folder: Where it lies.
        reference: See :func:`reference_of`.
        threads: CPU threads of both.
    """
    digest = reference.sha256 if reference is not None else None
    known = row.speed
    if known is not None and (known.reference_sha256, known.threads) == (digest, threads):
        return row
    timing = time_artifact(
        folder / row.file, folder / reference.file if reference is not None else None, threads
    )
    speed = Speed(
        load_s=timing.load_s,
        frame_s=timing.frame_s,
        ratio=timing.ratio,
        reference_sha256=digest,
        threads=threads,
        reason=timing.reason,
    )
    timed = row.model_copy(update={"speed": speed})
    record(folder, timed)
    return timed
