"""``cdfi-bench quality``: networks and artifacts against the true frame between two others."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cdfi_model.data.image_sets import ImageSet
from cdfi_runtime.errors import InputError, MissingDependencyError
from cdfi_runtime.manifest import SizeInfo
from cdfi_runtime.runtimes import open_artifact

from cdfi_bench.environment import device_info, run_info
from cdfi_bench.evaluate import Score, error_text, evaluate
from cdfi_bench.gates import at_least, verdict
from cdfi_bench.pairs import DYNAMIC
from cdfi_bench.predictors import FrameAverage, Predictor, SessionPredictor
from cdfi_bench.progress import Advance, no_progress
from cdfi_bench.report import Report, Row, Verdict
from cdfi_bench.rows import (
    artifact_facts,
    backend_facts,
    make_row,
    padding_text,
    score_reasons,
    score_sections,
    undecided_row,
)


def quality_report(
    subjects: Sequence[Path],
    sets: Sequence[ImageSet],
    *,
    min_gain_db: float | None = None,
    threads: int | None = None,
    advance: Advance = no_progress,
) -> Report:
    """One row for each subject and image set, and the frame average as the baseline row.

    Args:
        subjects: Weights files and artifacts; may be empty, for the baseline alone.
        sets: Image sets; triplets without a true frame are left out.
        min_gain_db: Fail a subject whose mean PSNR is not this far above frame averaging.
        threads: Threads of the runtimes; ``None`` leaves it to them.
        advance: Told how many pairs were finished.

    Raises:
        InputError: no image set has true frames.
    """
    run = run_info()
    sets = with_truth(sets)
    measure = _Measurement(sets, min_gain_db, advance)
    rows = measure.rows(FrameAverage.label, FrameAverage(), DYNAMIC, "none", {})
    for path in subjects:
        try:
            session = open_artifact(path, threads=threads)
        except MissingDependencyError as error:
            rows.append(undecided_row("quality", path.name, "skip", str(error)))
        except Exception as error:  # whatever a broken file does to a runtime is a failed row
            rows.append(undecided_row("quality", path.name, "fail", error_text(error)))
        else:
            manifest = session.manifest
            facts = {
                "artifact": artifact_facts(manifest),
                "backend": backend_facts(session, threads),
            }
            predictor = SessionPredictor(session, path.name)
            padding = padding_text(manifest)
            rows += measure.rows(path.name, predictor, manifest.size, padding, facts)
            continue
        advance(sum(len(image_set.triplets) for image_set in sets))
    return Report(kind="quality", run=run, device=device_info(), rows=tuple(rows))


def with_truth(sets: Sequence[ImageSet]) -> list[ImageSet]:
    """The sets without their triplets that lack a true frame.

    Raises:
        InputError: nothing is left.
    """
    kept = [
        ImageSet(each.name, tuple(item for item in each.triplets if item.truth is not None))
        for each in sets
    ]
    kept = [each for each in kept if each.triplets]
    if not kept:
        raise InputError(
            "quality needs the true middle frames",
            expected="an image set with true frames",
            got=", ".join(each.name for each in sets) + " without any",
        )
    return kept


class _Measurement:
    """What all subjects of one report share."""

    def __init__(
        self,
        sets: Sequence[ImageSet],
        min_gain_db: float | None,
        advance: Advance,
    ) -> None:
        self._sets = sets
        self._min_gain_db = min_gain_db
        self._advance = advance

    def rows(
        self,
        subject: str,
        predictor: Predictor,
        size: SizeInfo,
        padding: str,
        facts: dict[str, Any],
    ) -> list[Row]:
        """One row for each set."""
        baseline = isinstance(predictor, FrameAverage)
        rows = []
        for image_set in self._sets:
            score = evaluate(
                image_set,
                predictor,
                None if baseline else FrameAverage(),
                compare_raw=False,
                size=size,
                advance=lambda: self._advance(1),
            )
            decided = self._verdict(score, baseline)
            sections = score_sections(score, image_set, padding)
            reasons = score_reasons(score)
            if baseline:
                reasons |= dict.fromkeys(("artifact", "backend"), "the baseline has none")
            rows.append(make_row("quality", subject, decided, reasons=reasons, **facts, **sections))
        return rows

    def _verdict(self, score: Score, baseline: bool) -> Verdict:
        if score.failure is not None:
            return Verdict(status="fail", reason=score.failure)
        quality = score.quality
        if baseline:
            return Verdict(status="pass", reason="the baseline")
        if self._min_gain_db is None:
            return Verdict(status="pass", reason="measured; no gate was asked for")
        if quality is None or quality.psnr_difference_db is None:
            return Verdict(status="pass", reason="every frame was reproduced exactly")
        gate = at_least("gain over averaging dB", quality.psnr_difference_db, self._min_gain_db)
        return verdict([gate], passed="the gate held")
