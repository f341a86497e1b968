"""What a frame costs, in multiply-accumulates."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch.utils.flop_counter import FlopCounterMode

from cdfi_model.network import InterpolationNetwork

NEAREST = 1  # grid_sampler_2d's number for this interpolation mode


def count_macs(
    network: InterpolationNetwork, height: int, width: int, *, sampling: bool = True
) -> int:
    """Multiply-accumulates of one frame: convolutions, matrix products and sampling.

    A bilinear sample counts as 4 for each channel and tap, truncating or not, so that the figure
    does not depend on the warp's formulation. Activations, sums and resizing are not counted.
    Nothing is computed: a copy of the network runs on torch's meta device.

    Args:
        network: Its spec is what is counted.
        height: Frame height in pixels, a multiple of ``network.spec.multiple``; so is ``width``.
        width: See there.
        sampling: False leaves the samples out: what the convolutions and matrix products cost.
    """
    with torch.device("meta"):
        copy = network.spec.build().eval()
        frame = torch.empty(1, 3, height, width)
    copy.formulation = "per_row"  # few calls, and made of grid_samples only
    mapping = {torch.ops.aten.grid_sampler_2d: _grid_sample_flops} if sampling else {}
    counter = FlopCounterMode(display=False, custom_mapping=mapping)
    with counter, torch.no_grad():
        copy(frame, frame)
    return int(counter.get_total_flops()) // 2


def _grid_sample_flops(
    _image: Sequence[int],
    _grid: Sequence[int],
    mode: int,
    *_rest: object,
    out_shape: Sequence[int],
    **_options: object,
) -> int:
    """Two operations for each corner; the counter hands over shapes in place of tensors."""
    corners = 1 if mode == NEAREST else 4
    return 2 * corners * math.prod(out_shape)
