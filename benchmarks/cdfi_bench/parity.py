"""``cdfi-bench parity``: each artifact against torch with the same weights, on real frames."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cdfi_export.gates import parity_gate
from cdfi_model.data.image_sets import ImageSet
from cdfi_runtime.errors import CdfiError, MissingDependencyError
from cdfi_runtime.manifest import Manifest
from cdfi_runtime.runtimes import Session, open_artifact

from cdfi_bench.environment import device_info, run_info
from cdfi_bench.evaluate import Score, error_text, evaluate
from cdfi_bench.gallery import Gallery
from cdfi_bench.gates import at_least, at_most, verdict
from cdfi_bench.mobile import try_mobile_use
from cdfi_bench.predictors import SessionPredictor
from cdfi_bench.progress import Advance, no_progress
from cdfi_bench.references import References
from cdfi_bench.report import Gate, Parity, Quality, Report, Row, Verdict
from cdfi_bench.rows import (
    artifact_facts,
    backend_facts,
    make_row,
    padding_text,
    score_reasons,
    score_sections,
    undecided_row,
)


def parity_report(
    artifacts: Sequence[Path],
    sets: Sequence[ImageSet],
    references: References,
    *,
    threads: int | None = None,
    gallery: Gallery | None = None,
    advance: Advance = no_progress,
) -> Report:
    """One row for each artifact and image set; what fails becomes a failed row.

    Args:
        artifacts: Files with their manifests beside them.
        sets: What to compare on.
        references: Where to find the torch networks.
        threads: Threads of the artifact's runtime; ``None`` leaves it to the runtime.
        gallery: Gets pictures of each artifact's worst pairs.
        advance: Told how many pairs were finished.
    """
    run = run_info()
    rows: list[Row] = []
    pairs = sum(len(image_set.triplets) for image_set in sets)
    for path in artifacts:
        try:
            session = open_artifact(path, threads=threads)
        except MissingDependencyError as error:
            rows.append(undecided_row("parity", path.name, "skip", str(error)))
        except Exception as error:  # whatever a broken file does to a runtime is a failed row
            rows.append(undecided_row("parity", path.name, "fail", error_text(error)))
        else:
            rows += _compare(path, session, sets, references, threads, gallery, advance)
            continue
        advance(pairs)
    return Report(kind="parity", run=run, device=device_info(), rows=tuple(rows))


def parity_gates(parity: Parity | None, quality: Quality | None, manifest: Manifest) -> list[Gate]:
    """The measured numbers against the limits; see :func:`cdfi_export.gates.parity_gate`."""
    gates: list[Gate] = []
    limits = parity_gate(
        manifest.artifact.precision, manifest.warp.sampling, manifest.outputs[0].dtype
    )
    if parity is not None:
        if limits.max_abs is not None:
            gates.append(at_most("max abs", parity.max_abs, limits.max_abs))
        # null: identical, which is better than any limit
        if parity.psnr_db is not None and limits.psnr_db is not None:
            gates.append(at_least("PSNR dB", parity.psnr_db, limits.psnr_db))
    change = None if quality is None else quality.psnr_difference_db
    if limits.difference_db is not None and change is not None:
        gates.append(at_most("difference to torch dB", abs(change), limits.difference_db))
    if limits.lost_db is not None:  # nothing else holds such an artifact: unmeasured is a failure
        lost = None if change is None else -change
        gates.append(at_most("dB lost against the truth", lost, limits.lost_db))
    return gates


def _compare(
    path: Path,
    session: Session,
    sets: Sequence[ImageSet],
    references: References,
    threads: int | None,
    gallery: Gallery | None,
    advance: Advance,
) -> list[Row]:
    subject, manifest = path.name, session.manifest
    mobile, mobile_reason = try_mobile_use(path, manifest)
    facts = {
        "artifact": artifact_facts(manifest),
        "backend": backend_facts(session, threads),
        "mobile": mobile,
    }
    try:
        reference = references.find(manifest)
    except CdfiError as error:
        advance(sum(len(image_set.triplets) for image_set in sets))
        return [undecided_row("parity", subject, "skip", str(error), **facts)]
    rows = []
    for image_set in sets:
        score = evaluate(
            image_set,
            SessionPredictor(session, subject),
            SessionPredictor(reference.session, reference.label, like=manifest),
            compare_raw=True,
            size=manifest.size,
            advance=lambda: advance(1),
            watch=None if gallery is None else gallery.watch(subject, image_set.name),
        )
        rows.append(
            make_row(
                "parity",
                subject,
                _verdict(score, manifest),
                reasons=score_reasons(score) | {"mobile": mobile_reason},
                **facts,
                **score_sections(score, image_set, padding_text(manifest)),
            )
        )
    return rows


def _verdict(score: Score, manifest: Manifest) -> Verdict:
    gates = parity_gates(score.parity, score.quality, manifest)
    decided = verdict(gates, passed="all gates held")
    if score.failure is None:
        return decided
    reasons = [score.failure] + ([decided.reason] if decided.status == "fail" else [])
    return Verdict(status="fail", gates=decided.gates, reason="; ".join(reasons))
