"""Evaluation image sets: triplets found in the layouts that the field publishes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from cdfi_runtime.errors import InputError

from cdfi_model.data.layouts import LAYOUTS, ImageSet, Layout, Triplet

__all__ = ["ImageSet", "Triplet", "find_image_sets", "sample_set"]


def find_image_sets(path: Path) -> list[ImageSet]:
    """Image sets in ``path``: itself if it has a known layout, else each folder below it.

    Args:
        path: A folder, or a video file.

    Raises:
        InputError: it does not exist, no known layout was found, or one is damaged.
        MissingDependencyError: a video, and PyAV is not installed.
    """
    if not path.exists():
        raise InputError("the image folder does not exist", got=str(path))
    layouts = sorted(LAYOUTS.all(), key=lambda each: each.fallback)
    exact = [each for each in layouts if not each.fallback]
    below = sorted(each for each in path.iterdir() if each.is_dir()) if path.is_dir() else []
    sets = _search([path], exact)
    if not sets and _search(below, exact):
        sets = _search(below, layouts)
    # Fallbacks look at the folder as a whole first: plain triplets are one set, not one each.
    sets = sets or _search([path], layouts) or _search(below, layouts)
    if not sets:
        raise InputError(
            "no triplets found",
            expected="; ".join(each.expected for each in layouts),
            got=str(path),
        )
    return sets


def sample_set() -> ImageSet:
    """The one triplet that travels with the runtime: 448x256, CC0."""
    from cdfi_runtime.samples import sample_triplet

    frame0, truth, frame2 = sample_triplet()
    return ImageSet("sample", (Triplet("city", frame0, frame2, truth),))


def _search(paths: Iterable[Path], layouts: Sequence[Layout]) -> list[ImageSet]:
    """For each path the sets of the first layout that fits."""
    found: list[ImageSet] = []
    for path in paths:
        for layout in layouts:
            sets = layout.find(path)
            if sets:
                found += sets
                break
    return found
