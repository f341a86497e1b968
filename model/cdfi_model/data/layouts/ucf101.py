"""UCF101 by Deep Voxel Flow: ``ID/frame_00.png``, ``frame_01_gt.png``, ``frame_02.png``."""

from __future__ import annotations

from pathlib import Path

from cdfi_model.data.layouts import LAYOUTS, ImageSet, Layout, Triplet, existing, one_set


def find(folder: Path) -> list[ImageSet]:
    """The clips as one set; those without a true frame are kept."""
    found = []
    for first in sorted(folder.glob("*/frame_00.png")):
        second = first.with_name("frame_02.png")
        if second.is_file():
            truth = existing(first.with_name("frame_01_gt.png"))
            found.append(Triplet(first.parent.name, first, second, truth))
    return one_set(folder, found)


LAYOUTS.register(Layout("ucf101", "ID/frame_00.png + frame_02.png", find))
