"""The native warp as a torch operator, ``cdfi::adacof_warp``, with its fused backward.

Importing this module registers it. Meta and fake tensors, and so ``torch.export``, need no native
library; computing does. Both directions read tensors where they are and use as many threads as
torch does; the same number of threads gives the same bits.
"""

from __future__ import annotations

from typing import Any, Literal, cast

import torch
from cdfi_runtime import native
from cdfi_runtime.errors import InputError
from cdfi_runtime.native_backward import warp_backward
from torch import Tensor

Sampling = Literal["truncate", "bilinear"]
_OPTIONS = "int taps, int dilation, str sampling, bool logits=False, bool padded=False"


def adacof_warp(
    image: Tensor,
    weight: Tensor,
    alpha: Tensor,
    beta: Tensor,
    taps: int,
    dilation: int,
    sampling: str,
    logits: bool = False,
    padded: bool = False,
) -> Tensor:
    """The AdaCoF warp of float32 tensors on the CPU; gradients reach all four.

    Args:
        image: ``(B, C, H, W)``, any range; with ``padded``, ``(F - 1) * d / 2`` more on each side.
        weight: ``(B, F*F, H, W)``; tap ``(k, l)`` is channel ``k * F + l``.
        alpha: Row offsets in pixels, ``(B, F*F, H, W)``, or ``(B, 1, H, W)`` if taps share them.
        beta: Column offsets, the same shape.
        taps: F, odd.
        dilation: d in pixels.
        sampling: ``truncate`` or ``bilinear``.
        logits: ``weight`` is softmaxed over the taps first; its gradient is the logits'.
        padded: ``image`` is replicate-padded already.

    Returns:
        ``(B, C, H, W)``.

    Raises:
        InputError: another dtype or device, or shapes and options that do not fit.
        NativeError: the native library is not there.
    """
    arguments = (image, weight, alpha, beta, taps, dilation, sampling, logits, padded)
    return cast("Tensor", torch.ops.cdfi.adacof_warp(*arguments))


def _forward(
    image: Tensor,
    weight: Tensor,
    alpha: Tensor,
    beta: Tensor,
    taps: int,
    dilation: int,
    sampling: str,
    logits: bool = False,
    padded: bool = False,
) -> Tensor:
    warped = native.warp(
        *_arrays(image, weight, alpha, beta),
        taps=taps,
        dilation=dilation,
        sampling=cast("Sampling", sampling),
        logits=logits,
        padded=padded,
        threads=torch.get_num_threads(),
    )
    return torch.from_numpy(warped)


def _backward(
    grad_out: Tensor,
    image: Tensor,
    weight: Tensor,
    alpha: Tensor,
    beta: Tensor,
    wanted: list[bool],
    taps: int,
    dilation: int,
    sampling: str,
    logits: bool = False,
    padded: bool = False,
) -> list[Tensor]:
    """The gradients that are ``wanted``, of image, weight, alpha and beta in this order."""
    gradients = warp_backward(
        *_arrays(grad_out, image, weight, alpha, beta),
        taps=taps,
        dilation=dilation,
        sampling=cast("Sampling", sampling),
        logits=logits,
        padded=padded,
        threads=torch.get_num_threads(),
        wanted=cast("tuple[bool, bool, bool, bool]", tuple(wanted)),
    )
    return [torch.from_numpy(gradient) for gradient in gradients if gradient is not None]


def _arrays(*tensors: Tensor) -> list[Any]:
    """The same memory as numpy arrays."""
    for tensor in tensors:
        if tensor.device.type != "cpu" or tensor.dtype != torch.float32:
            raise InputError(
                "the fused warp computes float32 on the CPU only",
                expected="float32 tensors on cpu",
                got=f"{str(tensor.dtype).removeprefix('torch.')} on {tensor.device}",
                fix="take the formulation 'gather' or 'per_tap', which torch computes itself",
            )
    return [tensor.detach().numpy() for tensor in tensors]


def _remember(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:  # noqa: ARG001
    ctx.save_for_backward(*inputs[:4])
    ctx.options = inputs[4:]


def _gradients(ctx: Any, grad_out: Tensor) -> tuple[Tensor | None, ...]:
    wanted = list(ctx.needs_input_grad[:4])
    made = iter(
        torch.ops.cdfi.adacof_warp_backward(grad_out, *ctx.saved_tensors, wanted, *ctx.options)
    )
    return (*(next(made) if want else None for want in wanted), *(None for _ in ctx.options))


_FORWARD = torch.library.custom_op(
    "cdfi::adacof_warp",
    _forward,
    mutates_args=(),
    schema=f"(Tensor image, Tensor weight, Tensor alpha, Tensor beta, {_OPTIONS}) -> Tensor",
)
_BACKWARD = torch.library.custom_op(
    "cdfi::adacof_warp_backward",
    _backward,
    mutates_args=(),
    schema="(Tensor grad_out, Tensor image, Tensor weight, Tensor alpha, Tensor beta, "
    f"bool[] wanted, {_OPTIONS}) -> Tensor[]",
)


@_FORWARD.register_fake
def _fake_forward(image: Tensor, weight: Tensor, *_: object) -> Tensor:
    return image.new_empty((image.shape[0], image.shape[1], weight.shape[2], weight.shape[3]))


@_BACKWARD.register_fake
def _fake_backward(grad_out: Tensor, *inputs: Any) -> list[Tensor]:
    pairs = zip(inputs[:4], inputs[4], strict=True)
    return [grad_out.new_empty(tensor.shape) for tensor, want in pairs if want]


_FORWARD.register_autograd(_gradients, setup_context=_remember)
