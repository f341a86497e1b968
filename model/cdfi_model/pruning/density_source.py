"""Where densities come from: pruned weights, a density report, or a table."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from cdfi_runtime.errors import InputError
from cdfi_runtime.files import require_file

from cdfi_model.checkpoints.weights import load_network
from cdfi_model.kernel_unet_spec import KernelUNetSpec
from cdfi_model.network import InterpolationNetwork
from cdfi_model.pruning.channel_graph import convolutions, require_kernel_unet
from cdfi_model.pruning.density_report import read_density_csv, read_density_json
from cdfi_model.spec import NetworkSpec, spec_from_json


@dataclass(frozen=True)
class DensitySource:
    """A kernel U-Net and the densities of its convolutions by name.

    Attributes:
        spec: The network that was pruned.
        densities: In [0, 1].
        network: With its weights, where they are known.
    """

    spec: KernelUNetSpec
    densities: dict[str, float]
    network: InterpolationNetwork | None = None


def read_densities(path: Path, spec: NetworkSpec | None) -> DensitySource:
    """Densities from a weights file, the JSON of ``cdfi-model density``, or a CSV.

    Args:
        path: ``.json``, ``.csv``, or weights by any other name.
        spec: The network that a CSV is about; the other two say it themselves.

    Raises:
        InputError: missing, of a network whose widths cannot be chosen, or ``spec`` is missing
            or not needed.
        ArtifactError: the file is not what its name says, or weights are not finite.
    """
    require_file(path, "the densities")
    if (path.suffix == ".csv") == (spec is None):
        raise InputError(
            "which network are these densities of?",
            expected="--network or --spec with a CSV, and only there",
            got=path.name + (" alone" if spec is None else f" and {spec.name}"),
        )
    if spec is not None:
        return DensitySource(require_kernel_unet(spec), read_density_csv(path))
    if path.suffix == ".json":
        report = read_density_json(path)
        found = {layer.name: layer.density for layer in report.layers}
        return DensitySource(require_kernel_unet(spec_from_json(report.spec)), found)
    network = load_network(path)
    return DensitySource(require_kernel_unet(network.spec), layer_densities(network), network)


def layer_densities(network: InterpolationNetwork) -> dict[str, float]:
    """The densities of a kernel U-Net's convolutions."""
    found = {}
    for layer in convolutions(require_kernel_unet(network.spec)):
        weight = network.get_parameter(f"{layer.name}.weight")
        found[layer.name] = int(torch.count_nonzero(weight)) / weight.numel()
    return found
