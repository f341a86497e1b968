"""Losses on offsets: supervision by known flow, and smoothness.

Photometric loss alone learns motion very slowly, so the expected offsets are supervised as well.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from cdfi_model.layers.offset_warp import offset_warp

_TRUST_FALL = 12.0


def offset_loss(
    offsets: list[Tensor], frames: tuple[Tensor, Tensor, Tensor], target: Tensor
) -> Tensor:
    """Distance of the offsets of every level to known flow, where that flow explains the frames.

    Args:
        offsets: Coarsest first, ``(B, 4, h, w)`` in pixels of their level: row and column offset
            into frame 0, then into frame 2.
        frames: Frame 0, the true middle frame and frame 2, ``(B, 3, H, W)``.
        target: ``(B, 4, H / 2, W / 2)`` the same four numbers in full-size pixels.

    Returns:
        The mean over levels, each in its own pixels.
    """
    with torch.no_grad():
        frame0, middle, frame2 = (F.avg_pool2d(frame, 2) for frame in frames)
        trust = []
        for frame, flow in ((frame0, target[:, :2]), (frame2, target[:, 2:])):
            error = (offset_warp(frame, flow / 2) - middle).abs().mean(1, keepdim=True)
            trust.append(torch.exp(-_TRUST_FALL * error).expand(-1, 2, -1, -1))
        trusted = torch.cat(trust, 1)
    total = target.new_zeros(())
    for offset in offsets:
        factor = target.shape[-1] // offset.shape[-1]
        goal, weight = target / (2 * factor), trusted
        if factor > 1:
            goal, weight = F.avg_pool2d(goal, factor), F.avg_pool2d(weight, factor)
        total = total + (weight * torch.sqrt((offset - goal).square() + 1e-2)).mean()
    return total / len(offsets)


def total_variation(offset: Tensor) -> Tensor:
    """Mean distance of neighbours, down and across: CDFI (CVPR 2021) adds 0.01 of it.

    Args:
        offset: ``(B, 4, h, w)`` expected offsets in pixels of their level.
    """
    down = (offset[..., 1:, :] - offset[..., :-1, :]).abs().mean()
    across = (offset[..., :, 1:] - offset[..., :, :-1]).abs().mean()
    return down + across
