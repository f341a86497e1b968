"""Many artifacts of one network: formats, precisions and sizes, each in a process of its own.

A cell that fails is a row with its reason; the others go on. Cells that an earlier run made from
the same recipe are not made again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from cdfi_runtime.apart import DefectError, Send, run_apart
from cdfi_runtime.errors import CdfiError, InputError

from cdfi_export.format_spec import FORMATS
from cdfi_export.frame_size import TYPICAL_SIZE
from cdfi_export.ledger import ExportRow, Failure, Speed, read_ledger, record
from cdfi_export.options import ExportOptions
from cdfi_export.pipeline import ExportOutcome, Observer, export_all, image_sets_of
from cdfi_export.plan import Plan, make_plans
from cdfi_export.recipe import recipe_sha256
from cdfi_export.source import Source, load_source
from cdfi_export.staging import remove_abandoned
from cdfi_export.timing import time_artifact

# What every latency is a ratio to.
REFERENCE = ("onnx", "float32")


@dataclass(frozen=True)
class Cell:
    """One artifact that is asked for: ``options`` ask for it alone."""

    options: ExportOptions
    plan: Plan
    recipe_sha256: str


@dataclass(frozen=True)
class Matrix:
    """The cells that can be made, rows of those that cannot, and what was left out on purpose."""

    cells: tuple[Cell, ...]
    refused: tuple[ExportRow, ...]
    notes: tuple[str, ...]


def plan_matrix(
    options: ExportOptions,
    formats: Sequence[str] | None = None,
    precisions: Sequence[str] | None = None,
) -> Matrix:
    """Every cell of formats x precisions x sizes; nothing is written.

    Args:
        options: What the cells have in common; ``format`` and ``precision`` in it are not used.
        formats: Registered names; ``None`` takes all.
        precisions: ``None`` takes all of each format, an empty sequence each format's default.

    Raises:
        CdfiError: options, weights or image data cannot be used, or no cell at all can be made.
    """
    every = formats is None
    if formats is None:
        formats = FORMATS.names()
        if not options.sizes and not options.dynamic:
            options = replace(options, sizes=(TYPICAL_SIZE,))
    specs = [FORMATS.get(name) for name in formats]
    source = load_source(options.network, options.weights, options.seed)
    image_sets_of(options.verify_data)
    cells: list[Cell] = []
    refused: list[ExportRow] = []
    errors: list[CdfiError] = []
    notes: list[str] = []
    for spec in sorted(specs, key=lambda spec: spec.name != REFERENCE[0]):
        if precisions is None:
            asked: Sequence[str] = spec.precisions
        else:
            asked = precisions or spec.precisions[:1]
        opset = options.opset if spec.opsets is not None or len(specs) == 1 else None
        common = replace(options, format=spec.name, opset=opset)
        if every and options.dynamic and not spec.dynamic:
            notes.append(f"{spec.name}: graphs of fixed size only")
            if not options.sizes:
                continue
            common = replace(common, dynamic=False)
        for precision in asked:
            part = replace(common, precision=precision)
            for single in part.one_by_one():
                try:
                    cells += _cells(single, source)
                except CdfiError as error:
                    errors.append(error)
                    refused.append(_refusal(single, error))
    if not cells:
        raise errors[0] if errors else InputError("nothing to export", expected="a format")
    unique = {cell.plan.file: cell for cell in cells}
    return Matrix(tuple(unique.values()), tuple(refused), tuple(notes))


def _cells(options: ExportOptions, source: Source) -> list[Cell]:
    return [
        Cell(options, plan, recipe_sha256(plan, source, options))
        for plan in make_plans(options, source.network.spec)
    ]


def _refusal(options: ExportOptions, error: CdfiError) -> ExportRow:
    size = str(options.sizes[0]) if options.sizes else "dynamic"
    return ExportRow(
        file=f"{options.format} {options.precision} {size}",
        format=options.format,
        precision=str(options.precision),
        size=size,
        recipe_sha256=None,
        verdict="error",
        failure=Failure.of(error),
    )


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
