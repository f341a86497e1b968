"""Data-dependent initialisation: every channel starts with zero mean and unit variance.

torch's default draw makes each convolution with its ReLU pass on about 40 % of the signal. The
published U-Nets are twenty convolutions deep without a normalisation, so almost nothing of the
frames reaches the maps at first, and thousands of steps go by before it does.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from cdfi_model.network import InterpolationNetwork

# The maps start nearly flat: uniform taps and no motion.
_MAP_DEVIATION = 0.05


@torch.no_grad()
def unit_variance(
    network: InterpolationNetwork, frame0: Tensor, frame2: Tensor, *, seed: int
) -> None:
    """Draw all convolutions anew and scale them, in the order they run, by what comes out.

    Each channel gets mean 0 and variance 1 on these frames, as Salimans and Kingma (2016,
    "Weight Normalization", section 3) do it; the maps' own convolutions get a small variance.

    Args:
        network: Changed in place.
        frame0: ``(B, 3, H, W)`` in [0, 1]; some eight varied patches suffice.
        frame2: The same of the frame behind.
        seed: For the draw; torch's global generator is left as it was.
    """
    handles: list[Any] = []
    generator = torch.Generator().manual_seed(seed)
    for name, module in network.named_modules():
        if isinstance(module, nn.Conv2d):
            deviation = _MAP_DEVIATION if name.startswith("heads.") and ".out" in name else 1.0
            handles.append(module.register_forward_hook(_scaler(deviation, generator)))
    try:
        network.describe(frame0, frame2)
    finally:
        for handle in handles:
            handle.remove()


def _scaler(deviation: float, generator: torch.Generator) -> Callable[..., Tensor | None]:
    """A forward hook that draws a convolution once, and then lets it run as it is."""
    drawn: set[nn.Module] = set()

    def hook(conv: nn.Module, inputs: tuple[Tensor], _output: Tensor) -> Tensor | None:
        assert isinstance(conv, nn.Conv2d)
        if conv in drawn or not conv.weight.any():  # serves both frames, or starts at zero
            return None
        drawn.add(conv)
        nn.init.orthogonal_(conv.weight, generator=generator)
        if conv.bias is not None:
            nn.init.zeros_(conv.bias)
        raw = conv.forward(*inputs)
        scale = deviation / raw.std((0, 2, 3)).clamp_min(1e-6)
        conv.weight.mul_(scale.view(-1, 1, 1, 1))
        if conv.bias is not None:
            conv.bias.copy_(-raw.mean((0, 2, 3)) * scale)
        return conv.forward(*inputs)

    return hook
