"""Building rows: facts from manifests and sessions, and the reasons of what is left out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cdfi_model.data.image_sets import ImageSet
from cdfi_runtime.errors import InputError
from cdfi_runtime.manifest import MANIFEST_SUFFIX, Manifest, manifest_path
from cdfi_runtime.runtimes import AUTO, Session

from cdfi_bench.evaluate import NO_TRUTH, Score
from cdfi_bench.pairs import hash_images
from cdfi_bench.report import ArtifactFacts, BackendFacts, InputFacts, Kind, Row, Status, Verdict

_SECTIONS = (
    *("device", "artifact", "input", "backend", "parity", "quality"),
    *("timing", "memory", "conditions", "mobile"),
)


def make_row(
    kind: Kind,
    subject: str,
    verdict: Verdict,
    *,
    reasons: dict[str, str] | None = None,
    **sections: Any,
) -> Row:
    """A row with the given sections; each of the others is null with a reason.

    Args:
        kind: The report's kind, named in the default reason.
        subject: What the row is about.
        verdict: Its verdict.
        reasons: Why a section is missing, where that is not just the report's kind.
        **sections: Fields of :class:`Row`.
    """
    missing = [name for name in _SECTIONS if sections.get(name) is None]
    default = f"not part of a {kind} report"
    return Row(
        subject=subject,
        verdict=verdict,
        unmeasured={name: (reasons or {}).get(name, default) for name in missing},
        **{name: sections.get(name) for name in _SECTIONS},
        images=sections.get("images", ()),
        failures=sections.get("failures", {}),
    )


def undecided_row(kind: Kind, subject: str, status: Status, reason: str, **sections: Any) -> Row:
    """A row for what could not be measured at all: failed or skipped for ``reason``."""
    first = reason.splitlines()[0]
    return make_row(
        kind,
        subject,
        Verdict(status=status, reason=reason),
        reasons=dict.fromkeys(_SECTIONS, f"not measured: {first}"),
        **sections,
    )


def score_sections(score: Score, image_set: ImageSet, padding: str) -> dict[str, Any]:
    """The sections of a row that a :class:`Score` fills."""
    if not score.sizes:
        return {"failures": score.errors}
    return {
        "input": InputFacts(
            image_set=image_set.name,
            images=len(image_set.triplets),
            sizes=score.sizes,
            cropped=score.cropped,
            padding=padding,
            data_sha256=hash_images(image_set),
        ),
        "parity": score.parity,
        "quality": score.quality,
        "images": score.images,
        "failures": score.errors,
    }


def score_reasons(score: Score) -> dict[str, str]:
    """Why sections of a scored row may be missing."""
    failure = score.failure
    if failure is None:
        return {"quality": NO_TRUTH}
    return dict.fromkeys(("input", "parity", "quality"), f"not measured: {failure.splitlines()[0]}")


def artifact_facts(manifest: Manifest) -> ArtifactFacts:
    """What a report says of an artifact."""
    network, artifact, warp = manifest.network, manifest.artifact, manifest.warp
    unmeasured = {}
    if artifact.opset is None:
        unmeasured["opset"] = f"the format '{artifact.format}' has none"
    if network.macs is None:
        unmeasured["macs"] = "the manifest does not state it"
    if network.macs_size is None:
        unmeasured["macs_size"] = "the manifest does not state it"
    return ArtifactFacts(
        network=network.name,
        form=artifact.form,
        format=artifact.format,
        precision=artifact.precision,
        warp=warp.formulation,
        sampling=warp.sampling,
        opset=artifact.opset,
        sha256=artifact.sha256,
        weights_sha256=network.weights_sha256,
        bytes=artifact.bytes,
        parameters=network.parameters,
        macs=network.macs,
        macs_size=network.macs_size,
        remarks=manifest.graph.remarks,
        unmeasured=unmeasured,
    )


def backend_facts(
    session: Session,
    threads: int | None,
    asked: str = AUTO,
    affinity: tuple[int, ...] | None = None,
) -> BackendFacts:
    """What runs a session, the accelerator that was asked for, and the cores it was kept to."""
    unmeasured = {}
    if threads is None:
        unmeasured["threads"] = "left to the runtime"
    if affinity is None:
        unmeasured["affinity"] = "left to the system"
    return BackendFacts(
        runtime=session.runtime,
        version=session.version,
        accelerator_requested=asked,
        accelerator_actual=session.accelerator,
        threads=threads,
        affinity=affinity,
        unmeasured=unmeasured,
    )


def padding_text(manifest: Manifest) -> str:
    """The padding rule in words."""
    rule = manifest.padding
    if manifest.size.dynamic:
        return f"{rule.mode} to multiples of {rule.multiple}"
    return f"{rule.mode} to {manifest.size.width}x{manifest.size.height}"


def expand_artifacts(paths: list[Path]) -> list[Path]:
    """Replace each folder by the artifacts in it: what has a manifest beside it.

    A folder that has one itself is an artifact, as Core ML packages are.

    Raises:
        InputError: a path does not exist, or a folder holds no artifact.
    """
    found: list[Path] = []
    for path in paths:
        if not path.exists():
            raise InputError("the artifact does not exist", got=str(path))
        if not path.is_dir() or (path.name and manifest_path(path).is_file()):
            found.append(path)
            continue
        names = sorted(path.glob(f"*{MANIFEST_SUFFIX}"))
        inside = [name.with_name(name.name.removesuffix(MANIFEST_SUFFIX)) for name in names]
        inside = [each for each in inside if each.exists()]
        if not inside:
            raise InputError(
                "the folder holds no artifact",
                expected=f"files with their *{MANIFEST_SUFFIX} beside them",
                got=str(path),
                fix="export some with cdfi-export, or name the files",
            )
        found += inside
    return found
