"""The native operators in ONNX: torch's ``cdfi::`` operators as nodes of the domain ``cdfi``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import onnx
import onnxscript
import torch
from onnx import helper

DOMAIN = "cdfi"


@cache
def _operators() -> Any:
    """The operator set; its schemas are made known to onnx at the first call."""
    schema, attribute = onnx.defs.OpSchema, onnx.defs.OpSchema.Attribute
    kinds = onnx.defs.OpSchema.FormalParameterOption
    tensor = ("tensor(float)",)
    warp = [
        attribute("taps", onnx.defs.OpSchema.AttrType.INT),
        attribute("dilation", onnx.defs.OpSchema.AttrType.INT),
        attribute("sampling", onnx.defs.OpSchema.AttrType.STRING),
    ]
    flags = [attribute(name, helper.make_attribute(name, 0)) for name in ("logits", "padded")]
    maps = [schema.FormalParameter(name, "M") for name in ("weight", "alpha", "beta")]
    out = [schema.FormalParameter("out", "T")]
    known = (
        schema(
            *("AdaCoFWarp", DOMAIN, 1),
            inputs=[schema.FormalParameter("image", "T"), *maps],
            outputs=out,
            type_constraints=[("T", tensor, ""), ("M", (*tensor, "tensor(float16)"), "")],
            attributes=[*warp, *flags],
        ),
        schema(
            *("AdaCoFHeadsWarp", DOMAIN, 1),
            inputs=[
                schema.FormalParameter(
                    "tensors", "T", param_option=kinds.Variadic, min_arity=20, is_homogeneous=True
                )
            ],
            outputs=[
                schema.FormalParameter(
                    "warped", "T", param_option=kinds.Variadic, is_homogeneous=True
                )
            ],
            type_constraints=[("T", tensor, "")],
            attributes=[*warp, attribute("group", helper.make_attribute("group", 0))],
        ),
    )
    for item in known:
        onnx.defs.register_schema(item)
    return onnxscript.values.Opset(DOMAIN, 1)


def adacof_warp(
    image: Any,
    weight: Any,
    alpha: Any,
    beta: Any,
    taps: int,
    dilation: int,
    sampling: str,
    logits: bool = False,
    padded: bool = False,
) -> Any:
    """``cdfi::AdaCoFWarp``; see ``runtime/native/ort_warp_op.cpp``."""
    return _operators().AdaCoFWarp(
        *(image, weight, alpha, beta),
        taps=taps,
        dilation=dilation,
        sampling=sampling,
        logits=int(logits),
        padded=int(padded),
    )


def heads_warp(
    frame0: Any,
    frame2: Any,
    hidden: Sequence[Any],
    weights: Sequence[Any],
    biases: Sequence[Any],
    features: Sequence[Any],
    taps: int,
    dilation: int,
    sampling: str,
) -> Any:
    """``cdfi::AdaCoFHeadsWarp``; see ``runtime/native/ort_heads_op.cpp``."""
    heads = [tensor for head in zip(hidden, weights, biases, strict=True) for tensor in head]
    return _operators().AdaCoFHeadsWarp(
        *(frame0, frame2, *heads, *features), taps=taps, dilation=dilation, sampling=sampling
    )


def translations() -> dict[Callable[..., Any], Callable[..., Any]]:
    """For ``torch.onnx.export(custom_translation_table=...)``."""
    # They register the operators.
    import cdfi_model.warp.heads_op
    import cdfi_model.warp.torch_op  # noqa: F401

    return {
        torch.ops.cdfi.adacof_warp.default: adacof_warp,
        torch.ops.cdfi.heads_warp.default: heads_warp,
    }
