"""Errors that a user can act on: what was expected, what came, and the fix."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

EXIT_PASS = 0
EXIT_GATE_FAILED = 1
EXIT_USAGE = 2


class CdfiError(Exception):
    """Base of every error this project raises on purpose.

    Args:
        problem: One sentence on what went wrong.
        expected: What would have been right.
        got: What came instead.
        fix: What the user can do about it.
    """

    exit_code = EXIT_USAGE

    def __init__(
        self,
        problem: str,
        *,
        expected: str | None = None,
        got: str | None = None,
        fix: str | None = None,
    ) -> None:
        self.problem = problem
        self.expected = expected
        self.got = got
        self.fix = fix
        lines = [problem]
        lines += [f"  expected: {expected}"] if expected else []
        lines += [f"  got: {got}"] if got else []
        lines += [f"  fix: {fix}"] if fix else []
        super().__init__("\n".join(lines))

    def __reduce__(self) -> tuple[Any, ...]:
        """By its fields: subclasses take other arguments than the message."""
        return _restore, (type(self), self.args, self.__dict__)


def _restore(kind: type[CdfiError], args: tuple[Any, ...], fields: dict[str, Any]) -> CdfiError:
    error = kind.__new__(kind, *args)
    error.__dict__.update(fields)
    return error


class InputError(CdfiError):
    """Frames, sizes, options or data that cannot be used."""


class ArtifactError(CdfiError):
    """A model, checkpoint or manifest file that is corrupt, foreign or does not match."""


class OutputError(CdfiError):
    """A result that cannot be written."""


class MissingDependencyError(CdfiError):
    """An optional package or tool that this call needs and that is not installed.

    Args:
        package: Import name of what is missing.
        extra: The extra of ``cdfi-mobile`` that brings it; ``None`` for the base installation.
        needed_for: What was asked for.
    """

    def __init__(self, package: str, *, extra: str | None, needed_for: str) -> None:
        self.package = package
        super().__init__(
            f"{needed_for} needs the package '{package}', which is not installed",
            fix=f"pip install 'cdfi-mobile[{extra}]'" if extra else "pip install cdfi-mobile",
        )


class UnknownNameError(CdfiError):
    """A network, format, runtime, ... that no registry knows.

    Args:
        kind: What was looked up, e.g. ``"network"``.
        name: The name that was asked for.
        known: The names that exist.
    """

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        self.kind = kind
        self.name = name
        self.known = tuple(sorted(known))
        super().__init__(
            f"unknown {kind} '{name}'",
            expected="one of " + (", ".join(self.known) or f"no {kind} is registered"),
            got=name,
        )


class GateError(CdfiError):
    """A parity, size or quality gate that was measured and missed."""

    exit_code = EXIT_GATE_FAILED


def first_line(error: BaseException) -> str:
    """The first line of what ``error`` says, or its type where it says nothing."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
