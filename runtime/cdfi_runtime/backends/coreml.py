"""Core ML artifacts on macOS. Written for real, not yet run on a Mac: unverified."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cdfi_runtime.errors import ArtifactError, InputError, first_line
from cdfi_runtime.files import require_artifact
from cdfi_runtime.manifest import load_manifest
from cdfi_runtime.runtimes import RUNTIMES, RuntimeSpec, Session

# Every compute unit that Core ML may choose from; which one took an operator only it knows.
_UNITS = "ALL"


class CoreMLSession:
    """A ``.mlpackage`` opened by Core ML; see :class:`cdfi_runtime.runtimes.Session`.

    Args:
        path: The package, its manifest beside it.
        threads: Not used: Core ML decides.

    Raises:
        InputError: the package or its manifest is missing.
        ArtifactError: Core ML cannot load the package, or a hash does not match.
        MissingDependencyError: coremltools is not installed.
    """

    runtime = "coreml"
    accelerator = f"core ml, compute units {_UNITS.lower()}"

    def __init__(self, path: Path, threads: int | None = None) -> None:
        del threads
        require_artifact(path, "the Core ML artifact")
        self.manifest = load_manifest(path)
        try:
            import coremltools
        except ImportError as error:
            raise SPEC.missing() from error
        try:
            units = getattr(coremltools.ComputeUnit, _UNITS)
            self._model = coremltools.models.MLModel(str(path), compute_units=units)
        except Exception as error:  # its exceptions share no base class
            raise ArtifactError(
                f"{path.name} is no package that Core ML can load",
                expected="a complete .mlpackage for iOS 16 or macOS 13 and later",
                got=first_line(error),
                fix="copy or export it again",
            ) from error
        self.version: str = coremltools.__version__

    def run(self, frame0: NDArray[np.float32], frame2: NDArray[np.float32]) -> NDArray[np.float32]:
        """The raw middle frame; see :meth:`cdfi_runtime.runtimes.Session.run`.

        Raises:
            InputError: Core ML failed on these frames.
        """
        names = [tensor.name for tensor in self.manifest.inputs]
        try:
            results = self._model.predict(dict(zip(names, (frame0, frame2), strict=True)))
        except Exception as error:
            raise InputError(
                f"Core ML failed on frames of {frame0.shape[-1]}x{frame0.shape[-2]} pixels",
                got=first_line(error),
                fix="try smaller frames; if that fails too, export the artifact again",
            ) from error
        return np.asarray(results[self.manifest.outputs[0].name], np.float32)


def _open(path: Path, threads: int | None) -> Session:
    return CoreMLSession(path, threads)


SPEC = RUNTIMES.register(
    RuntimeSpec(
        name="coreml",
        formats=("coreml",),
        package="coremltools",
        extra="coreml",
        open=_open,
        platforms=("darwin",),
    )
)
