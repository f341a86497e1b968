"""Core ML artifacts where there is no Core ML: evaluated by torch, and labelled so."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from cdfi_runtime.frames import from_8bit, round_to_uint8
from cdfi_runtime.manifest import IMAGE, load_manifest
from cdfi_runtime.runtimes import AUTO, RUNTIMES, RuntimeSpec, Session
from numpy.typing import NDArray


class MilSession:
    """A ``.mlpackage`` computed operator by operator; see :mod:`cdfi_export.mil_evaluator`.

    Its frames say whether the program is right, its times say nothing.

    Args:
        path: The package, its manifest beside it.
        threads: Threads of torch; ``None`` leaves the choice to it.
        accelerator: There is none to choose.

    Raises:
        InputError: the package or its manifest is missing.
        ArtifactError: no ML Program, or a hash that does not match.
        MissingDependencyError: coremltools or torch is not installed.
    """

    runtime = "mil_evaluator"
    accelerator = "cpu, not Core ML"

    def __init__(self, path: Path, threads: int | None = None, accelerator: str = AUTO) -> None:
        self.fallback = None if accelerator == AUTO else "this is an evaluator, not Core ML"
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
        frames = {
            # An image comes to the program as its 8-bit values; the program scales them itself.
            item.name: torch.from_numpy(
                round_to_uint8(frame).astype(np.float32) if item.dtype == IMAGE else frame
            )
            for item, frame in zip(self.manifest.inputs, (frame0, frame2), strict=True)
        }
        (output,) = self.manifest.outputs
        raw: NDArray[np.float32] = evaluate(self._program, frames)[output.name].float().numpy()
        # Of an image only what fits into a byte comes back, as Core ML would store it.
        return from_8bit(raw.clip(0, 255).astype(np.uint8)) if output.dtype == IMAGE else raw


def _open(path: Path, threads: int | None, accelerator: str) -> Session:
    return MilSession(path, threads, accelerator)


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
