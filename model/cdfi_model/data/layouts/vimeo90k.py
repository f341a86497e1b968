"""Vimeo-90K's test split: ``tri_testlist.txt`` names folders below ``sequences/``.

Only listed triplets count: the download holds the training split too. A listed triplet that is
missing stays in the set, so that the report names it instead of averaging over fewer.
"""

from __future__ import annotations

from pathlib import Path

from cdfi_model.data.layouts import LAYOUTS, ImageSet, Layout, Triplet, one_set

LIST = "tri_testlist.txt"


def find(folder: Path) -> list[ImageSet]:
    """The listed triplets, in the list's order, as one set."""
    listed, sequences = folder / LIST, folder / "sequences"
    if not (listed.is_file() and sequences.is_dir()):
        return []
    lines = listed.read_text(encoding="utf-8", errors="replace").split()
    found = []
    for name in lines:
        first, truth, second = (sequences / name / f"im{index}.png" for index in (1, 2, 3))
        found.append(Triplet(name, first, second, truth))
    return one_set(folder, found)


LAYOUTS.register(Layout("vimeo90k", f"sequences/ + {LIST}", find))
