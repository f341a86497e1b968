"""Multiply-accumulates of single convolutions, by running a network that has no values."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from typing import TypeAlias

import torch
from torch import Tensor, nn

from cdfi_model.network import InterpolationNetwork

AnyConv: TypeAlias = nn.Conv2d | nn.ConvTranspose2d


def layer_macs(network: InterpolationNetwork, height: int, width: int) -> dict[str, int]:
    """MACs of each convolution in one frame, by its first name; 0 for what does not run.

    What is not a module (matching, warping) is not in it; :func:`cdfi_model.cost.count_macs` has
    the whole. Nothing is computed: a copy of the network runs on torch's meta device.

    Args:
        network: Any network of the family; it is left as it is.
        height: Frame height in pixels, a multiple of ``network.spec.multiple``; so is ``width``.
        width: See there.
    """
    shadow = copy.deepcopy(network).to("meta").eval()
    shadow.formulation = "per_row"
    found: dict[str, int] = {}
    for name, module in shadow.named_modules():
        if isinstance(module, AnyConv):
            found[name] = 0
            module.register_forward_hook(_counter(found, name))
    frame = torch.empty(1, 3, height, width, device="meta")
    with torch.no_grad():
        shadow(frame, frame)
    return found


def _counter(found: dict[str, int], name: str) -> Callable[..., None]:
    def hook(conv: nn.Module, inputs: tuple[Tensor], output: Tensor) -> None:
        assert isinstance(conv, AnyConv)
        # Every weight of a kernel meets each pixel of the side that the kernel does not spread on.
        side = inputs[0] if isinstance(conv, nn.ConvTranspose2d) else output
        pixels = side.shape[0] * math.prod(side.shape[2:])
        found[name] += pixels * conv.weight.numel()

    return hook
