"""From options to verified artifacts.

1. Load the network and check every option, before anything is written.
2. For each frame size choose the warp, write the graph into a staging folder, and describe it.
3. Verify it against torch on real frames.
4. Move it and its manifest into the output folder: under its name if the gates hold, else aside
   as ``.failed``. An interruption at any time leaves the output folder as it was.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from cdfi_runtime.errors import CdfiError, GateError, OutputError
from cdfi_runtime.files import ensure_folder, write_text
from cdfi_runtime.manifest import Manifest, ParityResult, manifest_path, manifest_schema

from cdfi_export.calibration import calibration_pairs
from cdfi_export.describe import TYPICAL_SIZE, complete, draft_manifest
from cdfi_export.format_spec import FORMATS, FormatSpec, GraphRequest
from cdfi_export.frame_size import FrameSize
from cdfi_export.gates import ParityGate, parity_gate
from cdfi_export.options import ExportOptions, check_images, resolve_opset, resolve_precision
from cdfi_export.source import load_source
from cdfi_export.warp_choice import choose_warp

if TYPE_CHECKING:
    from cdfi_model.data.image_sets import ImageSet
    from cdfi_model.warp.auto import Choice

SCHEMA_FILE = "manifest.schema.json"
FAILED_SUFFIX = ".failed"


class Observer(Protocol):
    """Who watches the run; the command shows it as progress bars."""

    def note(self, text: str) -> None:
        """Something worth a line, e.g. the chosen warp."""

    def start(self, artifact: str, steps: int) -> None:
        """An artifact begins; it takes ``steps`` steps."""

    def step(self, text: str) -> None:
        """A step begins."""

    def end(self) -> None:
        """The artifact is done, whether it passed or not."""


@dataclass(frozen=True)
class ExportOutcome:
    """What became of one artifact.

    Attributes:
        file: Where it lies, also when it failed a gate; ``None`` if there is none.
        manifest: As written beside the file; ``None`` if there is none.
        error: Why it failed, or ``None``.
    """

    name: str
    file: Path | None
    manifest: Manifest | None
    error: CdfiError | None


@dataclass(frozen=True)
class _Plan:
    """One artifact to be made."""

    file: str
    size: FrameSize | None
    warp: Choice


def export_all(options: ExportOptions, observer: Observer) -> list[ExportOutcome]:
    """Make every artifact that ``options`` ask for. One that fails does not stop the rest.

    Raises:
        CdfiError: options, weights, image data or the output folder cannot be used; nothing has
            been written then.
    """
    spec = FORMATS.get(options.format)
    opset = resolve_opset(spec, options.opset)
    precision = resolve_precision(spec, options.precision)
    check_images(spec, options.images)
    source = load_source(options.network, options.weights, options.seed)
    network_spec = source.network.spec
    sizes = options.graph_sizes(spec, network_spec.multiple)
    stem = options.name or network_spec.name
    plans = [
        _Plan(
            file=f"{stem}_{size or 'dynamic'}{_tag(spec, precision, options.images)}{spec.suffix}",
            size=size,
            warp=choose_warp(options.warp, network_spec, spec, size, opset),
        )
        for size in sizes
    ]
    image_sets = _image_sets(options.verify_data)
    calibrate = partial(calibration_pairs, options.calibration, count=options.calibration_pairs)
    folder = ensure_folder(options.out)

    observer.note(f"{network_spec.name}: {source.origin}")
    for asked in options.sizes:
        if asked.padded(network_spec.multiple) != asked:
            padded = asked.padded(network_spec.multiple)
            observer.note(f"{asked} becomes {padded}: multiples of {network_spec.multiple}")
    outcomes = []
    for plan in plans:
        observer.note(f"{plan.file}: warp {plan.warp.name} ({plan.warp.reason})")
        source.network.formulation = plan.warp.name
        try:
            draft = draft_manifest(
                source, spec, plan.size, opset, precision, plan.file, options.images
            )
            request = GraphRequest(
                network=source.network,
                size=plan.size,
                opset=opset,
                precision=precision,
                calibration=calibrate(plan.size or TYPICAL_SIZE) if precision == "int8" else (),
                images=options.images,
                license=source.license,
                manifest=draft,
            )
            outcomes.append(_export_one(spec, request, folder, image_sets, options, observer))
        except CdfiError as error:
            outcomes.append(ExportOutcome(plan.file, None, None, error))
    write_text(folder / SCHEMA_FILE, manifest_schema())
    return outcomes


def _export_one(
    spec: FormatSpec,
    request: GraphRequest,
    folder: Path,
    image_sets: Sequence[ImageSet],
    options: ExportOptions,
    observer: Observer,
) -> ExportOutcome:
    from cdfi_export.verify import verify_artifact

    name = request.manifest.artifact.file
    pairs = sum(len(item.triplets[: options.verify_pairs]) for item in image_sets)
    observer.start(name, steps=1 + pairs)
    with _staging(folder) as staging:
        staged = staging / name
        observer.step("tracing and writing the graph")
        written = spec.export(request, staged)
        manifest = complete(request.manifest, written, staged)
        manifest.save(staged)
        try:
            results = verify_artifact(
                staged,
                request.network,
                image_sets,
                max_pairs=options.verify_pairs,
                threads=options.threads,
                tick=lambda pair: observer.step(f"comparing with torch on {pair}"),
            )
            gate = parity_gate(
                request.precision,
                request.network.spec.warp.sampling,
                request.manifest.outputs[0].dtype,
            )
            error = _gate_error(name, gate, results)
        except GateError as raised:
            results, error = (), raised
        manifest = manifest.model_copy(update={"parity": results})
        manifest.save(staged)
        target = folder / (name if error is None else name + FAILED_SUFFIX)
        _publish(staged, target)
    if error is None:
        _remove(folder / (name + FAILED_SUFFIX))
    observer.end()
    return ExportOutcome(name, target, manifest, error)


def _gate_error(name: str, gate: ParityGate, results: Sequence[ParityResult]) -> GateError | None:
    missed = [f"{item.image_set}: {item.reason}" for item in results if item.verdict == "fail"]
    if not missed:
        return None
    return GateError(
        f"{name} misses its parity gate against torch",
        expected=str(gate),
        got="; ".join(missed),
        fix=f"it is kept aside as {name}{FAILED_SUFFIX}; try another --warp or --opset",
    )


def _tag(spec: FormatSpec, precision: str, images: bool) -> str:
    """Keeps the files of two precisions apart; what they are is said by their manifests."""
    return ("" if precision == spec.precisions[0] else f"_{precision}") + "_images" * images


@contextmanager
def _staging(folder: Path) -> Iterator[Path]:
    """A hidden folder beside the results, so that moving them is one rename; removed at the end.

    Raises:
        OutputError: something in the block could not be written.
    """
    try:
        with tempfile.TemporaryDirectory(prefix=".export-", dir=folder) as staging:
            yield Path(staging)
    except OSError as error:
        raise OutputError(
            "the artifact cannot be written",
            expected="a writable folder with free space",
            got=f"{folder}: {error.strerror or error}",
            fix="free some space or choose another --out folder",
        ) from error


def _publish(staged: Path, target: Path) -> None:
    """Move an artifact and its manifest; once the first has moved, the second always follows."""
    if target.is_dir():  # a folder is not replaced by renaming: the former one steps aside first
        target.replace(staged.with_name("former" + target.suffix))
    try:
        staged.replace(target)
    finally:
        if not staged.exists():
            manifest_path(staged).replace(manifest_path(target))


def _remove(artifact: Path) -> None:
    if artifact.is_dir():
        shutil.rmtree(artifact)
    else:
        artifact.unlink(missing_ok=True)
    manifest_path(artifact).unlink(missing_ok=True)


def _image_sets(folder: Path | None) -> list[ImageSet]:
    from cdfi_model.data.image_sets import find_image_sets, sample_set

    return [sample_set()] if folder is None else find_image_sets(folder)
