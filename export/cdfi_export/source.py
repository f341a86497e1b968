"""Where the exported network comes from: a weights file, random weights, or the shipped default."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cdfi_model.spec_file import find_spec
from cdfi_runtime.errors import InputError
from cdfi_runtime.files import sha256_file

if TYPE_CHECKING:
    from cdfi_model.network import InterpolationNetwork
    from cdfi_model.spec import NetworkSpec

OWN_LICENSE = "Apache-2.0"


@dataclass(frozen=True)
class Source:
    """A network with its weights, and which ones they are.

    Attributes:
        network: float32, in eval mode.
        weights_sha256: Hash of the weights file. Random weights have that of the file which
            ``cdfi-model init NETWORK --seed N`` writes.
        license: Licence of the weights as their file states it.
        origin: For people: the file's name, or the seed.
    """

    network: InterpolationNetwork
    weights_sha256: str
    license: str
    origin: str


def load_source(
    network: str | None, weights: Path | None, seed: int | None, spec_file: Path | None = None
) -> Source:
    """The network to export.

    Args:
        network: A registered name. Alone it means the shipped weights if they are that network's
            and there is no ``seed``, else random ones; together with ``weights`` it must be the
            network of that file.
        weights: A weights file of this project (safetensors).
        seed: For random weights; ``None`` draws them by 0 where they are needed.
        spec_file: In place of ``network``, for one that is not registered.

    Returns:
        The shipped default network when all are ``None``.

    Raises:
        UnknownNameError: no network of that name.
        InputError: the file is missing, or holds another network than was named.
        ArtifactError: the file is corrupt or foreign.
    """
    from cdfi_model.checkpoints.weights import (
        default_weights,
        load_network,
        read_weights,
        shipped_weights_of,
    )

    named = network is not None or spec_file is not None
    spec = find_spec(network, spec_file) if named else None
    shipped = default_weights()
    if weights is None and spec is not None:
        found = shipped_weights_of(spec) if seed is None else None
        if found is None:
            return _random(spec, seed or 0)
        shipped = found
    elif seed is not None and weights is not None:
        raise InputError(
            "--seed is for random weights, --weights for trained ones",
            expected="one of them",
            got=f"--seed {seed} and {weights.name}",
        )

    path = weights or shipped
    stored = read_weights(path)
    if network is not None and stored.spec.name != network:
        raise InputError(
            f"{path.name} holds another network",
            expected=network,
            got=stored.spec.name,
            fix=f"leave --network out, or say --network {stored.spec.name}",
        )
    if spec_file is not None and stored.spec != spec:
        raise InputError(
            f"{path.name} holds another network than {spec_file.name}",
            expected="the spec inside the weights",
            got=f"{stored.spec.name} in the weights, {spec.name if spec else ''} in the file",
            fix="leave --spec out: weights carry their spec",
        )
    return Source(
        network=load_network(path),
        weights_sha256=stored.sha256,
        license=str(stored.info.get("license", "not stated")),
        origin=path.name if weights else "the shipped weights",
    )


def _random(spec: NetworkSpec, seed: int) -> Source:
    from cdfi_model.checkpoints.weights import save_weights
    from cdfi_model.network import build_network

    network = build_network(spec, seed=seed).eval()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "random.safetensors"
        # As the command "cdfi-model init" writes it, so that its file has the same hash.
        save_weights(path, network, info={"source": "random initialisation", "seed": seed})
        digest = sha256_file(path)
    return Source(network, digest, OWN_LICENSE, f"random weights, seed {seed}")
