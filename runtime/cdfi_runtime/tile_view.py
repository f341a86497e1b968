"""What ``cdfi-run`` reads and shows of tiles."""

from __future__ import annotations

import re

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)

from cdfi_runtime.errors import InputError
from cdfi_runtime.tiled import Tiling


def parse_tile(text: str) -> tuple[int, int]:
    """``"1280x736"`` as ``(width, height)``.

    Raises:
        InputError: anything else.
    """
    found = re.fullmatch(r"([1-9][0-9]*)x([1-9][0-9]*)", text)
    if found is None:
        raise InputError("no size of tiles", expected="WIDTHxHEIGHT, e.g. 1280x736", got=text)
    return int(found[1]), int(found[2])


def show_tiling(console: Console, tiling: Tiling | None) -> None:
    """Say how the last frame was cut, if it was to be."""
    if tiling is not None:
        over = tiling.over_budget
        console.print(tiling.in_words(), style="yellow" if over else None, markup=False)


class TileProgress:
    """Bars of frames and of the tiles of the present frame; what there is one of has none.

    Use it as a context manager around the work.
    """

    def __init__(self, console: Console) -> None:
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
        self._progress = Progress(*columns, TimeRemainingColumn(), console=console)
        self._frames: TaskID | None = None
        self._tiles: TaskID | None = None

    def __enter__(self) -> TileProgress:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def expect(self, frames: int) -> None:
        """Show a bar of so many frames."""
        self._frames = self._progress.add_task("interpolating", total=frames)

    def frame_done(self) -> None:
        """One more of the expected frames."""
        if self._frames is not None:
            self._progress.advance(self._frames)

    def on_tile(self, done: int, count: int) -> None:
        """See :class:`cdfi_runtime.tiled.TiledSession`."""
        if count == 1:
            return
        if self._tiles is None:
            self._tiles = self._progress.add_task("tiles", total=count)
        self._progress.update(self._tiles, completed=done, total=count)
