"""Many artifacts of one network: formats x precisions x sizes, planned before any is made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from cdfi_runtime.errors import CdfiError, InputError

from cdfi_export.format_spec import FORMATS
from cdfi_export.frame_size import TYPICAL_SIZE
from cdfi_export.ledger import ExportRow, Failure
from cdfi_export.options import ExportOptions
from cdfi_export.pipeline import image_sets_of
from cdfi_export.plan import Plan, make_plans
from cdfi_export.recipe import recipe_sha256
from cdfi_export.source import Source, load_source

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
