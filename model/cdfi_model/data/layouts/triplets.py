"""Plain triplets: folders at any depth that hold ``im1.png``, ``im2.png``, ``im3.png``."""

from __future__ import annotations

from pathlib import Path

from cdfi_model.data.layouts import LAYOUTS, ImageSet, Layout, Triplet, existing, one_set


def find(folder: Path) -> list[ImageSet]:
    """The triplets as one set; those without ``im2.png`` have no true frame."""
    found = []
    for first in sorted(folder.rglob("im1.png")):
        second = first.with_name("im3.png")
        if second.is_file():
            name = first.parent.relative_to(folder).as_posix()
            found.append(Triplet(name, first, second, existing(first.with_name("im2.png"))))
    return one_set(folder, found)


LAYOUTS.register(Layout("triplets", "NAME/im1.png + im3.png", find, fallback=True))
