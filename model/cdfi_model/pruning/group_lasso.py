"""Group-wise l1: whole channels become exactly zero, where :mod:`obprox` zeroes single weights.

The penalty is lambda times the sum, over all channels, of the l2 norm of what produces a channel
(Yuan and Lin 2006, group lasso): the rows and biases of every convolution that writes it, so that a
channel that is shared by a skip connection or along a row of GridNet goes as a whole. Its proximal
operator shrinks a group towards zero by a length, and not past. Biases belong to the group:
:mod:`dead_channels` can then remove it without a change of the result.

A proximal step follows each gradient step of any optimizer; with plain SGD that is proximal SGD.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from cdfi_runtime.errors import InputError
from torch import Tensor

from cdfi_model.network import InterpolationNetwork
from cdfi_model.pruning.channel_graph import Slot, convolutions, require_kernel_unet, slot_widths


def shrink_groups(rows: Sequence[Tensor], threshold: float) -> Tensor:
    """The proximal operator of ``threshold`` times the sum of the groups' l2 norms, in place.

    Args:
        rows: Tensors with the same first dimension; group k is what all have at index k.
        threshold: A length, 0 or more.

    Returns:
        Which groups are zero now; NaN never passes for a zero.
    """
    squares = [row.flatten(1) if row.dim() > 1 else row[:, None] for row in rows]
    norms = torch.stack([part.square().sum(1) for part in squares]).sum(0).sqrt()
    factor = (1 - threshold / norms.clamp_min(torch.finfo(norms.dtype).tiny)).clamp_min(0)
    for row in rows:
        row.mul_(factor.view(-1, *[1] * (row.dim() - 1)))
    return factor == 0


class GroupLasso:
    """The penalty of one network, applied behind an optimizer's steps.

    Args:
        network: A kernel U-Net; its weights change in :meth:`step`.
        penalty: lambda, 0 or more. A channel's share grows with the square root of the number of
            its weights, as usual, so that wide kernels are not spared.

    Raises:
        InputError: a network of another kind, or a negative penalty.
    """

    def __init__(self, network: InterpolationNetwork, penalty: float) -> None:
        if not penalty >= 0:
            raise InputError(
                "the group-wise penalty cannot be used", expected="0 or more", got=str(penalty)
            )
        self.penalty = penalty
        spec = require_kernel_unet(network.spec)
        self._groups: dict[Slot, list[Tensor]] = {slot: [] for slot in slot_widths(spec)}
        for layer in convolutions(spec):
            if layer.writes is not None:
                for part in ("weight", "bias"):
                    self._groups[layer.writes].append(network.get_parameter(f"{layer.name}.{part}"))

    @torch.no_grad()
    def step(self, rate: float) -> int:
        """Shrink every channel by ``rate * penalty``; returns how many channels are zero.

        Args:
            rate: The learning rate of the gradient step before it.
        """
        zero = 0
        for rows in self._groups.values():
            size = sum(row[0].numel() for row in rows)
            zero += int(shrink_groups(rows, rate * self.penalty * size**0.5).sum())
        return zero
