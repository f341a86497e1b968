"""The warp with shared offsets: one sample of F*F shifted copies of the image.

The taps of a pixel lie on a grid that moves as a whole, so the copies sampled at one position hold
them all. The position is computed once, not F*F times.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from cdfi_model.spec import WarpSpec
from cdfi_model.warp.grid_sampling import sample_bilinear
from cdfi_model.warp.positions import pixel_positions


def warp_by_unfold(
    padded: Tensor, weight: Tensor, alpha: Tensor, beta: Tensor, spec: WarpSpec
) -> Tensor:
    """See :func:`cdfi_model.warp.adacof_warp`; bilinear sampling, shared offsets."""
    # Copies one reach wider than the image on each side: at their edge all taps are in the border.
    height, width = padded.shape[2:]
    channels, reach = padded.shape[1], spec.reach
    wider = F.pad(padded, (reach, reach, reach, reach), mode="replicate") if reach else padded
    steps = [tap * spec.dilation for tap in range(spec.taps)]
    copies = [wider[:, :, y : y + height, x : x + width] for y in steps for x in steps]
    rows = pixel_positions(alpha.shape[2], alpha) + reach
    columns = pixel_positions(alpha.shape[3], alpha) + reach
    samples = sample_bilinear(
        torch.cat(copies, 1), alpha + rows.view(1, 1, -1, 1), beta + columns.view(1, 1, 1, -1)
    ).squeeze(2)
    total = samples[:, :channels] * weight[:, :1]
    for tap in range(1, spec.taps * spec.taps):
        part = samples[:, tap * channels : (tap + 1) * channels]
        total = total + part * weight[:, tap : tap + 1]
    return total
