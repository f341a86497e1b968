"""Progress on the terminal, and the callback by which the measuring reports it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeAlias

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

Advance: TypeAlias = Callable[[int], None]
"""Told how many more units (pairs, measurements) were finished."""


def no_progress(_: int) -> None:
    """An :data:`Advance` that shows nothing."""


@dataclass(frozen=True)
class Bar:
    """One bar: ``advance`` it by units, and ``tell`` what goes on beside its title."""

    advance: Callable[[float], None]
    tell: Callable[[str], None]


@contextmanager
def progress_bar(title: str, total: int, unit: str) -> Iterator[Advance]:
    """A bar on stderr for ``total`` units, gone when the block ends."""
    with progress_bars(unit) as add:
        yield add(title, total).advance


@contextmanager
def progress_bars(unit: str) -> Iterator[Callable[[str, float], Bar]]:
    """Bars on stderr, gone when the block ends; a call with title and total adds one."""
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn(unit),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:

        def add(title: str, total: float) -> Bar:
            task = progress.add_task(title, total=total)
            return Bar(
                lambda done: progress.advance(task, done),
                lambda text: progress.update(
                    task, description=f"{title}: {text}" if text else title
                ),
            )

        yield add
