"""Group-wise l1: whole channels become exactly zero, where :mod:`obprox` zeroes single weights.

The penalty is lambda times the sum, over all channels, of the l2 norm of what produces a channel
(Yuan and Lin 2006, group lasso): the rows and biases of every convolution that writes it, so that a
channel that is shared by a skip connection or along a row of GridNet goes as a whole. Its proximal
operator shrinks a group towards zero by a length, and not past. Biases belong to the group:
:mod:`dead_channels` can then remove it without a change of the result.

A proximal step may follow the gradient steps of any optimizer; :class:`ChannelProxSG` is proximal
SGD.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from cdfi_runtime.errors import InputError
from torch import Tensor

from cdfi_model.network import InterpolationNetwork
from cdfi_model.pruning.channel_graph import Slot, convolutions, require_kernel_unet, slot_widths
from cdfi_model.pruning.obprox import OBProxSG


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

    def tensors(self) -> list[Tensor]:
        """Weights and biases of all channels, each once."""
        return [rows for group in self._groups.values() for rows in group]

    @torch.no_grad()
    def zero(self) -> list[Tensor]:
        """Which channels are zero: a mask for each group, in a fixed order."""
        return [
            torch.stack([rows.reshape(len(rows), -1).eq(0).all(1) for rows in group]).all(0)
            for group in self._groups.values()
        ]

    def density(self) -> float:
        """Share of the channels that are not zero, in [0, 1]."""
        zero = self.zero()
        return 1 - sum(int(mask.sum()) for mask in zero) / sum(mask.numel() for mask in zero)

    @torch.no_grad()
    def clear(self, channels: Sequence[Tensor]) -> None:
        """Make ``channels`` zero: masks as :meth:`zero` gives them."""
        for group, mask in zip(self._groups.values(), channels, strict=True):
            for rows in group:
                rows[mask] = 0

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


class ChannelProxSG(OBProxSG):
    """Proximal SGD with the group-wise penalty, with the phases of :class:`OBProxSG` but one.

    ``proximal`` steps shrink channels; ``support`` steps follow the losses alone and leave what is
    zero. There is no orthant for groups.

    Args:
        network: A kernel U-Net; what writes no channel of it, as the last layers of the heads,
            takes plain gradient steps.
        lr: Step size, positive.
        penalty: lambda, not negative.

    Raises:
        InputError: a value out of range, or a network of another kind.
    """

    def __init__(self, network: InterpolationNetwork, lr: float, *, penalty: float) -> None:
        self._lasso = GroupLasso(network, penalty)
        channels = self._lasso.tensors()
        own = {id(each) for each in channels}
        free = [each for each in network.parameters() if id(each) not in own]
        groups = [{"params": channels}, {"params": free, "penalty": 0.0}]
        super().__init__(groups, lr, penalty=penalty)

    @property
    def channels(self) -> GroupLasso:
        """The groups and what is left of them."""
        return self._lasso

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """One step on all parameters that have a gradient; returns what ``closure`` returned."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        kept = self._lasso.zero() if self.phase == "support" else None
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is not None:
                    weight.sub_(weight.grad, alpha=group["lr"])
        if kept is not None:
            self._lasso.clear(kept)
        else:
            channels = self.param_groups[0]
            self._lasso.penalty = channels["penalty"]
            self._lasso.step(channels["lr"])
        return loss
