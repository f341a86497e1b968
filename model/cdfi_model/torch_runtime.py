"""The runtime "torch": weights files, or a network in memory, run by PyTorch itself.

It is found through the entry point group ``cdfi_mobile.runtimes``. Importing this module does not
import torch.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from cdfi_runtime.files import require_file, sha256_file
from cdfi_runtime.manifest import (
    ArtifactInfo,
    Manifest,
    NetworkInfo,
    PaddingInfo,
    SizeInfo,
    TensorInfo,
    WarpInfo,
    load_manifest,
    manifest_path,
)
from cdfi_runtime.runtimes import AUTO, RUNTIMES, RuntimeSpec
from numpy.typing import NDArray

if TYPE_CHECKING:
    from cdfi_model.network import InterpolationNetwork

FORMAT = "safetensors"
IN_MEMORY = "<memory>"


class TorchSession:
    """A network run by PyTorch; see :class:`cdfi_runtime.runtimes.Session`.

    Args:
        network: Is put into evaluation mode; runs in its own precision and on its own device.
        manifest: Describes it; ``None`` makes one for a network that lies in memory only.
        threads: CPU threads during :meth:`run`; ``None`` leaves torch's setting alone.
        accelerator: What was asked for; the network runs where it is.
    """

    runtime = "torch"

    def __init__(
        self,
        network: InterpolationNetwork,
        manifest: Manifest | None = None,
        threads: int | None = None,
        accelerator: str = AUTO,
    ) -> None:
        import torch

        self._network = network.eval()
        self._threads = threads
        self.manifest = manifest or memory_manifest(network)
        self.version: str = torch.__version__
        self.accelerator = next(network.parameters()).device.type
        self.fallback = (
            None
            if accelerator in (AUTO, self.accelerator)
            else f"torch has no device '{accelerator}' here"
        )

    def run(self, frame0: NDArray[np.float32], frame2: NDArray[np.float32]) -> NDArray[np.float32]:
        """The raw middle frame as float32; see :meth:`cdfi_runtime.runtimes.Session.run`."""
        import torch

        like = next(self._network.parameters())
        before = torch.get_num_threads()
        try:
            if self._threads is not None:
                torch.set_num_threads(self._threads)
            with torch.no_grad():
                pair = (torch.from_numpy(frame).to(like) for frame in (frame0, frame2))
                raw = self._network(*pair)
        finally:
            torch.set_num_threads(before)
        return np.asarray(raw.float().cpu().numpy())


def open_weights(path: Path, threads: int | None = None, accelerator: str = AUTO) -> TorchSession:
    """Open a weights file (``.safetensors``) of this project.

    Args:
        path: The file.
        threads: See :class:`TorchSession`.
        accelerator: A device of torch, e.g. ``"cuda"``; ``"auto"`` is the CPU.

    Raises:
        InputError: the file is missing or empty.
        ArtifactError: corrupt, foreign, or not the file that a manifest beside it describes.
        MissingDependencyError: torch or safetensors is not installed.
    """
    require_file(path, "the weights file")
    beside = load_manifest(path) if manifest_path(path).exists() else None
    try:
        import safetensors  # noqa: F401
        import torch  # noqa: F401
    except ImportError as error:
        raise SPEC.missing() from error
    from cdfi_model.checkpoints.weights import load_network

    network = load_network(path)
    manifest = beside or weights_manifest(network, path)
    if accelerator not in (AUTO, "cpu"):
        # Where there is no such device the session stays on the CPU, and says so.
        with contextlib.suppress(RuntimeError, AssertionError):
            network = network.to(accelerator)
    return TorchSession(network, manifest, threads, accelerator)


def weights_manifest(network: InterpolationNetwork, path: Path) -> Manifest:
    """The manifest of a network that was loaded from the weights file ``path``."""
    return _manifest(network, path.name, sha256_file(path), path.stat().st_size)


def memory_manifest(network: InterpolationNetwork) -> Manifest:
    """The manifest of a network without a file: the hash is that of its tensors by name."""
    digest, size = hashlib.sha256(), 0
    for name, tensor in sorted(network.state_dict().items()):
        values = tensor.detach().cpu().numpy()
        digest.update(f"{name} {values.dtype} {values.shape}".encode())
        digest.update(values.tobytes())
        size += values.nbytes
    return _manifest(network, IN_MEMORY, digest.hexdigest(), size)


def _manifest(network: InterpolationNetwork, file: str, sha256: str, size: int) -> Manifest:
    spec = network.spec
    shape = (1, 3, "height", "width")
    precision = str(next(network.parameters()).dtype).removeprefix("torch.")
    return Manifest(
        network=NetworkInfo(
            name=spec.name,
            spec=json.loads(json.dumps(spec.to_json())),
            weights_sha256=sha256,
            parameters=network.count_parameters(),
        ),
        artifact=ArtifactInfo(
            file=file, sha256=sha256, bytes=size, format=FORMAT, precision=precision
        ),
        warp=WarpInfo(
            formulation=network.formulation,
            sampling=spec.warp.sampling,
            taps=spec.warp.taps,
            dilation=spec.warp.dilation,
        ),
        inputs=tuple(TensorInfo(name=name, shape=shape) for name in ("frame0", "frame2")),
        outputs=(TensorInfo(name="frame1", shape=shape),),
        size=SizeInfo(dynamic=True),
        padding=PaddingInfo(multiple=spec.multiple),
        tiling=spec.tiling,
    )


SPEC = RUNTIMES.register(
    RuntimeSpec(name="torch", formats=(FORMAT,), package="torch", extra="model", open=open_weights)
)
