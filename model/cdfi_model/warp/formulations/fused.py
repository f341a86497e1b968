"""The native warp: one operator of ours, forward and backward, where its library is there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cdfi_model.spec import WarpSpec
from cdfi_model.warp import WARPS, WarpFormulation

if TYPE_CHECKING:
    from torch import Tensor


def _apply(padded: Tensor, weight: Tensor, alpha: Tensor, beta: Tensor, spec: WarpSpec) -> Tensor:
    import torch

    from cdfi_model.warp.torch_op import adacof_warp

    # Autocast hands over half precision, which fits into single precision without loss.
    half = (torch.float16, torch.bfloat16)
    tensors = [
        tensor.float() if tensor.dtype in half else tensor
        for tensor in (padded, weight, alpha, beta)
    ]
    image, weight, alpha, beta = tensors
    warped = adacof_warp(
        image, weight, alpha, beta, spec.taps, spec.dilation, spec.sampling, padded=True
    )
    return warped.to(padded.dtype)


FUSED = WARPS.register(
    WarpFormulation(
        name="fused",
        summary="one native operator with a fused backward; float32 on the CPU",
        samplings=("truncate", "bilinear"),
        offsets=("per_tap", "shared"),
        apply=_apply,
        native=True,
    )
)
