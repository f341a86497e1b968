"""Our weights files: safetensors that carry the spec of their network.

The header's metadata has the keys ``format`` (``cdfi-weights``), ``version``, ``spec`` and
``info``, the last two as JSON. ``info`` is free: where the weights come from, their licence.
Version 1 holds every tensor as it is. Version 2 has one more key, ``sparse``, and leaves the zeros
of tensors out as :mod:`cdfi_model.checkpoints.sparse` says; readers of version 1 refuse it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from cdfi_runtime.errors import ArtifactError, InputError
from cdfi_runtime.files import atomic_path, ensure_folder, require_file, sha256_file
from torch import Tensor

from cdfi_model.checkpoints import sparse
from cdfi_model.checkpoints.matching import compare_shapes
from cdfi_model.checkpoints.safetensors_layout import serialize
from cdfi_model.network import InterpolationNetwork, build_network
from cdfi_model.spec import NetworkSpec, spec_from_json

FORMAT = "cdfi-weights"
DENSE, SPARSE = "1", "2"  # versions
Form = Literal["dense", "sparse"]
_AGAIN = "copy the file again, or make it with cdfi-model import-checkpoint or train"


@dataclass(frozen=True)
class WeightsFile:
    """Content of a weights file; ``sha256`` is of the file's bytes, ``form`` how they hold it."""

    spec: NetworkSpec
    tensors: dict[str, Tensor]
    info: dict[str, Any]
    sha256: str
    form: Form = "dense"


def default_weights() -> Path:
    """Path of the trained weights that travel with this package."""
    return Path(__file__).parents[1] / "weights" / "default.safetensors"


def shipped_weights() -> list[Path]:
    """All trained weights that travel with this package, the default's among them."""
    return sorted(default_weights().parent.glob("*.safetensors"))


def shipped_weights_of(spec: NetworkSpec) -> Path | None:
    """Those of a network, if there are any."""
    return next((path for path in shipped_weights() if read_weights(path).spec == spec), None)


def save_weights(
    path: Path,
    network: InterpolationNetwork,
    *,
    info: Mapping[str, Any] | None = None,
    dtype: torch.dtype | None = None,
    form: Form = "dense",
) -> None:
    """Write a network's weights; the same weights, spec and info give the same bytes.

    Args:
        path: Usually ``*.safetensors``; its folder is made if needed.
        network: Any network of the family.
        info: JSON-able notes.
        dtype: Floating-point tensors are stored as this; ``None`` keeps theirs.
        form: ``sparse`` stores tensors by their values that are not zero, where that is smaller.

    Raises:
        OutputError: the folder cannot be written to.
    """
    tensors = {}
    for name, tensor in sorted(network.state_dict().items()):
        stored = tensor.to(dtype) if dtype is not None and tensor.is_floating_point() else tensor
        tensors[name] = stored.detach().cpu().contiguous()
    write_tensors(path, tensors, network.spec, info or {}, form)


def write_tensors(
    path: Path,
    tensors: Mapping[str, Tensor],
    spec: NetworkSpec,
    info: Mapping[str, Any],
    form: Form,
) -> None:
    """Write a weights file of contiguous CPU tensors; see :func:`save_weights`."""
    metadata = {
        "format": FORMAT,
        "info": json.dumps(dict(info), sort_keys=True),
        "spec": json.dumps(spec.to_json(), sort_keys=True),
        "version": DENSE,
    }
    if form == "sparse":
        tensors, shapes = sparse.encode(tensors)
        metadata |= {"sparse": json.dumps(shapes, sort_keys=True), "version": SPARSE}
    ensure_folder(path.parent)
    with atomic_path(path) as temporary:
        temporary.write_bytes(serialize(tensors, metadata))


def read_weights(path: Path) -> WeightsFile:
    """Read a weights file without building its network.

    Raises:
        InputError: missing or empty.
        ArtifactError: no safetensors, not one of ours, or a spec that this version does not know.
    """
    from safetensors import SafetensorError, safe_open

    require_file(path, "the weights file")
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, ValueError) as error:
        raise ArtifactError(
            f"{path.name} is no readable safetensors file",
            expected="a weights file of cdfi-model",
            got=str(error),
            fix=_AGAIN + ("; a published .pth must be imported first" if _is_pth(path) else ""),
        ) from error
    version = metadata.get("version")
    if metadata.get("format") != FORMAT or version not in (DENSE, SPARSE):
        raise ArtifactError(
            f"{path.name} is a safetensors file, but not one of cdfi-model",
            expected=f"format {FORMAT}, version {DENSE} or {SPARSE}",
            got=f"format {metadata.get('format')}, version {version}",
            fix=_AGAIN,
        )
    if version == SPARSE:
        tensors = sparse.decode(tensors, metadata, path.name)
    try:
        spec, info = json.loads(metadata["spec"]), json.loads(metadata["info"])
    except (KeyError, ValueError) as error:
        raise ArtifactError(f"the header of {path.name} is broken", got=str(error)) from error
    if not isinstance(spec, dict) or not isinstance(info, dict):
        raise ArtifactError(f"the header of {path.name} is broken", expected="JSON objects")
    try:
        network_spec = spec_from_json(spec)
    except (InputError, ValueError) as error:  # a spec whose widths contradict each other
        raise ArtifactError(f"the spec in {path.name} does not fit", got=str(error)) from error
    form: Form = "sparse" if version == SPARSE else "dense"
    return WeightsFile(network_spec, tensors, info, sha256_file(path), form)


def _is_pth(path: Path) -> bool:
    return path.suffix in (".pth", ".pt", ".ckpt")


def load_network(path: Path) -> InterpolationNetwork:
    """The network of a weights file, in float32 and evaluation mode.

    Raises:
        InputError: missing or empty.
        ArtifactError: as :func:`read_weights`, or its tensors do not fit its spec.
    """
    return network_of(read_weights(path), path.name)


def network_of(weights: WeightsFile, source: str) -> InterpolationNetwork:
    """Build the network of ``weights``; ``source`` names the file in errors."""
    network = build_network(weights.spec, seed=0)
    load_tensors(network, weights.tensors, source)
    return network.eval()


def load_tensors(network: InterpolationNetwork, tensors: Mapping[str, Tensor], source: str) -> None:
    """Copy ``tensors`` into ``network``.

    Raises:
        ArtifactError: names or shapes differ, or a value is not finite.
    """
    mismatch = compare_shapes(
        {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()},
        {name: tuple(tensor.shape) for name, tensor in tensors.items()},
    )
    if mismatch:
        raise ArtifactError(
            f"the tensors of {source} do not fit the network '{network.spec.name}'",
            got=str(mismatch),
            fix=_AGAIN,
        )
    broken = [name for name, tensor in tensors.items() if not torch.isfinite(tensor).all()]
    if broken:
        raise ArtifactError(
            f"{source} holds values that are not finite",
            expected="finite weights",
            got=f"{len(broken)} tensors with NaN or infinity, first {broken[0]}",
            fix="use an earlier checkpoint: the training that wrote this one diverged",
        )
    network.load_state_dict({name: tensor.to(torch.float32) for name, tensor in tensors.items()})
