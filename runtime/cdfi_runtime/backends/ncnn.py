"""ncnn artifacts on the CPU."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cdfi_runtime.errors import ArtifactError, InputError
from cdfi_runtime.files import require_artifact
from cdfi_runtime.manifest import load_manifest
from cdfi_runtime.runtimes import AUTO, RUNTIMES, RuntimeSpec


class NcnnSession:
    """A ``.ncnn`` folder opened by ncnn; see :class:`cdfi_runtime.runtimes.Session`.

    Everything is computed in float32, whatever the weights are stored in.

    Args:
        path: The folder with ``net.param`` and ``net.bin``, its manifest beside it.
        threads: CPU threads; ``None`` leaves the choice to ncnn.
        accelerator: ``"cpu"``, which ``"auto"`` is too.

    Raises:
        InputError: the folder or its manifest is missing or empty.
        ArtifactError: ncnn cannot load it, a hash does not match, or inputs and outputs are other
            than the manifest's.
        MissingDependencyError: ncnn is not installed.
    """

    runtime = "ncnn"

    def __init__(self, path: Path, threads: int | None = None, accelerator: str = AUTO) -> None:
        self.accelerator = "cpu"
        self.fallback = (
            None
            if accelerator in (AUTO, "cpu")
            else f"this runtime uses ncnn on the CPU only, not on '{accelerator}'"
        )
        require_artifact(path, "the ncnn artifact")
        self.manifest = load_manifest(path)
        try:
            import ncnn
        except ImportError as error:
            raise SPEC.missing() from error
        self.version: str = ncnn.__version__
        self._matrix = ncnn.Mat
        self._net = ncnn.Net()
        options = self._net.opt
        # Half precision, where a CPU has it, would move the sampling positions.
        options.use_fp16_packed = options.use_fp16_storage = options.use_fp16_arithmetic = False
        if threads is not None:
            options.num_threads = threads
        read = self._net.load_param, self._net.load_model
        files = path / "net.param", path / "net.bin"
        if any(load(str(file)) != 0 for load, file in zip(read, files, strict=True)):
            raise ArtifactError(
                f"{path.name} is no folder that ncnn can load",
                expected=f"complete files net.param and net.bin for ncnn {self.version}",
                got="what ncnn has written above",
                fix="copy or export it again",
            )
        self._check(self._net.input_names(), self._net.output_names())

    def run(self, frame0: NDArray[np.float32], frame2: NDArray[np.float32]) -> NDArray[np.float32]:
        """The raw middle frame; see :meth:`cdfi_runtime.runtimes.Session.run`.

        Raises:
            InputError: the frames have another size than the graph, or ncnn failed while running.
        """
        got = f"frames of {frame0.shape[-1]}x{frame0.shape[-2]} pixels"
        size, (output,) = self.manifest.size, self.manifest.outputs
        if frame0.shape != frame2.shape or frame0.shape[2:] != (size.height, size.width):
            raise InputError(
                "the frames do not fit the graph",  # ncnn itself would read past their end
                expected=f"frames of {size.width}x{size.height} pixels",
                got=got,
                fix="export an artifact for this size",
            )
        extractor = self._net.create_extractor()
        for tensor, frame in zip(self.manifest.inputs, (frame0, frame2), strict=True):
            # A copy, for ncnn overwrites its inputs and these belong to the caller.
            extractor.input(tensor.name, self._matrix(np.ascontiguousarray(frame[0])).clone())
        status, raw = extractor.extract(output.name)
        if status != 0 or raw.empty():
            raise InputError(
                f"ncnn failed on {got}",
                got=f"its status {status}",
                fix="try smaller frames; if that fails too, export the artifact again",
            )
        return np.array(raw, dtype=np.float32)[np.newaxis]

    def _check(self, inputs: list[str], outputs: list[str]) -> None:
        expected = [
            sorted(tensor.name for tensor in tensors)
            for tensors in (self.manifest.inputs, self.manifest.outputs)
        ]
        if [sorted(inputs), sorted(outputs)] != expected:
            raise ArtifactError(
                f"inputs and outputs of {self.manifest.artifact.file} are not its manifest's",
                expected=" and ".join(", ".join(names) for names in expected),
                got=" and ".join(", ".join(names) for names in (inputs, outputs)),
                fix="export the artifact again with cdfi-export",
            )


SPEC = RUNTIMES.register(
    RuntimeSpec(
        name="ncnn",
        formats=("ncnn",),
        package="ncnn",
        extra="ncnn",
        open=NcnnSession,
    )
)
