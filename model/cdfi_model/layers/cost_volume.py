"""Matching of two feature maps along straight motion through the middle frame."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def normalize_features(features: Tensor, eps: float = 1e-4) -> Tensor:
    """Scale each pixel's feature vector to mean square one.

    Per pixel, so that the result does not depend on the size of the picture around it.
    """
    return features * torch.rsqrt(features.square().mean(1, keepdim=True) + eps)


class SymmetricCostVolume(nn.Module):
    """Correlation of frame 0 at ``p + d`` with frame 2 at ``p - d``, for all ``d`` in a square.

    A point that moves straight through ``p`` at half time is found at opposite displacements in
    the two frames, so one search over ``d`` serves both.

    Args:
        radius: Search radius in pixels.
    """

    shifts: Tensor
    displacements: Tensor

    def __init__(self, radius: int) -> None:
        super().__init__()
        self.radius = radius
        side = 2 * radius + 1
        steps = torch.arange(-radius, radius + 1, dtype=torch.float32)
        rows, columns = steps.repeat_interleave(side), steps.repeat(side)
        # Buffers, so that every exporter finds constants; they follow from the radius alone.
        for name, value in (
            ("shifts", torch.eye(side * side).view(side * side, 1, side, side)),
            ("displacements", torch.stack((rows, columns, -rows, -columns))[:, :, None, None]),
        ):
            self.register_buffer(name, value, persistent=False)

    def forward(self, features0: Tensor, features2: Tensor) -> Tensor:
        """Mean products over the channels.

        Args:
            features0: ``(B, C, H, W)`` features of frame 0, already moved by the offsets so far.
            features2: The same of frame 2.

        Returns:
            ``(B, (2 * radius + 1) ** 2, H, W)``, rows of ``d`` outer.
        """
        side = 2 * self.radius + 1
        first = normalize_features(features0)
        # First at q = p + d, where frame 2 is read at q - 2 d: only one of them is cut to windows.
        second = F.pad(normalize_features(features2), [2 * self.radius] * 4)
        height, width = first.shape[-2:]
        costs = []
        for row in reversed(range(side)):
            rows = second[..., 2 * row : 2 * row + height, :]
            windows = [rows[..., 2 * step : 2 * step + width] for step in reversed(range(side))]
            # A row of windows at a time: few nodes in a graph, and never all windows in memory.
            products = torch.cat(windows, 0).reshape(side, *first.shape) * first
            costs.append(products.mean(2))
        # Then the cost of each d moves from p + d to p: a depthwise convolution with a single one
        # in each kernel is one node, where slicing takes two for every channel.
        found = torch.cat(costs, 0).transpose(0, 1)
        shifts = self.shifts.to(found.dtype)
        return F.conv2d(found, shifts, padding=self.radius, groups=side * side)

    def expected_displacement(self, costs: Tensor, sharpness: Tensor) -> Tensor:
        """Where the costs say that a pixel moves.

        Untrained features match well enough for this to point the right way from the first step
        on, where a plain decoder starts on a long plateau.

        Args:
            costs: ``(B, (2 * radius + 1) ** 2, H, W)``, as :meth:`forward` gives them.
            sharpness: A number: at 0 every displacement counts the same, large ones take the best.

        Returns:
            ``(B, 4, H, W)`` row and column offset into frame 0, then into frame 2, in pixels: the
            mean displacement weighted by ``softmax(sharpness * costs)``, and its opposite.
        """
        weights = torch.softmax(sharpness * costs, 1)
        return F.conv2d(weights, self.displacements.to(weights.dtype))
