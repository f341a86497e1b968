"""ExecuTorch artifacts on the CPU, with XNNPACK for what the exporter gave to it.

ExecuTorch's Python library takes and gives tensors of torch, so this runtime is not in
``cdfi_runtime``; it joins by an entry point.
"""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from cdfi_runtime.errors import ArtifactError, InputError, first_line
from cdfi_runtime.files import require_file
from cdfi_runtime.manifest import load_manifest
from cdfi_runtime.runtimes import AUTO, RUNTIMES, RuntimeSpec
from numpy.typing import NDArray

_METHOD = "forward"
_XNNPACK = b"XnnpackBackend"


class ExecutorchSession:
    """A ``.pte`` artifact opened by ExecuTorch; see :class:`cdfi_runtime.runtimes.Session`.

    Args:
        path: The ``.pte`` file, its manifest beside it.
        threads: CPU threads. ExecuTorch has one pool for all sessions of the process, so the last
            one asked for counts; ``None`` leaves the pool as it is.
        accelerator: ``"xnnpack"``, which ``"auto"`` is too: the file says what runs where.

    Raises:
        InputError: the file or its manifest is missing or empty.
        ArtifactError: no ExecuTorch program, a hash that does not match, or inputs and outputs
            other than the manifest's.
        MissingDependencyError: ExecuTorch is not installed.
    """

    runtime = "executorch"

    def __init__(self, path: Path, threads: int | None = None, accelerator: str = AUTO) -> None:
        require_file(path, "the ExecuTorch artifact")
        self.manifest = load_manifest(path)
        try:
            import torch
            from executorch.extension.pybindings import portable_lib
            from executorch.runtime import Runtime
        except ImportError as error:
            raise SPEC.missing() from error
        self._tensor = torch.from_numpy
        self.version: str = version("executorch")
        if threads is not None and threads != portable_lib._threadpool_get_thread_count():
            portable_lib._unsafe_reset_threadpool(threads)
        try:
            content = path.read_bytes()
            # Kept, for a method reads the bytes that its program holds.
            self._program = Runtime.get().load_program(content)
            self._method = self._program.load_method(_METHOD)
            found = _described(self._method.metadata)
        except (RuntimeError, KeyError) as error:
            raise ArtifactError(
                f"{path.name} is no program that ExecuTorch can load",
                expected=f"a complete .pte file for ExecuTorch {self.version}",
                got=first_line(error),
                fix="copy or export it again",
            ) from error
        tensors = (*self.manifest.inputs, *self.manifest.outputs)
        wanted = [_shape(tensor.shape) for tensor in tensors]
        if found != wanted:
            raise ArtifactError(
                f"inputs and outputs of {path.name} are not its manifest's",
                expected=" ".join(wanted),
                got=" ".join(found),
                fix="export the artifact again with cdfi-export",
            )
        delegated = _XNNPACK in content
        self.accelerator = "cpu, xnnpack" if delegated else "cpu"
        self.fallback = _fallback(accelerator, delegated)

    def run(self, frame0: NDArray[np.float32], frame2: NDArray[np.float32]) -> NDArray[np.float32]:
        """The raw middle frame; see :meth:`cdfi_runtime.runtimes.Session.run`.

        Raises:
            InputError: ExecuTorch failed while running, e.g. for frames of another size.
        """
        # Copies, for torch warns of arrays that may not be written to.
        frames = [self._tensor(frame.copy()) for frame in (frame0, frame2)]
        try:
            (raw,) = self._method.execute(frames)
        except RuntimeError as error:
            raise InputError(
                f"ExecuTorch failed on frames of {frame0.shape[-1]}x{frame0.shape[-2]} pixels",
                got=first_line(error),
                fix="use frames of the graph's size; if that fails too, export the artifact again",
            ) from error
        return np.array(raw.numpy(), np.float32)


def _described(metadata: Any) -> list[str]:
    inputs = (metadata.input_tensor_meta(index) for index in range(metadata.num_inputs()))
    outputs = (metadata.output_tensor_meta(index) for index in range(metadata.num_outputs()))
    return [_shape(item.sizes()) for item in (*inputs, *outputs)]


def _shape(sizes: Any) -> str:
    return f"({', '.join(str(side) for side in sizes)})"


def _fallback(asked: str, delegated: bool) -> str | None:
    if asked in (AUTO, "xnnpack" if delegated else "cpu"):
        return None
    given = "to XNNPACK" if delegated else "nothing to a delegate"
    return f"an ExecuTorch file runs where its exporter put it; this one gives {given}"


SPEC = RUNTIMES.register(
    RuntimeSpec(
        name="executorch",
        formats=("executorch",),
        package="executorch",
        extra="executorch",
        open=ExecutorchSession,
    )
)
