"""The ONNX operator DeformConv: the bilinear warp as one node (opset 19).

With one weight of 1 for each channel, modulated deformable convolution is the AdaCoF warp, but
for the border: it samples zeros outside, so the sampling position is clamped first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cdfi_model.spec import WarpSpec
from cdfi_model.warp import WARPS, WarpFormulation

if TYPE_CHECKING:
    from torch import Tensor

OPSET = 19


def _apply(padded: Tensor, weight: Tensor, alpha: Tensor, beta: Tensor, spec: WarpSpec) -> Tensor:
    import torch

    from cdfi_model.warp.corners import tap_grid
    from cdfi_model.warp.grid_sampling import warp_by_grid_sample

    if not torch.onnx.is_in_onnx_export():
        return warp_by_grid_sample(padded, weight, alpha, beta, spec, taps_a_call=1)
    channels, height, width = padded.shape[1], padded.shape[2], padded.shape[3]
    rows, columns = tap_grid(alpha, spec)
    rows = torch.cat(
        [rows + k * spec.dilation for k in range(spec.taps) for _ in range(spec.taps)], 1
    )
    columns = columns.repeat(1, spec.taps, 1, 1)
    down = (rows + alpha).clamp(0, height - 1) - rows
    right = (columns + beta).clamp(0, width - 1) - columns
    # DeformConv wants (row, column) of tap 0, (row, column) of tap 1, ...
    offset = torch.stack((down, right), dim=2).flatten(1, 2)
    ones = torch.ones(channels, 1, spec.taps, spec.taps, dtype=padded.dtype, device=padded.device)
    shape = (padded.shape[0], channels, alpha.shape[2], alpha.shape[3])
    warped: Tensor = torch.onnx.ops.symbolic(
        "DeformConv",
        [padded, ones, offset, None, weight],
        attrs={
            "dilations": [spec.dilation, spec.dilation],
            "group": channels,
            "kernel_shape": [spec.taps, spec.taps],
            "offset_group": 1,
            "pads": [0, 0, 0, 0],
            "strides": [1, 1],
        },
        dtype=padded.dtype,
        shape=shape,
        version=OPSET,
    )
    return warped


DEFORM_CONV = WARPS.register(
    WarpFormulation(
        name="deform_conv",
        summary=f"one ONNX DeformConv (opset {OPSET}); per-tap grid_samples in torch",
        samplings=("bilinear",),
        apply=_apply,
        min_opset=OPSET,
        onnx_only=True,
    )
)
