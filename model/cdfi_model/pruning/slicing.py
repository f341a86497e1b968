"""Weights for a narrower network: channels of the wide one, the same for all who share them."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from cdfi_runtime.errors import InputError
from torch import Tensor

from cdfi_model.kernel_unet_spec import KernelUNetSpec
from cdfi_model.network import InterpolationNetwork, build_network
from cdfi_model.pruning.channel_graph import (
    Convolution,
    Part,
    Slot,
    convolutions,
    require_kernel_unet,
    slot_widths,
)

Channels = Mapping[Slot, Tensor]


@torch.no_grad()
def strongest_channels(network: InterpolationNetwork, spec: KernelUNetSpec) -> dict[Slot, Tensor]:
    """The channels with the largest l1 norms, as many for each slot as ``spec`` has.

    A channel's norm is summed over the weights of all convolutions that write or read it. Each
    convolution's are divided by their sum first, so that a layer of large weights has no more say.

    Args:
        network: The wide network.
        spec: The same network at smaller widths.

    Returns:
        Indices into the wide network's channels, in rising order.
    """
    wide = require_kernel_unet(network.spec)
    norms = {slot: torch.zeros(width) for slot, width in slot_widths(wide).items()}
    for layer in convolutions(wide):
        weight = network.get_parameter(f"{layer.name}.weight").abs().sum((2, 3)).cpu()
        weight = weight / weight.sum().clamp_min(torch.finfo(weight.dtype).tiny)
        if layer.writes is not None:
            norms[layer.writes] += weight.sum(1)
        columns = torch.split(weight.sum(0), [part.channels for part in layer.reads])
        for part, norm in zip(layer.reads, columns, strict=True):
            if part.slot is not None:
                norms[part.slot] += norm
    kept = slot_widths(spec)
    return {
        slot: norm.sort(descending=True, stable=True).indices[: kept[slot]].sort().values
        for slot, norm in norms.items()
    }


@torch.no_grad()
def slice_network(
    network: InterpolationNetwork, spec: KernelUNetSpec, channels: Channels
) -> InterpolationNetwork:
    """A network of ``spec`` whose weights are those between the chosen channels of ``network``.

    Args:
        network: The wide network; it is left as it is.
        spec: The same network at smaller widths.
        channels: For each slot the channels to take, as many as ``spec`` has.

    Raises:
        InputError: ``spec`` is not ``network`` at other widths, or the numbers of channels differ.
    """
    wide = require_kernel_unet(network.spec)
    _require_same_layers(wide, spec)
    widths = slot_widths(spec)
    if any(len(channels[slot]) != width for slot, width in widths.items()):
        raise InputError("the chosen channels are not as many as the spec's widths")
    taken = dict(network.state_dict())
    for layer in convolutions(wide):
        weight = taken[f"{layer.name}.weight"]
        rows = _of(Part(layer.writes, layer.outputs), channels)
        columns = _columns(layer, channels)
        taken[f"{layer.name}.weight"] = weight[rows][:, columns]
        taken[f"{layer.name}.bias"] = taken[f"{layer.name}.bias"][rows]
    sliced = build_network(spec, seed=0)
    sliced.load_state_dict(taken)
    return sliced.train(network.training)


def _columns(layer: Convolution, channels: Channels) -> Tensor:
    """The input channels of a convolution that stay; a slot may be read more than once."""
    found, start = [], 0
    for part in layer.reads:
        found.append(start + _of(part, channels))
        start += part.channels
    return torch.cat(found)


def _of(part: Part, channels: Channels) -> Tensor:
    return torch.arange(part.channels) if part.slot is None else channels[part.slot]


def _require_same_layers(wide: KernelUNetSpec, spec: KernelUNetSpec) -> None:
    """Both have the same convolutions, those of GridNet's shortcuts included."""
    before, after = ({layer.name for layer in convolutions(each)} for each in (wide, spec))
    # A row as wide as what enters it has no shortcut: channels pass it one by one, unnamed.
    ends = {f"synthesis.{end}.shortcut" for end in ("enter", "leave")}
    lost = (before ^ after) or (ends - before if wide.synthesis_widths else set())
    if lost:
        raise InputError(
            f"the weights of '{wide.name}' do not fit '{spec.name}'",
            expected="the same convolutions at other widths, shortcuts of the synthesis included",
            got=f"{', '.join(sorted(lost))} in one of them only, or in none",
            fix="train it from scratch, or ask for slightly other widths",
        )
