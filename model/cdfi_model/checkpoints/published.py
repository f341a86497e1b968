"""Published ``.pth`` checkpoints of AdaCoF and CDFI: reading them into our networks, and back.

A checkpoint is a dict with the key ``state_dict``, or the state dict itself; names may carry the
``module.`` prefix of a data-parallel training. :mod:`cdfi_model.checkpoints.published_names` says
which tensor is which. Files are read with ``weights_only=True``: code in them is never run.
"""

from __future__ import annotations

import pickle
import re
from pathlib import Path
from typing import Any

import torch
from cdfi_runtime.errors import ArtifactError, InputError
from cdfi_runtime.files import atomic_path, ensure_folder, require_file
from torch import Tensor

from cdfi_model.checkpoints.matching import Shapes, compare_shapes, network_shapes
from cdfi_model.checkpoints.published_names import published_names
from cdfi_model.checkpoints.weights import load_tensors
from cdfi_model.kernel_unet_spec import KernelUNetSpec
from cdfi_model.network import InterpolationNetwork, build_network
from cdfi_model.spec import NETWORKS, NetworkSpec

PREFIX = "module."


def import_checkpoint(path: Path, spec: NetworkSpec) -> InterpolationNetwork:
    """The network ``spec`` with the weights of a published checkpoint, in evaluation mode.

    Raises:
        InputError: missing or empty, or a network that was never published in this form.
        ArtifactError: no checkpoint, or one of another network; the message names missing,
            unexpected and mis-shaped tensors and the networks that the file would fit.
    """
    known = _require_published_kind(spec)
    tensors = read_state_dict(path)
    shapes = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    mismatch = compare_shapes(published_shapes(known), shapes)
    if mismatch:
        fitting = [item.name for item in published_networks() if published_shapes(item) == shapes]
        raise ArtifactError(
            f"{path.name} is no checkpoint of the network '{spec.name}'",
            got=str(mismatch),
            fix=f"import it as --network {' or '.join(fitting)}"
            if fitting
            else "none: it fits none of the known networks ("
            + ", ".join(item.name for item in published_networks())
            + ")",
        )
    network = build_network(spec, seed=0)
    names = published_names(known)
    load_tensors(network, {ours: tensors[theirs] for ours, theirs in names.items()}, path.name)
    return network.eval()


def export_checkpoint(network: InterpolationNetwork, path: Path) -> None:
    """Write ``{"state_dict": ...}`` with the published names in the published order.

    Raises:
        InputError: a network that was never published in this form.
        OutputError: the folder cannot be written to.
    """
    names = published_names(_require_published_kind(network.spec))
    own = network.state_dict()
    state_dict = {theirs: own[ours].detach().cpu() for ours, theirs in names.items()}
    ensure_folder(path.parent)
    with atomic_path(path) as temporary:
        torch.save({"state_dict": state_dict}, temporary)


def read_state_dict(path: Path) -> dict[str, Tensor]:
    """Tensors of a checkpoint by published name, without the data-parallel prefix.

    Raises:
        InputError: missing or empty.
        ArtifactError: not a torch file, one that holds objects other than tensors, or no tensors.
    """
    require_file(path, "the checkpoint")
    try:
        content: Any = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # the unpickler raises nearly anything on a foreign file
        raise ArtifactError(
            f"{path.name} cannot be read as a checkpoint",
            expected="a file of torch.save that holds tensors only",
            got=_reason(error),
            fix="download it again; files that hold pickled objects are refused, as they run code",
        ) from error
    if isinstance(content, dict) and isinstance(content.get("state_dict"), dict):
        content = content["state_dict"]
    if not isinstance(content, dict) or not content:
        raise ArtifactError(
            f"{path.name} holds no state dict",
            expected="a dict of tensors, or a dict with the key state_dict",
            got=type(content).__name__ if content else "nothing",
        )
    foreign = [name for name, value in content.items() if not _is_tensor(name, value)]
    if foreign:
        raise ArtifactError(
            f"{path.name} holds more than floating-point tensors by name",
            expected="a dict of tensors, or a dict with the key state_dict",
            got=f"{foreign[0]!r}: {type(content[foreign[0]]).__name__}",
        )
    prefix = PREFIX if all(name.startswith(PREFIX) for name in content) else ""
    return {name.removeprefix(prefix): value for name, value in content.items()}


def _reason(error: Exception) -> str:
    """What torch found, without its advice to load the file in the unsafe way."""
    found = re.search(r"Unsupported (?:global|class|operand)[^\n]*?(?= was not|\n|$)", str(error))
    if found:
        return found.group()
    if isinstance(error, pickle.UnpicklingError):
        return "no pickle of tensors"
    return f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]}"


def published_networks() -> tuple[KernelUNetSpec, ...]:
    """The registered networks that have a published form."""
    return tuple(spec for spec in NETWORKS.all() if isinstance(spec, KernelUNetSpec))


def published_shapes(spec: KernelUNetSpec) -> Shapes:
    """Published names and shapes of all tensors, in the published order."""
    own = network_shapes(spec)
    return {theirs: own[ours] for ours, theirs in published_names(spec).items()}


def _is_tensor(name: object, value: object) -> bool:
    return isinstance(name, str) and isinstance(value, Tensor) and value.is_floating_point()


def _require_published_kind(spec: NetworkSpec) -> KernelUNetSpec:
    if not isinstance(spec, KernelUNetSpec):
        raise InputError(
            f"the network '{spec.name}' has no published checkpoint form",
            expected="one of " + ", ".join(item.name for item in published_networks()),
            got=f"a network of kind '{spec.kind}'",
        )
    return spec
