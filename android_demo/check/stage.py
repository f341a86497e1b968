"""A stage of the check, and running programs in one."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from project import Project

_MOST_LINES = 40


class Failed(Exception):  # noqa: N818 - it reads as what it is: a stage that failed
    """What a stage found wrong."""


@dataclass(frozen=True)
class Stage:
    """One file in ``stages/``.

    Attributes:
        name: Of the file and for ``--only``.
        summary: One line.
        run: Returns a line about what was checked, or raises :class:`Failed`.
    """

    name: str
    summary: str
    run: Callable[[Project], str]


def run(command: Sequence[str | Path], what: str, cwd: Path | None = None) -> str:
    """Output of a program that must end well; ``what`` says in the failure what it was to do."""
    done = subprocess.run(
        [str(each) for each in command],
        cwd=cwd,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    if done.returncode:
        lines = done.stdout.splitlines()
        raise Failed("\n".join([f"{what} failed", *lines[:_MOST_LINES]]))
    return done.stdout


def _load() -> list[Stage]:
    # In the order in which they are run: what is quick first, what needs others after them.
    names = ("catalog", "lint", "core", "native", "resources", "android", "manifest", "apk")
    return [import_module(f"stages.{name}").STAGE for name in names]


STAGES: list[Stage] = []
STAGES += _load()
