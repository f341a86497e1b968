"""The engine of parity and quality: one predictor against a reference and the true frames."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from cdfi_model.data.image_sets import ImageSet
from cdfi_runtime.errors import CdfiError, MissingDependencyError
from cdfi_runtime.manifest import SizeInfo

from cdfi_bench.pairs import Pair, read_pair
from cdfi_bench.predictors import Predictor, RawFrame
from cdfi_bench.report import ImageRow, Parity, Quality
from cdfi_bench.scores import Perceptual, frame_quality, mean_quality, raw_parity, worst_parity

NO_TRUTH = "the image set has no true middle frame"
NOT_COMPARED = "this report does not compare raw outputs"

Watch: TypeAlias = Callable[[Pair, RawFrame, ImageRow, RawFrame | None], None]
"""Sees each pair that succeeded with its output, its numbers and the reference's output, for
pictures of it."""


@dataclass(frozen=True)
class Score:
    """A predictor on one image set.

    Attributes:
        images: One row for each pair that succeeded, in the set's order.
        sizes: ``(width, height)`` of the frames that could be read, each once.
        cropped: Some frames were cropped to the graph's fixed size.
        errors: What went wrong, by the name of the pair.
    """

    images: tuple[ImageRow, ...]
    sizes: tuple[tuple[int, int], ...]
    cropped: bool
    errors: dict[str, str]

    @property
    def parity(self) -> Parity | None:
        """The worst of the images, if any was compared."""
        found = [image.parity for image in self.images if image.parity is not None]
        return worst_parity(found) if found else None

    @property
    def quality(self) -> Quality | None:
        """The mean of the images that have a true frame, if any."""
        found = [image.quality for image in self.images if image.quality is not None]
        return mean_quality(found) if found else None

    @property
    def failure(self) -> str | None:
        """How many pairs failed, and why the first did."""
        if not self.errors:
            return None
        name, reason = next(iter(self.errors.items()))
        total = len(self.images) + len(self.errors)
        return f"{len(self.errors)} of {total} pairs failed, the first at {name}: {reason}"


def evaluate(
    image_set: ImageSet,
    subject: Predictor,
    reference: Predictor | None,
    *,
    compare_raw: bool,
    size: SizeInfo,
    advance: Callable[[], None],
    watch: Watch | None = None,
    perceptual: Perceptual | None = None,
) -> Score:
    """Run ``subject`` on every pair of a set; a pair that fails is noted and the rest go on.

    Args:
        image_set: The pairs.
        subject: What is measured.
        reference: What it is compared with, if anything.
        compare_raw: Whether the outputs before rounding are compared too (parity).
        size: Size of the subject's graph; larger frames are cropped.
        advance: Called after every pair.
        watch: Called with every pair that succeeded.
        perceptual: Measures LPIPS, if its weights are at hand.

    Raises:
        MissingDependencyError: scikit-image is not installed.
    """
    rows: list[ImageRow] = []
    sizes: dict[tuple[int, int], None] = {}
    errors: dict[str, str] = {}
    cropped = False
    for triplet in image_set.triplets:
        try:
            pair = read_pair(triplet, size)
            sizes[pair.width, pair.height] = None
            cropped = cropped or pair.cropped
            output = subject.predict(pair.frame0, pair.frame2)
            expected = None
            if reference is not None:
                expected = reference.predict(pair.frame0, pair.frame2)
            label = None if reference is None else reference.label
            rows.append(_measure(pair, output, expected, label, compare_raw, perceptual))
            if watch is not None:
                watch(pair, output, rows[-1], expected)
        except MissingDependencyError:  # of the measuring itself: no pair can be measured
            raise
        except Exception as error:  # a runtime may raise anything; the sweep must go on
            errors[triplet.name] = error_text(error)
        advance()
    return Score(tuple(rows), tuple(sizes), cropped, errors)


def error_text(error: Exception) -> str:
    """What a report says of an error; those not of this project are named by their type."""
    return str(error) if isinstance(error, CdfiError) else f"{type(error).__name__}: {error}"


def _measure(
    pair: Pair,
    output: RawFrame,
    expected: RawFrame | None,
    label: str | None,
    compare_raw: bool,
    perceptual: Perceptual | None,
) -> ImageRow:
    unmeasured: dict[str, str] = {}
    parity = quality = None
    if compare_raw and expected is not None and label is not None:
        parity = raw_parity(output, expected, label)
    else:
        unmeasured["parity"] = NOT_COMPARED
    if pair.truth is None:
        unmeasured["quality"] = NO_TRUTH
    else:
        quality = frame_quality(output, pair.truth, expected, label, perceptual=perceptual)
    return ImageRow(
        name=pair.name,
        width=pair.width,
        height=pair.height,
        parity=parity,
        quality=quality,
        unmeasured=unmeasured,
    )
