"""GridNet (Fourure et al., BMVC 2017) as CDFI uses it to synthesise a frame from features."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import cast

import torch.nn.functional as F
from torch import Tensor, nn

from cdfi_model.layers.conv_stack import conv3x3


class PreluConvs(nn.Module):
    """PReLU, 3x3 convolution, PReLU, 3x3 convolution; each PReLU has one slope."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__()
        self.act0 = nn.PReLU()
        self.conv0 = conv3x3(inputs, outputs, stride)
        self.act1 = nn.PReLU()
        self.conv1 = conv3x3(outputs, outputs)

    def forward(self, x: Tensor) -> Tensor:
        """``(B, inputs, H, W)`` to ``(B, outputs, H / stride, W / stride)``."""
        result: Tensor = self.conv1(self.act1(self.conv0(self.act0(x))))
        return result


class Lateral(nn.Module):
    """A residual block along a row; a 3x3 convolution is the shortcut where the widths differ."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.body = PreluConvs(inputs, outputs)
        self.shortcut = conv3x3(inputs, outputs) if inputs != outputs else None

    def forward(self, x: Tensor) -> Tensor:
        """``(B, inputs, H, W)`` to ``(B, outputs, H, W)``."""
        shortcut = x if self.shortcut is None else self.shortcut(x)
        result: Tensor = self.body(x) + shortcut
        return result


class Up(nn.Module):
    """Bilinear upsampling by two (corners not aligned), then the two convolutions."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.body = PreluConvs(inputs, outputs)

    def forward(self, x: Tensor) -> Tensor:
        """``(B, inputs, H, W)`` to ``(B, outputs, 2H, 2W)``."""
        x = F.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)
        result: Tensor = self.body(x)
        return result


class GridNet(nn.Module):
    """A grid of rows (resolutions) and columns: the first half runs down, the second half up.

    Args:
        inputs: Channels that come in.
        widths: Channels of each row; every row halves the size of the one above.
        columns: Columns of the grid, an even number.
        outputs: Channels of the result.
    """

    def __init__(self, inputs: int, widths: Sequence[int], columns: int, outputs: int) -> None:
        super().__init__()
        half = columns // 2
        self.enter = Lateral(inputs, widths[0])
        self.rows = nn.ModuleList(
            nn.ModuleList(Lateral(width, width) for _ in range(columns - 1)) for width in widths
        )
        pairs = list(itertools.pairwise(widths))
        self.down = nn.ModuleList(
            nn.ModuleList(PreluConvs(above, below, stride=2) for _ in range(half))
            for above, below in pairs
        )
        self.up = nn.ModuleList(
            nn.ModuleList(Up(below, above) for _ in range(columns - half)) for above, below in pairs
        )
        self.leave = Lateral(widths[0], outputs)
        self._half = half
        self._columns = columns

    def forward(self, x: Tensor) -> Tensor:
        """``(B, inputs, H, W)`` to ``(B, outputs, H, W)``; H, W multiples of 2 ** (rows - 1)."""
        rows, down, up = (_blocks(grid) for grid in (self.rows, self.down, self.up))
        states: list[Tensor] = [self.enter(x)]
        for blocks in down:
            states.append(blocks[0](states[-1]))
        for column in range(1, self._columns):
            states = [row[column - 1](state) for row, state in zip(rows, states, strict=True)]
            if column < self._half:
                for level, blocks in enumerate(down):
                    states[level + 1] = states[level + 1] + blocks[column](states[level])
            else:
                for level in reversed(range(len(up))):
                    block = up[level][column - self._half]
                    states[level] = states[level] + block(states[level + 1])
        result: Tensor = self.leave(states[0])
        return result


def _blocks(grid: nn.ModuleList) -> list[nn.ModuleList]:
    """The rows of a grid of modules, with their type."""
    return cast("list[nn.ModuleList]", list(grid))
