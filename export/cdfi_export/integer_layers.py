"""Convolutions computed as 8-bit integers would, in torch: what int8 costs before it is written.

The scheme is that of the int8 exports: weights by one symmetric scale per output channel, inputs
and outputs of a convolution by one range seen on calibration frames.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from cdfi_model.network import InterpolationNetwork
from torch import Tensor, nn

_STEPS = 255  # between the lowest and the highest of 256 values
_WEIGHT_STEPS = 127  # on either side of zero

Convolution = nn.Conv2d | nn.ConvTranspose2d
Hooks = list[torch.utils.hooks.RemovableHandle]


@dataclass(frozen=True)
class Span:
    """Lowest and highest value seen, zero among them."""

    low: float = 0.0
    high: float = 0.0

    def over(self, values: Tensor) -> Span:
        """The span that holds ``values`` too."""
        return Span(min(self.low, values.min().item()), max(self.high, values.max().item()))

    def rounded(self, values: Tensor) -> Tensor:
        """``values`` as 256 evenly spaced levels give them; zero stays exactly zero."""
        scale = (self.high - self.low) / _STEPS
        if scale == 0:
            return torch.zeros_like(values)
        zero = round(-self.low / scale)
        levels = torch.clamp(torch.round(values / scale) + zero, 0, _STEPS)
        return (levels - zero) * scale


Ranges = Mapping[str, tuple[Span, Span]]


def convolutions(network: nn.Module) -> dict[str, Convolution]:
    """The convolutions with learned weights, by their full names in the network."""
    return {
        name: module
        for name, module in network.named_modules()
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d)
    }


def observe(network: InterpolationNetwork, pairs: Sequence[tuple[Tensor, Tensor]]) -> Ranges:
    """Spans of the input and the output of each convolution on ``pairs``.

    Args:
        network: In eval mode.
        pairs: Frames ``(1, 3, H, W)`` in [0, 1].
    """
    spans: dict[str, tuple[Span, Span]] = {}
    hooks: Hooks = []
    for name, module in convolutions(network).items():

        def note(_: nn.Module, inputs: Any, output: Tensor, name: str = name) -> None:
            before, after = spans.get(name, (Span(), Span()))
            spans[name] = (before.over(inputs[0]), after.over(output))

        hooks.append(module.register_forward_hook(note))
    try:
        with torch.no_grad():
            for pair in pairs:
                network(*pair)
    finally:
        for hook in hooks:
            hook.remove()
    return spans


@contextmanager
def as_integers(
    network: InterpolationNetwork, layers: Sequence[str], ranges: Ranges
) -> Iterator[None]:
    """Within the block, ``layers`` of ``network`` round as 8-bit integers do; then as before.

    Args:
        network: In eval mode.
        layers: Full names of convolutions.
        ranges: From :func:`observe`; a layer that never ran there stays as it is.
    """
    known = convolutions(network)
    originals: dict[str, Tensor] = {}
    hooks: Hooks = []
    try:
        for name in layers:
            if name not in ranges:
                continue
            module, (before, after) = known[name], ranges[name]
            originals[name] = module.weight.data
            module.weight.data = _rounded_weight(module)
            hooks += [
                module.register_forward_pre_hook(lambda _, inputs, b=before: b.rounded(inputs[0])),
                module.register_forward_hook(lambda _, __, output, a=after: a.rounded(output)),
            ]
        yield
    finally:
        for hook in hooks:
            hook.remove()
        for name, weight in originals.items():
            known[name].weight.data = weight


def _rounded_weight(module: Convolution) -> Tensor:
    weight = module.weight.data
    axes = (0, 2, 3) if isinstance(module, nn.ConvTranspose2d) else (1, 2, 3)
    scale = weight.abs().amax(axes, keepdim=True).clamp_min(1e-12) / _WEIGHT_STEPS
    return torch.round(weight / scale) * scale
