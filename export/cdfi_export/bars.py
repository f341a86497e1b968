"""One progress display for a run: how many artifacts are done, and the steps of the present one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)


class Bars:
    """A :class:`cdfi_export.pipeline.Observer` on the terminal, with a bar over all artifacts."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._whole: TaskID | None = None
        self._task: TaskID | None = None
        self._artifact = ""
        self._done = 0
        self._noted: set[str] = set()

    def begin(self, artifacts: int) -> None:
        """The run begins; it has so many artifacts."""
        if artifacts > 1:
            self._whole = self._progress.add_task("all artifacts", total=artifacts)

    def advance(self) -> None:
        """An artifact is done with, however it went."""
        if self._task is not None:
            self._progress.update(self._task, visible=self._whole is None)
        self._task = None
        if self._whole is not None:
            self._progress.advance(self._whole)

    def note(self, text: str) -> None:
        """See :class:`cdfi_export.pipeline.Observer`; the same line is shown once."""
        if text not in self._noted:
            self._noted.add(text)
            self._progress.console.print(text, highlight=False, markup=False)

    def start(self, artifact: str, steps: int) -> None:
        """See :class:`cdfi_export.pipeline.Observer`."""
        self._artifact, self._done = artifact, -1
        self._task = self._progress.add_task(artifact, total=steps)

    def step(self, text: str) -> None:
        """See :class:`cdfi_export.pipeline.Observer`."""
        assert self._task is not None
        self._done += 1
        self._progress.update(
            self._task, completed=self._done, description=f"{self._artifact}: {text}"
        )

    def end(self) -> None:
        """See :class:`cdfi_export.pipeline.Observer`."""
        assert self._task is not None
        self._progress.update(
            self._task, completed=self._done + 1, description=f"{self._artifact}: done"
        )

    def measuring(self, artifact: str) -> None:
        """The artifact's speed is being measured."""
        if self._task is not None:
            self._progress.update(self._task, description=f"{artifact}: measuring its speed")


@contextmanager
def progress_bars(console: Console) -> Iterator[Bars]:
    """The display while the block runs."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console) as progress:
        yield Bars(progress)
