"""Finding the torch network that an artifact was exported from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cdfi_model.spec import NETWORKS
from cdfi_model.torch_runtime import SPEC, TorchSession
from cdfi_runtime.errors import InputError
from cdfi_runtime.files import require_file, sha256_file
from cdfi_runtime.manifest import Manifest
from cdfi_runtime.runtimes import Session

if TYPE_CHECKING:
    from cdfi_model.network import InterpolationNetwork

_TYPICAL_SIZE = (448, 256)


@dataclass(frozen=True)
class Reference:
    """A torch session and its name in reports."""

    session: Session
    label: str


class References:
    """Torch networks by the SHA-256 of their weights file.

    Args:
        weights: Weights files that the user named.
        seed: Artifacts with random weights may have been exported with this seed.
        threads: Threads of torch; ``None`` leaves it to torch.

    Raises:
        InputError: a weights file is missing or empty.
        MissingDependencyError: torch is not installed.
    """

    def __init__(
        self, weights: Sequence[Path] = (), *, seed: int | None = None, threads: int | None = None
    ) -> None:
        if not SPEC.installed:
            raise SPEC.missing()
        from cdfi_model.checkpoints.weights import shipped_weights

        self._seed = seed
        self._threads = threads
        self._names = tuple(path.name for path in weights)
        self._paths = {sha256_file(require_file(p, "the weights file")): p for p in weights}
        for path in shipped_weights():
            self._paths.setdefault(sha256_file(path), path)
            self._names += (f"the shipped {path.name}",)
        self._opened: tuple[str, Reference] | None = None

    def find(self, manifest: Manifest) -> Reference:
        """Torch with exactly the weights that ``manifest`` names, float32.

        The last one stays open, since artifacts of one network usually follow each other.

        Raises:
            InputError: no weights file with that hash was given.
            ArtifactError: the weights file is corrupt.
        """
        wanted = manifest.network.weights_sha256
        if self._opened is None or self._opened[0] != wanted:
            self._opened = None  # frees the former network first
            self._opened = wanted, _open(self._network(manifest), self._threads)
        return self._opened[1]

    def _network(self, manifest: Manifest) -> InterpolationNetwork:
        from cdfi_export.source import load_source
        from cdfi_model.checkpoints.weights import load_network

        wanted, name = manifest.network.weights_sha256, manifest.network.name
        if wanted in self._paths:
            return load_network(self._paths[wanted])
        tried = list(self._names)
        if self._seed is not None and name in NETWORKS.names():
            source = load_source(name, None, self._seed)
            if source.weights_sha256 == wanted:
                return source.network
            tried.append(source.origin)
        raise InputError(
            f"the weights of {manifest.artifact.file} were not found",
            expected=f"weights with sha256 {wanted}",
            got=", ".join(tried) or "no weights",
            fix="pass the file it was exported from by --weights FILE, or for random weights the "
            "--seed of the export",
        )


def _open(network: InterpolationNetwork, threads: int | None) -> Reference:
    """Torch with the warp formulation that is fastest in it; all compute the same values."""
    from cdfi_model.warp.auto import choose_formulation

    width, height = _TYPICAL_SIZE
    network.formulation = choose_formulation(
        network.spec, target="torch-cpu", width=width, height=height, opset=None
    ).name
    session = TorchSession(network, threads=threads)
    return Reference(session, f"torch {session.version}, warp {network.formulation}")
