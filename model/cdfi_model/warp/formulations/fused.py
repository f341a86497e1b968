"""The warp as one operator, ``cdfi::adacof_warp``, which hosts run by the native kernel."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from cdfi_model.spec import WarpSpec
from cdfi_model.warp import WARPS, WarpFormulation

if TYPE_CHECKING:
    from torch import Tensor

OPERATOR = "cdfi::adacof_warp"
SCHEMA = (
    "(Tensor image, Tensor weight, Tensor alpha, Tensor beta, int taps, int dilation, "
    "str sampling, bool logits, bool padded) -> Tensor"
)


@cache
def operator() -> Any:
    """``torch.ops.cdfi.adacof_warp``, made known to torch at the first call.

    Arguments are those of :func:`cdfi_runtime.native.warp`. Without the native library it is
    computed by the formulation ``gather``.
    """
    import torch

    torch.library.define(OPERATOR, SCHEMA)
    torch.library.impl(OPERATOR, "cpu", _compute)
    torch.library.register_fake(OPERATOR, _shape)
    return torch.ops.cdfi.adacof_warp


def _shape(image: Tensor, weight: Tensor, *_rest: object, **_options: object) -> Tensor:
    return image.new_empty(*image.shape[:2], *weight.shape[2:])


def _compute(
    image: Tensor,
    weight: Tensor,
    alpha: Tensor,
    beta: Tensor,
    taps: int,
    dilation: int,
    sampling: Any,
    logits: bool,
    padded: bool,
) -> Tensor:
    import torch
    from cdfi_runtime import native

    options = {"taps": taps, "dilation": dilation, "sampling": sampling}
    if native.available():
        arrays = [item.detach().numpy() for item in (image, weight, alpha, beta)]
        return torch.from_numpy(native.warp(*arrays, **options, logits=logits, padded=padded))
    spec = WarpSpec(**options, offsets="shared" if alpha.shape[1] == 1 < taps else "per_tap")
    return _by_gather(image, weight, alpha, beta, spec, logits, padded)


def _by_gather(
    image: Tensor,
    weight: Tensor,
    alpha: Tensor,
    beta: Tensor,
    spec: WarpSpec,
    logits: bool,
    padded: bool,
) -> Tensor:
    from cdfi_model.warp import adacof_warp, warp_padded

    apply = warp_padded if padded else adacof_warp
    return apply(image, weight.softmax(1) if logits else weight, alpha, beta, spec, "gather")


def _call(
    image: Tensor,
    weight: Tensor,
    alpha: Tensor,
    beta: Tensor,
    spec: WarpSpec,
    logits: bool = False,
    padded: bool = False,
) -> Tensor:
    import torch

    maps = (image, weight, alpha, beta)
    if image.dtype != torch.float32 or any(item.requires_grad for item in maps):
        return _by_gather(*maps, spec, logits, padded)  # the kernel has no gradients
    warped: Tensor = operator()(*maps, spec.taps, spec.dilation, spec.sampling, logits, padded)
    return warped


def _apply(padded: Tensor, weight: Tensor, alpha: Tensor, beta: Tensor, spec: WarpSpec) -> Tensor:
    return _call(padded, weight, alpha, beta, spec, padded=True)


def _apply_unpadded(
    image: Tensor, weight: Tensor, alpha: Tensor, beta: Tensor, spec: WarpSpec
) -> Tensor:
    return _call(image, weight, alpha, beta, spec)


def sample(image: Tensor, alpha: Tensor, beta: Tensor) -> Tensor:
    """``image`` bilinearly at each pixel plus its offset; outside, the border's value.

    Args:
        image: ``(B, C, H, W)``.
        alpha: ``(B, 1, H, W)`` row offsets in pixels.
        beta: The same for columns.
    """
    # The softmax of one tap is 1 whatever its logit is, so any map serves.
    one = WarpSpec(taps=1, dilation=1, sampling="bilinear", offsets="shared")
    return _call(image, alpha, alpha, beta, one, logits=True)


FUSED = WARPS.register(
    WarpFormulation(
        name="fused",
        summary="one operator of the native library, for hosts that can load it",
        samplings=("truncate", "bilinear"),
        offsets=("per_tap", "shared"),
        apply=_apply,
        apply_unpadded=_apply_unpadded,
        sampler="fused",
        native=True,
    )
)
