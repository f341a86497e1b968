"""The warp as one operator of the native library, forward and backward."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cdfi_model.spec import WarpSpec
from cdfi_model.warp import WARPS, WarpFormulation

if TYPE_CHECKING:
    from torch import Tensor


def _call(
    image: Tensor,
    weight: Tensor,
    alpha: Tensor,
    beta: Tensor,
    spec: WarpSpec,
    *,
    logits: bool = False,
    padded: bool = False,
) -> Tensor:
    import torch

    from cdfi_model.warp.torch_op import adacof_warp

    # Autocast hands over half precision, which fits into single precision without loss.
    half = (torch.float16, torch.bfloat16)
    single, weight, alpha, beta = (
        item.float() if item.dtype in half else item for item in (image, weight, alpha, beta)
    )
    options = (spec.taps, spec.dilation, spec.sampling, logits, padded)
    return adacof_warp(single, weight, alpha, beta, *options).to(image.dtype)


def _apply(padded: Tensor, weight: Tensor, alpha: Tensor, beta: Tensor, spec: WarpSpec) -> Tensor:
    return _call(padded, weight, alpha, beta, spec, padded=True)


def _apply_whole(
    image: Tensor, weight: Tensor, alpha: Tensor, beta: Tensor, spec: WarpSpec, logits: bool
) -> Tensor:
    return _call(image, weight, alpha, beta, spec, logits=logits)


def sample(image: Tensor, alpha: Tensor, beta: Tensor) -> Tensor:
    """``image`` bilinearly at each pixel plus its offset; outside, the border's value.

    Args:
        image: ``(B, C, H, W)``.
        alpha: ``(B, 1, H, W)`` row offsets in pixels.
        beta: The same for columns.
    """
    # The softmax of one tap is 1 whatever its logit is, so any map serves.
    one = WarpSpec(taps=1, dilation=1, sampling="bilinear", offsets="shared")
    return _call(image, alpha.detach(), alpha, beta, one, logits=True)


FUSED = WARPS.register(
    WarpFormulation(
        name="fused",
        summary="one native operator with a fused backward; float32 on the CPU",
        samplings=("truncate", "bilinear"),
        offsets=("per_tap", "shared"),
        apply=_apply,
        apply_whole=_apply_whole,
        sampler="fused",
        native=True,
    )
)
