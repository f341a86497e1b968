"""Middlebury-OTHER: ``input/SCENE/frame1{0,1}.png`` and ``gt/SCENE/frame10i11.png``."""

from __future__ import annotations

from pathlib import Path

from cdfi_model.data.layouts import LAYOUTS, ImageSet, Layout, Triplet, existing, one_set


def find(folder: Path) -> list[ImageSet]:
    """The scenes as one set; those without a true frame are kept."""
    found = []
    for first in sorted(folder.glob("input/*/frame10.png")):
        scene, second = first.parent.name, first.with_name("frame11.png")
        if second.is_file():
            truth = existing(folder / "gt" / scene / "frame10i11.png")
            found.append(Triplet(scene, first, second, truth))
    return one_set(folder, found)


LAYOUTS.register(Layout("middlebury_other", "input/SCENE/frame10.png + frame11.png", find))
