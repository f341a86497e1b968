"""One export in a process of its own: tracing leaves memory behind that is not the artifact's."""

from __future__ import annotations

from pathlib import Path

from cdfi_export.options import ExportOptions
from cdfi_export.pipeline import export_all
from cdfi_runtime.apart import Send, run_apart


class _Silent:
    def note(self, text: str) -> None: ...
    def start(self, artifact: str, steps: int) -> None: ...
    def step(self, text: str) -> None: ...
    def end(self) -> None: ...


def export_apart(options: ExportOptions) -> Path:
    """Write and verify the one artifact that ``options`` ask for; returns its path.

    Raises:
        CdfiError: it cannot be written, or misses a gate.
    """
    return run_apart(_export, options)


def _export(_send: Send, options: ExportOptions) -> Path:
    (outcome,) = export_all(options, _Silent())
    if outcome.error is not None:
        raise outcome.error
    assert outcome.file is not None
    return outcome.file
