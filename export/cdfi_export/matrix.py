"""Many artifacts of one network: formats x precisions x sizes, planned before any is made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from cdfi_model.warp import WARPS
from cdfi_runtime.errors import CdfiError, InputError, MissingDependencyError

from cdfi_export.describe import tool_versions
from cdfi_export.format_spec import FORMATS, FormatSpec
from cdfi_export.frame_size import TYPICAL_SIZE
from cdfi_export.ledger import ExportRow, Failure
from cdfi_export.options import ExportOptions
from cdfi_export.pipeline import image_sets_of
from cdfi_export.plan import Plan, make_plans
from cdfi_export.recipe import recipe_sha256
from cdfi_export.source import Source, load_source
from cdfi_export.warp_choice import AUTO

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

    Returns:
        The plan. Of all formats those whose packages are not installed are left out, with the
        command that installs them; asked for by name they are tried, and fail.

    Raises:
        CdfiError: options, weights or image data cannot be used, or no cell at all can be made.
    """
    every = formats is None
    if formats is None:
        formats = FORMATS.names()
        if not options.sizes and not options.dynamic:
            options = replace(options, sizes=(TYPICAL_SIZE,))
    specs = [FORMATS.get(name) for name in formats]
    source = load_source(options.network, options.weights, options.seed, options.spec)
    image_sets_of(options.verify_data)
    cells: list[Cell] = []
    refused: list[ExportRow] = []
    errors: list[CdfiError] = []
    notes: list[str] = []
    for spec in sorted(specs, key=lambda spec: spec.name != REFERENCE[0]):
        if every and (missing := _missing(spec)) is not None:
            refused.append(_refusal(replace(options, format=spec.name), missing, "skip"))
            continue
        if precisions is None:
            asked: Sequence[str] = spec.precisions if options.form == "dense" else spec.sparse
            if left := [name for name in spec.precisions if name not in asked]:
                notes.append(f"{spec.name}: no {options.form} {', '.join(left)}: {spec.no_sparse}")
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
                    cells += [
                        cell for item in _with_portable(single) for cell in _cells(item, source)
                    ]
                except CdfiError as error:
                    errors.append(error)
                    refused.append(_refusal(single, error))
    if not cells:
        raise errors[0] if errors else InputError("nothing to export", expected="a format")
    unique = {cell.plan.file: cell for cell in cells}
    return Matrix(tuple(unique.values()), tuple(refused), tuple(notes))


def _with_portable(single: ExportOptions) -> list[ExportOptions]:
    """One graph; if it is one with the native warp, first the one that runs without it."""
    if single.warp == AUTO or not WARPS.get(single.warp).native:
        return [single]
    return [replace(single, warp=AUTO), single]


def _cells(options: ExportOptions, source: Source) -> list[Cell]:
    return [
        Cell(options, plan, recipe_sha256(plan, source, options))
        for plan in make_plans(options, source.network.spec)
    ]


def _missing(spec: FormatSpec) -> MissingDependencyError | None:
    """Why nothing of a format can be made here, if its packages are not installed."""
    try:
        tool_versions(spec)
    except MissingDependencyError as error:
        return error
    return None


def _refusal(
    options: ExportOptions, error: CdfiError, verdict: Literal["error", "skip"] = "error"
) -> ExportRow:
    size = str(options.sizes[0]) if options.sizes else "dynamic"
    asked = (options.format, options.precision, size)
    return ExportRow(
        file=" ".join(text for text in asked if text) if verdict == "error" else options.format,
        format=options.format,
        precision=options.precision or "every",
        size=size,
        recipe_sha256=None,
        verdict=verdict,
        failure=Failure.of(error),
    )
