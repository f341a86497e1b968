"""What became of every artifact of a folder: ``export.json``, the memory of ``cdfi-export``.

A cell whose recipe is in it, and whose file is as it says, is not made again.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal

from cdfi_runtime.errors import ArtifactError, CdfiError, GateError
from cdfi_runtime.files import write_text
from cdfi_runtime.manifest import load_manifest
from pydantic import BaseModel, ConfigDict, ValidationError

from cdfi_export.staging import FAILED_SUFFIX, locked

LEDGER = "export.json"
# Failures that come again from the same recipe; others, such as a runtime that finds no memory,
# depend on the machine's state.
_LASTING = {kind.__name__: kind for kind in (GateError, ArtifactError)}


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Failure(_Strict):
    """An error by its fields."""

    kind: str
    problem: str
    expected: str | None = None
    got: str | None = None
    fix: str | None = None

    @classmethod
    def of(cls, error: CdfiError) -> Failure:
        """What ``error`` says."""
        return cls(
            kind=type(error).__name__,
            problem=error.problem,
            expected=error.expected,
            got=error.got,
            fix=error.fix,
        )

    @property
    def lasting(self) -> bool:
        """Whether the same recipe must fail again."""
        return self.kind in _LASTING

    def error(self) -> CdfiError:
        """The error again; one that does not last becomes a plain :class:`CdfiError`."""
        kind = _LASTING.get(self.kind, CdfiError)
        return kind(self.problem, expected=self.expected, got=self.got, fix=self.fix)


class Speed(_Strict):
    """Wall-clock medians in seconds; ``None`` with a ``reason`` where nothing was measured."""

    load_s: float | None = None
    frame_s: float | None = None
    ratio: float | None = None
    reference_sha256: str | None = None
    threads: int
    reason: str | None = None


class ExportRow(_Strict):
    """One artifact. ``sha256`` is that of the file which lies there, ``.failed`` ones included.

    ``lost_db`` is the largest mean loss of an image set against the true frames, ``psnr_db`` the
    smallest PSNR to torch; ``None`` where the frames have no truth, or the outputs are identical.
    """

    file: str
    format: str
    precision: str
    size: str
    recipe_sha256: str | None
    verdict: Literal["pass", "fail", "error", "skip"]
    failure: Failure | None = None
    sha256: str | None = None
    bytes: int | None = None
    psnr_db: float | None = None
    max_abs: float | None = None
    lost_db: float | None = None
    speed: Speed | None = None

    @property
    def artifact(self) -> str:
        """Name of the file that lies there, if any does."""
        return self.file + FAILED_SUFFIX if self.verdict == "fail" else self.file


class Ledger(_Strict):
    """All rows of a folder, by file name."""

    schema_version: Literal[1] = 1
    rows: tuple[ExportRow, ...] = ()

    def find(self, file: str, recipe_sha256: str, folder: Path) -> ExportRow | None:
        """The row of ``file`` if making it again would change nothing."""
        for row in self.rows:
            if row.file != file or row.recipe_sha256 != recipe_sha256:
                continue
            if row.failure is not None and not row.failure.lasting:
                return None
            if row.sha256 is None:
                return row
            return row if _lies_there(folder / row.artifact, row.sha256) else None
        return None


def _lies_there(artifact: Path, sha256: str) -> bool:
    try:
        return load_manifest(artifact).artifact.sha256 == sha256
    except CdfiError:
        return False


def read_ledger(folder: Path) -> Ledger:
    """The ledger of a folder; an empty one if there is none, or none that can be read.

    It only saves work: what it cannot tell is made again.
    """
    try:
        return Ledger.model_validate(json.loads((folder / LEDGER).read_text(encoding="utf-8")))
    except (OSError, ValueError, ValidationError):
        return Ledger()


def record(folder: Path, row: ExportRow) -> None:
    """Put ``row`` in place of the one of the same file; safe beside other exports."""
    with locked(folder):
        kept = {each.file: each for each in read_ledger(folder).rows}
        kept[row.file] = row
        rows = tuple(kept[name] for name in sorted(kept))
        write_text(folder / LEDGER, Ledger(rows=rows).model_dump_json(indent=2) + "\n")
