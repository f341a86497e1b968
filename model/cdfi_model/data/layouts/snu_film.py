"""SNU-FILM: ``test-{easy,medium,hard,extreme}.txt``, three paths a line; each list is a set.

A line holds the first frame, the true middle and the last frame. The published paths start with
the authors' own folders, so leading folders are dropped until the first line's frame is found. The
lists lie in the folder itself or in ``eval_modes/``.
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from cdfi_runtime.errors import InputError

from cdfi_model.data.layouts import LAYOUTS, ImageSet, Layout, Triplet

MODES = ("easy", "medium", "hard", "extreme")


def find(folder: Path) -> list[ImageSet]:
    """One set for each list, easiest first.

    Raises:
        InputError: a line without three paths, or a list whose first frame is not there.
    """
    sets = []
    for mode in MODES:
        for listed in (folder / f"test-{mode}.txt", folder / "eval_modes" / f"test-{mode}.txt"):
            if listed.is_file():
                sets.append(ImageSet(f"snu_film_{mode}", _read(listed, folder)))
                break
    return [each for each in sets if each.triplets]


def _read(listed: Path, folder: Path) -> tuple[Triplet, ...]:
    found: list[Triplet] = []
    dropped: int | None = None
    lines = listed.read_text(encoding="utf-8", errors="replace").splitlines()
    for number, line in enumerate(lines, 1):
        paths = [PurePosixPath(text.replace("\\", "/")) for text in line.split()]
        if not paths:
            continue
        if len(paths) != 3:
            raise InputError(
                f"{listed}, line {number}: not a triplet",
                expected="three paths: first frame, true middle, last frame",
                got=line.strip()[:200],
                fix="use the list as it was published",
            )
        if dropped is None:
            dropped = _leading(paths[0], folder, listed)
        first, truth, second = (folder.joinpath(*path.parts[dropped:]) for path in paths)
        name = PurePosixPath(*paths[1].parts[dropped:]).with_suffix("").as_posix()
        found.append(Triplet(name, first, second, truth))
    return tuple(found)


def _leading(path: PurePosixPath, folder: Path, listed: Path) -> int:
    """How many leading folders of ``path`` to drop for it to be found in ``folder``."""
    for count in range(len(path.parts)):
        if folder.joinpath(*path.parts[count:]).is_file():
            return count
    raise InputError(
        f"{listed} names frames that are not in the folder",
        expected=f"the end of {path} below {folder}",
        got="no such file",
        fix="put the list beside the folder test/ with GOPRO_test/ and YouTube_test/",
    )


LAYOUTS.register(Layout("snu_film", "test-easy.txt with three paths a line", find))
