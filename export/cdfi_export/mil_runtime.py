"""Core ML artifacts where there is no Core ML: evaluated by torch, and labelled so."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from cdfi_runtime.manifest import load_manifest
from cdfi_runtime.runtimes import RUNTIMES, RuntimeSpec, Session
from numpy.typing import NDArray


class MilSession:
    """A ``.mlpackage`` computed operator by operator; see :mod:`cdfi_export.mil_evaluator`.

    Its frames say whether the program is right, its times say nothing.

    Args:
        path: The package, its manifest beside it.
        threads: Threads of torch; ``None`` leaves the choice to it.

    Raises:
        InputError: the package or its manifest is missing.
        ArtifactError: no ML Program, or a hash that does not match.
        MissingDependencyError: coremltools or torch is not installed.
    """

    runtime = "mil_evaluator"
    accelerator = "cpu, not Core ML"

    def __init__(self, path: Path, threads: int | None = None) -> None:
        self.manifest = load_manifest(path)
        try:
            import torch

            from cdfi_export.mil_evaluator import load_program
        except ImportError as error:
            raise SPEC.missing() from error
        self._program = load_program(path)
        self._threads = threads
        self.version: str = torch.__version__

    def run(self, frame0: NDArray[np.float32], frame2: NDArray[np.float32]) -> NDArray[np.float32]:
        """The raw middle frame; see :meth:`cdfi_runtime.runtimes.Session.run`."""
        import torch

        from cdfi_export.mil_evaluator import evaluate

        if self._threads is not None:
            torch.set_num_threads(self._threads)
        names = [item.name for item in self.manifest.inputs]
        frames = {n: torch.from_numpy(f) for n, f in zip(names, (frame0, frame2), strict=True)}
        results = evaluate(self._program, frames)
        raw: NDArray[np.float32] = results[self.manifest.outputs[0].name].float().numpy()
        return raw


def _open(path: Path, threads: int | None) -> Session:
    return MilSession(path, threads)


SPEC = RUNTIMES.register(
    RuntimeSpec(
        name="mil_evaluator",
        formats=("coreml",),
        package="coremltools",
        extra="coreml",
        open=_open,
        emulated=True,
    )
)
