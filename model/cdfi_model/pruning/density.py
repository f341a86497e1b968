"""How many weights of each convolution are not zero, and what the layer costs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from cdfi_runtime.errors import ArtifactError, InputError

from cdfi_model.checkpoints.published_names import published_names
from cdfi_model.checkpoints.weights import network_of, read_weights
from cdfi_model.kernel_unet_spec import KernelUNetSpec
from cdfi_model.network import InterpolationNetwork
from cdfi_model.pruning.density_report import DensityReport, LayerDensity, kept_channels
from cdfi_model.pruning.layer_macs import AnyConv, layer_macs
from cdfi_model.spec import NetworkSpec


@dataclass
class _Layer:
    name: str
    conv: AnyConv
    macs: int
    shared_with: str | None
    nonzero: int
    bytes: int


def density_of_file(path: Path, height: int, width: int) -> DensityReport:
    """The densities of a weights file; see :func:`density_report`.

    Raises:
        InputError: missing or empty, or a size that does not fit.
        ArtifactError: not a weights file, or it holds NaN or infinity.
    """
    weights = read_weights(path)
    network = network_of(weights, path.name)
    return density_report(network, height, width, source=path.name, sha256=weights.sha256)


def density_report(
    network: InterpolationNetwork,
    height: int,
    width: int,
    *,
    source: str = "memory",
    sha256: str | None = None,
) -> DensityReport:
    """The densities of all convolutions of ``network``, whatever its kind.

    Args:
        network: It is left as it is. Weights that several layers share are counted at the first.
        height: Frame height in pixels that the MACs are of, a multiple of ``spec.multiple``.
        width: Frame width, likewise.
        source: What to call the weights.
        sha256: Of their file.

    Raises:
        InputError: a size that does not fit.
        ArtifactError: a weight is NaN or infinite, so that its density means nothing.
    """
    multiple = network.spec.multiple
    if height % multiple or width % multiple or min(height, width) < multiple:
        raise InputError(
            "the network does not take frames of this size",
            expected=f"width and height as multiples of {multiple}",
            got=f"{width}x{height}",
        )
    _require_finite(network, source)
    layers = _layers(network, layer_macs(network, height, width))
    own = [layer for layer in layers if layer.shared_with is None]
    macs = sum(layer.macs for layer in layers)
    total = sum(each.numel() * each.element_size() for each in network.parameters())
    weights = sum(layer.conv.weight.numel() for layer in own)
    nonzero = sum(layer.nonzero for layer in own)
    published = _published(network.spec)
    return DensityReport(
        network=network.spec.name,
        spec=network.spec.to_json(),
        source=source,
        sha256=sha256,
        size=(width, height),
        layers=tuple(_row(layer, macs, total, published.get(layer.name)) for layer in layers),
        weights=weights,
        nonzero=nonzero,
        density=nonzero / weights if weights else 0.0,
        parameters=network.count_parameters(),
        bytes=total,
        macs=macs,
    )


def _layers(network: InterpolationNetwork, macs: dict[str, int]) -> list[_Layer]:
    layers: list[_Layer] = []
    first: dict[int, str] = {}  # who holds a parameter, by the parameter's identity
    for name, module in network.named_modules(remove_duplicate=False):
        if not isinstance(module, AnyConv):
            continue
        holder = first.setdefault(id(module.weight), name)
        size = 0
        for own in module.parameters(recurse=False):
            if first.setdefault(id(own), name) == name:
                size += own.numel() * own.element_size()
        nonzero = int(torch.count_nonzero(module.weight))
        shared_with = holder if holder != name else None
        layers.append(_Layer(name, module, macs.get(name, 0), shared_with, nonzero, size))
    return layers


def _row(layer: _Layer, macs: int, total: int, published: str | None) -> LayerDensity:
    conv = layer.conv
    density = layer.nonzero / conv.weight.numel()
    return LayerDensity(
        name=layer.name,
        published=published,
        density=density,
        inputs=conv.in_channels,
        outputs=conv.out_channels,
        inputs_kept=kept_channels(density, conv.in_channels),
        outputs_kept=kept_channels(density, conv.out_channels),
        kernel=conv.kernel_size[0],
        weights=conv.weight.numel(),
        nonzero=layer.nonzero,
        macs=layer.macs,
        macs_share=layer.macs / macs if macs else 0.0,
        bytes=layer.bytes,
        bytes_share=layer.bytes / total,
        shared_with=layer.shared_with,
    )


def _published(spec: NetworkSpec) -> dict[str, str]:
    """Module names of ours to those of the published code, for networks that it has."""
    if not isinstance(spec, KernelUNetSpec):
        return {}
    return {
        ours.removesuffix(".weight"): theirs.removesuffix(".weight")
        .removeprefix("get_kernel.module")
        .removeprefix("context_synthesis.")
        for ours, theirs in published_names(spec).items()
        if ours.endswith(".weight")
    }


def _require_finite(network: InterpolationNetwork, source: str) -> None:
    broken = [name for name, each in network.named_parameters() if not each.isfinite().all()]
    if broken:
        raise ArtifactError(
            f"{source} holds values that are not finite, which have no density",
            expected="finite weights",
            got=f"{len(broken)} tensors with NaN or infinity, first {broken[0]}",
            fix="use an earlier checkpoint: the training that wrote this one diverged",
        )
