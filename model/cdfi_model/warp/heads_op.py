"""Heads, softmax and both warps as one torch operator, ``cdfi::heads_warp``, without gradients.

Importing this module registers it. Fake tensors, and so ``torch.export``, need no native library;
computing does.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple, cast

import torch
from cdfi_runtime.errors import InputError
from cdfi_runtime.native_heads import Head, heads_warp
from torch import Tensor, nn

from cdfi_model.spec import WarpSpec

Sampling = Literal["truncate", "bilinear"]


class MapHead(NamedTuple):
    """A map's head: the hidden map ``(B, C, h, w)`` and the 3x3 convolution that ends it."""

    hidden: Tensor
    conv: nn.Conv2d


def warp_by_heads(
    frame0: Tensor,
    frame2: Tensor,
    heads: Sequence[MapHead],
    features: Sequence[Tensor],
    spec: WarpSpec,
) -> Tensor:
    """Warp two frames and features by maps that never exist whole.

    Args:
        frame0: ``(B, 3, H, W)``.
        frame2: The same shape.
        heads: Tap logits, row offsets and column offsets of frame 0, then of frame 2; each hidden
            map is resized to ``(H, W)`` with aligned corners before its convolution.
        features: Levels ``(B, C, h, w)``, resized to the padded frame's size, half pixels.
        spec: Taps, dilation and sampling; every tap has offsets of its own.

    Returns:
        ``(B, 6 + 2 * all feature channels, H, W)``: both frames, then level by level the features
        by the maps of frame 0 and by those of frame 2. No gradient passes.

    Raises:
        InputError: another dtype than float32 or another device than the CPU.
        NativeError: the native library is not there.
    """
    weights = [head.conv.weight for head in heads]
    biases = [cast("Tensor", head.conv.bias) for head in heads]
    hidden = [head.hidden for head in heads]
    result: Tensor = torch.ops.cdfi.heads_warp(
        *(frame0, frame2, hidden, weights, biases, list(features)),
        *(spec.taps, spec.dilation, spec.sampling),
    )
    return result


def _compute(
    frame0: Tensor,
    frame2: Tensor,
    hidden: list[Tensor],
    weights: list[Tensor],
    biases: list[Tensor],
    features: list[Tensor],
    taps: int,
    dilation: int,
    sampling: str,
) -> Tensor:
    heads = zip(*(map(_array, tensors) for tensors in (hidden, weights, biases)), strict=True)
    out = heads_warp(
        [_array(frame0), _array(frame2)],
        [Head(*head) for head in heads],
        [_array(level) for level in features],
        taps=taps,
        dilation=dilation,
        sampling=cast("Sampling", sampling),
        threads=torch.get_num_threads(),
    )
    return torch.from_numpy(out)


def _array(tensor: Tensor) -> Any:
    if tensor.device.type != "cpu" or tensor.dtype != torch.float32:
        raise InputError(
            "the heads' warp computes float32 on the CPU only",
            expected="float32 tensors on cpu",
            got=f"{str(tensor.dtype).removeprefix('torch.')} on {tensor.device}",
            fix="take the formulation 'gather' or 'per_tap', which torch computes itself",
        )
    return tensor.detach().numpy()


_OPERATOR = torch.library.custom_op(
    "cdfi::heads_warp",
    _compute,
    mutates_args=(),
    schema="(Tensor frame0, Tensor frame2, Tensor[] hidden, Tensor[] weights, Tensor[] biases, "
    "Tensor[] features, int taps, int dilation, str sampling) -> Tensor",
)


@_OPERATOR.register_fake
def _fake(frame0: Tensor, _frame2: Tensor, *rest: Any) -> Tensor:
    features: list[Tensor] = rest[3]
    channels = 6 + 2 * sum(level.shape[1] for level in features)
    return frame0.new_empty((frame0.shape[0], channels, *frame0.shape[2:]))
