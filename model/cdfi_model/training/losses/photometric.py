"""Distance of pictures."""

from __future__ import annotations

import torch
from torch import Tensor


def charbonnier(prediction: Tensor, target: Tensor, eps: float = 1e-3) -> Tensor:
    """Mean of ``sqrt(difference^2 + eps^2)`` (CDFI, CVPR 2021, section 3.3)."""
    return torch.sqrt((prediction - target).square() + eps * eps).mean()
