"""Core ML artifacts on macOS. Written for real, not yet run on a Mac: unverified."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cdfi_runtime.errors import ArtifactError, InputError, UnknownNameError, first_line
from cdfi_runtime.files import require_artifact
from cdfi_runtime.frames import from_8bit, round_to_uint8
from cdfi_runtime.manifest import IMAGE, TensorInfo, load_manifest
from cdfi_runtime.runtimes import AUTO, RUNTIMES, RuntimeSpec

# Sets of compute units that Core ML may choose from; which one took an operator only it knows.
UNITS = ("cpu_only", "cpu_and_gpu", "cpu_and_ne", "all")


class CoreMLSession:
    """A ``.mlpackage`` opened by Core ML; see :class:`cdfi_runtime.runtimes.Session`.

    Args:
        path: The package, its manifest beside it.
        threads: Not used: Core ML decides.
        accelerator: One of :data:`UNITS`; ``"auto"`` is all of them.

    Raises:
        InputError: the package or its manifest is missing.
        ArtifactError: Core ML cannot load the package, or a hash does not match.
        MissingDependencyError: coremltools is not installed.
    """

    runtime = "coreml"

    def __init__(self, path: Path, threads: int | None = None, accelerator: str = AUTO) -> None:
        del threads
        units = UNITS[-1] if accelerator == AUTO else accelerator
        if units not in UNITS:
            raise UnknownNameError("set of compute units", accelerator, UNITS)
        self.accelerator = f"core ml, compute units {units}"
        self.fallback = (
            None
            if accelerator in (AUTO, UNITS[0])
            else "Core ML may run any operator on the CPU and does not say so"
        )
        require_artifact(path, "the Core ML artifact")
        self.manifest = load_manifest(path)
        try:
            import coremltools
        except ImportError as error:
            raise SPEC.missing() from error
        try:
            allowed = getattr(coremltools.ComputeUnit, units.upper())
            self._model = coremltools.models.MLModel(str(path), compute_units=allowed)
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
        (output,) = self.manifest.outputs
        feed = {
            tensor.name: _to_core_ml(frame, tensor)
            for tensor, frame in zip(self.manifest.inputs, (frame0, frame2), strict=True)
        }
        try:
            results = self._model.predict(feed)
        except Exception as error:
            raise InputError(
                f"Core ML failed on frames of {frame0.shape[-1]}x{frame0.shape[-2]} pixels",
                got=first_line(error),
                fix="try smaller frames; if that fails too, export the artifact again",
            ) from error
        return _from_core_ml(results[output.name], output)


def _to_core_ml(frame: NDArray[np.float32], tensor: TensorInfo) -> Any:
    """``(1, 3, H, W)`` in [0, 1] as the model takes it: as it is, or as an RGB image of Pillow."""
    if tensor.dtype != IMAGE:
        return frame
    from PIL import Image

    return Image.fromarray(np.ascontiguousarray(round_to_uint8(frame[0]).transpose(1, 2, 0)))


def _from_core_ml(result: Any, tensor: TensorInfo) -> NDArray[np.float32]:
    if tensor.dtype != IMAGE:
        return np.asarray(result, np.float32)
    pixels = np.asarray(result.convert("RGB"), np.uint8)
    return from_8bit(pixels.transpose(2, 0, 1)[np.newaxis])


SPEC = RUNTIMES.register(
    RuntimeSpec(
        name="coreml",
        formats=("coreml",),
        package="coremltools",
        extra="coreml",
        open=CoreMLSession,
        platforms=("darwin",),
        verified_on=UNITS,
    )
)
