"""Channels that can go without a change of the result, and the network without them.

A channel can go if it is zero wherever it is read, or if nobody reads it. It is zero if every
convolution that writes it has only zeros for it and a bias that its activation turns to zero: a
bias of at most 0 before a ReLU, of exactly 0 without one. A channel that is constant but not zero
stays. Its constant cannot move into the next bias: convolutions pad with zeros, so along the
border of the frame it is not constant to them. All else keeps zero at zero (resizing, pooling,
warping, PReLU, and softmax and sigmoid come behind the heads' last convolutions, which are fixed).
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from cdfi_model.network import InterpolationNetwork
from cdfi_model.pruning.channel_graph import (
    Convolution,
    Slot,
    convolutions,
    require_kernel_unet,
    slot_widths,
)
from cdfi_model.pruning.slicing import slice_network
from cdfi_model.pruning.widths import with_widths

Alive = dict[Slot, Tensor]


class Removal(NamedTuple):
    """A network without its dead channels.

    Attributes:
        network: Gives the same frames as before, up to the order of sums.
        removed: How many channels went.
        constant: How many have no weights but a bias that gets through, and stay.
    """

    network: InterpolationNetwork
    removed: int
    constant: int


@torch.no_grad()
def remove_dead_channels(network: InterpolationNetwork, *, name: str | None = None) -> Removal:
    """``network`` at the widths that its channels that do something need; one stays everywhere.

    Args:
        network: A kernel U-Net; it is left as it is.
        name: Of the new network; ``None`` adds ``_compact`` to the old one.

    Raises:
        InputError: a network of another kind, or one whose layers would change with the widths.
    """
    spec = require_kernel_unet(network.spec)
    layers = convolutions(spec)
    alive = {slot: torch.ones(width, dtype=torch.bool) for slot, width in slot_widths(spec).items()}
    while _bury(network, layers, alive):  # what is gone may be all that others had
        pass
    silent = {slot: torch.ones_like(mask) for slot, mask in alive.items()}
    for layer in layers:
        if layer.writes is not None:
            silent[layer.writes] &= ~_weight(network, layer, alive).any(1)
    constant = sum(int((silent[slot] & alive[slot]).sum()) for slot in alive)
    for mask in alive.values():
        if not mask.any():
            mask[0] = True
    channels = {slot: mask.nonzero().flatten() for slot, mask in alive.items()}
    widths = {slot: len(kept) for slot, kept in channels.items()}
    reshaped = with_widths(spec, widths, name or f"{spec.name}_compact")
    removed = sum(int((~mask).sum()) for mask in alive.values())
    return Removal(slice_network(network, reshaped, channels), removed, constant)


def _bury(network: InterpolationNetwork, layers: list[Convolution], alive: Alive) -> bool:
    """Take dead channels out of ``alive``; whether there were any."""
    zero = {slot: torch.ones_like(mask) for slot, mask in alive.items()}
    unread = {slot: torch.ones_like(mask) for slot, mask in alive.items()}
    for layer in layers:
        weight = _weight(network, layer, alive)
        if layer.writes is not None:
            bias = network.get_parameter(f"{layer.name}.bias").cpu()
            silent = bias <= 0 if layer.relu else bias == 0
            zero[layer.writes] &= ~weight.any(1) & silent
        columns = torch.split(weight.any(0), [part.channels for part in layer.reads])
        for part, read in zip(layer.reads, columns, strict=True):
            if part.slot is not None:
                unread[part.slot] &= ~read
    found = False
    for slot, mask in alive.items():
        dead = mask & (zero[slot] | unread[slot])
        found = found or bool(dead.any())
        mask &= ~dead
    return found


def _weight(network: InterpolationNetwork, layer: Convolution, alive: Alive) -> Tensor:
    """``(outputs, inputs)``: which channels a convolution joins, among those that are alive."""
    joined = network.get_parameter(f"{layer.name}.weight").cpu().ne(0).any(3).any(2)
    masks = [
        alive[part.slot] if part.slot is not None else torch.ones(part.channels, dtype=torch.bool)
        for part in layer.reads
    ]
    joined = joined & torch.cat(masks)
    return joined & alive[layer.writes][:, None] if layer.writes is not None else joined
