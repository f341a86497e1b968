"""``cdfi-bench quality``: networks and artifacts against the true frame between two others."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cdfi_model.data.image_sets import ImageSet
from cdfi_runtime.errors import InputError, MissingDependencyError
from cdfi_runtime.manifest import SizeInfo
from cdfi_runtime.runtimes import open_artifact

from cdfi_bench.baselines import BASELINES
from cdfi_bench.environment import device_info, run_info
from cdfi_bench.evaluate import Score, error_text, evaluate
from cdfi_bench.gallery import Gallery
from cdfi_bench.gates import at_least, verdict
from cdfi_bench.lpips import Lpips
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
    baselines: Sequence[str] = (),
    min_gain_db: float | None = None,
    threads: int | None = None,
    gallery: Gallery | None = None,
    lpips: Lpips | None = None,
    advance: Advance = no_progress,
) -> Report:
    """One row for each subject and image set, after those of the baselines.

    The frame average is always the first baseline: differences are taken to it.

    Args:
        subjects: Weights files and artifacts; may be empty, for the baseline alone.
        sets: Image sets; triplets without a true frame are left out.
        baselines: Names of further baselines; one that lacks its package becomes a skipped row.
        min_gain_db: Fail a subject whose mean PSNR is not this far above frame averaging.
        threads: Threads of the runtimes; ``None`` leaves it to them.
        gallery: Gets pictures of the worst cases of the subjects, or of the baselines if there
            are no subjects.
        lpips: Measures LPIPS; without it the field is null.
        advance: Told how many pairs were finished.

    Raises:
        InputError: no image set has true frames.
        UnknownNameError: no such baseline.
    """
    run = run_info()
    if lpips is not None:
        run = run.model_copy(update={"lpips_weights_sha256": lpips.sha256})
    sets = with_truth(sets)
    specs = [BASELINES.get(name) for name in baseline_names(baselines)]
    pairs = sum(len(image_set.triplets) for image_set in sets)
    measure = _Measurement(sets, min_gain_db, gallery, lpips, advance)
    rows: list[Row] = []
    for spec in specs:
        try:
            baseline = spec.load()
        except MissingDependencyError as error:
            rows.append(undecided_row("quality", spec.label, "skip", str(error)))
            advance(pairs)
        else:
            rows += measure.rows(spec.label, baseline, shown=not subjects)
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
            rows += measure.rows(path.name, predictor, manifest.size, padding_text(manifest), facts)
            continue
        advance(pairs)
    return Report(kind="quality", run=run, device=device_info(), rows=tuple(rows))


def baseline_names(wanted: Sequence[str]) -> list[str]:
    """``wanted`` with the frame average first, each once."""
    return list(dict.fromkeys(("average", *wanted)))


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
        gallery: Gallery | None,
        lpips: Lpips | None,
        advance: Advance,
    ) -> None:
        self._sets = sets
        self._min_gain_db = min_gain_db
        self._gallery = gallery
        self._lpips = lpips
        self._advance = advance

    def rows(
        self,
        subject: str,
        predictor: Predictor,
        size: SizeInfo = DYNAMIC,
        padding: str = "none",
        facts: dict[str, Any] | None = None,
        *,
        shown: bool = True,
    ) -> list[Row]:
        """One row for each set; without ``facts`` the subject is a baseline."""
        rows = []
        gallery = self._gallery if shown else None
        for image_set in self._sets:
            score = evaluate(
                image_set,
                predictor,
                None if isinstance(predictor, FrameAverage) else FrameAverage(),
                compare_raw=False,
                size=size,
                advance=lambda: self._advance(1),
                watch=None if gallery is None else gallery.watch(subject, image_set.name),
                perceptual=self._lpips,
            )
            decided = self._verdict(score, baseline=facts is None)
            sections = score_sections(score, image_set, padding) | (facts or {})
            reasons = score_reasons(score)
            if facts is None:
                reasons |= dict.fromkeys(("artifact", "backend"), "a baseline has none")
            rows.append(make_row("quality", subject, decided, reasons=reasons, **sections))
        return rows

    def _verdict(self, score: Score, *, baseline: bool) -> Verdict:
        if score.failure is not None:
            return Verdict(status="fail", reason=score.failure)
        quality = score.quality
        if baseline:
            return Verdict(status="pass", reason="a baseline")
        if self._min_gain_db is None:
            return Verdict(status="pass", reason="measured; no gate was asked for")
        if quality is None or quality.psnr_difference_db is None:
            return Verdict(status="pass", reason="every frame was reproduced exactly")
        gate = at_least("gain over averaging dB", quality.psnr_difference_db, self._min_gain_db)
        return verdict([gate], passed="the gate held")
