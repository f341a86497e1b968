"""Layouts of evaluation data: one file each, registered here.

A layout looks at a path and returns the image sets in it, or nothing if the path is no such.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cdfi_runtime.registry import Registry


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
    """A layout of files.

    Attributes:
        name: Its name in the registry.
        expected: The files that make it up, in a few words, for the message when none fits.
        find: The image sets in a folder (or file), empty if it has another layout.
        fallback: Tried only where nothing else fits: its pattern also occurs inside other layouts.
    """

    name: str
    expected: str
    find: Callable[[Path], list[ImageSet]]
    fallback: bool = False


LAYOUTS: Registry[Layout] = Registry("layout", "cdfi_model.data.layouts")


def existing(path: Path) -> Path | None:
    """``path`` if it is a file: true frames may be missing."""
    return path if path.is_file() else None


def one_set(folder: Path, triplets: list[Triplet]) -> list[ImageSet]:
    """The triplets as one set with the folder's name; nothing if there are none."""
    return [ImageSet(folder.resolve().name, tuple(triplets))] if triplets else []
