"""The convolution blocks of the kernel-estimation U-Net."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def conv3x3(inputs: int, outputs: int, stride: int = 1) -> nn.Conv2d:
    """A 3x3 convolution that keeps the size (or halves it, with ``stride=2``)."""
    return nn.Conv2d(inputs, outputs, kernel_size=3, stride=stride, padding=1)


def upsample2(image: Tensor) -> Tensor:
    """Twice the height and width, bilinear with aligned corners, as the published U-Net does."""
    return F.interpolate(image, scale_factor=2.0, mode="bilinear", align_corners=True)


class ConvStack(nn.Module):
    """3x3 convolutions, each followed by a ReLU.

    Args:
        inputs: Channels that come in.
        widths: Channels after each convolution.
    """

    def __init__(self, inputs: int, widths: Sequence[int]) -> None:
        super().__init__()
        sources = (inputs, *widths[:-1])
        self.convs = nn.ModuleList(
            conv3x3(source, width) for source, width in zip(sources, widths, strict=True)
        )

    def forward(self, x: Tensor) -> Tensor:
        """``(B, inputs, H, W)`` to ``(B, widths[-1], H, W)``."""
        for conv in self.convs:
            x = torch.relu(conv(x))
        return x


class UpsampleConv(nn.Module):
    """Upsampling by two, a 3x3 convolution and a ReLU: the step up one decoder level."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv = conv3x3(inputs, outputs)

    def forward(self, x: Tensor) -> Tensor:
        """``(B, inputs, H, W)`` to ``(B, outputs, 2H, 2W)``."""
        return torch.relu(self.conv(upsample2(x)))


class Head(nn.Module):
    """From half-resolution features to one map at full resolution, without the last activation.

    Args:
        inputs: Channels of the decoder's output.
        widths: Channels after each of the convolutions at half resolution.
        outputs: Channels of the map: F*F, or 1.
    """

    def __init__(self, inputs: int, widths: Sequence[int], outputs: int) -> None:
        super().__init__()
        self.stack = ConvStack(inputs, widths)
        self.out = conv3x3(widths[-1], outputs)

    def forward(self, x: Tensor) -> Tensor:
        """``(B, inputs, H/2, W/2)`` to ``(B, outputs, H, W)``, unbounded."""
        result: Tensor = self.out(upsample2(self.stack(x)))
        return result
