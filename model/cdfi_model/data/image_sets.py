"""Evaluation image sets: folders of triplets in the layouts that the field publishes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cdfi_runtime.errors import InputError


@dataclass(frozen=True)
class Triplet:
    """Paths of two frames and, where it is known, the true frame between them."""

    name: str
    frame0: Path
    frame2: Path
    truth: Path | None


@dataclass(frozen=True)
class ImageSet:
    """Triplets that are averaged together in a report."""

    name: str
    triplets: tuple[Triplet, ...]


@dataclass(frozen=True)
class Layout:
    """A folder layout: ``find`` returns the triplets of a folder, or nothing if it is no such."""

    name: str
    find: Callable[[Path], list[Triplet]]


def _middlebury(folder: Path) -> list[Triplet]:
    """Middlebury-OTHER: ``input/SCENE/frame1{0,1}.png`` and ``gt/SCENE/frame10i11.png``."""
    found = []
    for first in sorted(folder.glob("input/*/frame10.png")):
        scene = first.parent.name
        truth = folder / "gt" / scene / "frame10i11.png"
        second = first.with_name("frame11.png")
        if second.is_file():
            found.append(Triplet(scene, first, second, truth if truth.is_file() else None))
    return found


def _ucf101(folder: Path) -> list[Triplet]:
    """UCF101 by Deep Voxel Flow: ``ID/frame_00.png``, ``frame_01_gt.png``, ``frame_02.png``."""
    found = []
    for first in sorted(folder.glob("*/frame_00.png")):
        second, truth = first.with_name("frame_02.png"), first.with_name("frame_01_gt.png")
        if second.is_file():
            found.append(
                Triplet(first.parent.name, first, second, truth if truth.is_file() else None)
            )
    return found


def _triplets(folder: Path) -> list[Triplet]:
    """Plain or Vimeo-90K folders that hold ``im1.png, im2.png, im3.png``."""
    found = []
    for first in sorted(folder.rglob("im1.png")):
        second, truth = first.with_name("im3.png"), first.with_name("im2.png")
        if second.is_file():
            name = first.parent.relative_to(folder).as_posix()
            found.append(Triplet(name, first, second, truth if truth.is_file() else None))
    return found


LAYOUTS = (
    Layout("middlebury_other", _middlebury),
    Layout("ucf101", _ucf101),
    Layout("triplets", _triplets),
)


def find_image_sets(folder: Path) -> list[ImageSet]:
    """Image sets in ``folder``: itself if it has a known layout, else each folder below it.

    Raises:
        InputError: no known layout was found.
    """
    if not folder.is_dir():
        raise InputError("the image folder does not exist", got=str(folder))
    for candidates in ([folder], sorted(path for path in folder.iterdir() if path.is_dir())):
        sets = []
        for candidate in candidates:
            for layout in LAYOUTS:
                triplets = layout.find(candidate)
                if triplets:
                    sets.append(ImageSet(candidate.name, tuple(triplets)))
                    break
        if sets:
            return sets
    raise InputError(
        "no triplets found",
        expected="input/SCENE/frame10.png + frame11.png, ID/frame_00.png + frame_02.png, "
        "or NAME/im1.png + im3.png",
        got=str(folder),
    )


def sample_set() -> ImageSet:
    """The one triplet that travels with the runtime: 448x256, CC0."""
    from cdfi_runtime.samples import sample_triplet

    frame0, truth, frame2 = sample_triplet()
    return ImageSet("sample", (Triplet("city", frame0, frame2, truth),))
