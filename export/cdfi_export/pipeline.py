"""From options to verified artifacts.

1. Load the network and check every option, before anything is written.
2. For each frame size choose the warp, write the graph into a staging folder, and describe it.
3. Verify it against torch on real frames.
4. Move it and its manifest into the output folder: under its name if the gates hold, else aside
   as ``.failed``. An interruption at any time leaves the output folder as it was.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from cdfi_runtime.errors import CdfiError, GateError
from cdfi_runtime.files import ensure_folder, write_text
from cdfi_runtime.manifest import Manifest, ParityResult, manifest_schema

from cdfi_export.calibration import calibration_pairs
from cdfi_export.describe import complete, draft_manifest
from cdfi_export.format_spec import GraphRequest
from cdfi_export.frame_size import TYPICAL_SIZE
from cdfi_export.gates import ParityGate, parity_gate
from cdfi_export.options import ExportOptions
from cdfi_export.plan import Plan, make_plans
from cdfi_export.source import Source, load_source
from cdfi_export.staging import FAILED_SUFFIX, publish, remove, staging

if TYPE_CHECKING:
    from cdfi_model.data.image_sets import ImageSet

    from cdfi_export.format_spec import FramePair

SCHEMA_FILE = "manifest.schema.json"


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


def export_all(options: ExportOptions, observer: Observer) -> list[ExportOutcome]:
    """Make every artifact that ``options`` ask for. One that fails does not stop the rest.

    Raises:
        CdfiError: options, weights, image data or the output folder cannot be used; nothing has
            been written then.
    """
    source = load_source(options.network, options.weights, options.seed, options.spec)
    network_spec = source.network.spec
    plans = make_plans(options, network_spec)
    image_sets = image_sets_of(options.verify_data)
    folder = ensure_folder(options.out)

    observer.note(f"{network_spec.name}: {source.origin}")
    for asked in options.sizes:
        if asked.padded(network_spec.multiple) != asked:
            padded = asked.padded(network_spec.multiple)
            observer.note(f"{asked} becomes {padded}: multiples of {network_spec.multiple}")
    outcomes = []
    for plan in plans:
        observer.note(f"{plan.file}: warp {plan.warp.name} ({plan.warp.reason})")
        try:
            request = _request(plan, source, options)
            outcomes.append(_export_one(plan, request, folder, image_sets, options, observer))
        except CdfiError as error:
            outcomes.append(ExportOutcome(plan.file, None, None, error))
    write_text(folder / SCHEMA_FILE, manifest_schema())
    return outcomes


def _request(plan: Plan, source: Source, options: ExportOptions) -> GraphRequest:
    source.network.formulation = plan.warp.name
    pairs: Sequence[FramePair] = ()
    if plan.precision == "int8":
        size = plan.size or TYPICAL_SIZE
        pairs = calibration_pairs(options.calibration, size, count=options.calibration_pairs)
    return GraphRequest(
        network=source.network,
        size=plan.size,
        opset=plan.opset,
        precision=plan.precision,
        calibration=pairs,
        images=plan.images,
        sparse=plan.form == "sparse",
        license=source.license,
        manifest=draft_manifest(source, plan),
    )


def _export_one(
    plan: Plan,
    request: GraphRequest,
    folder: Path,
    image_sets: Sequence[ImageSet],
    options: ExportOptions,
    observer: Observer,
) -> ExportOutcome:
    from cdfi_export.verify import verify_artifact

    name = plan.file
    pairs = sum(len(item.triplets[: options.verify_pairs]) for item in image_sets)
    observer.start(name, steps=1 + pairs)
    with staging(folder) as stage:
        staged = stage / name
        observer.step("tracing and writing the graph")
        written = plan.format.export(request, staged)
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
        publish(staged, target)
    if error is None:
        remove(folder / (name + FAILED_SUFFIX))
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


def image_sets_of(folder: Path | None) -> list[ImageSet]:
    """What artifacts are verified on: the image sets of a folder, or the built-in pair.

    Raises:
        InputError: no image sets there.
    """
    from cdfi_model.data.image_sets import find_image_sets, sample_set

    return [sample_set()] if folder is None else find_image_sets(folder)
