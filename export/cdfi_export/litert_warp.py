"""The warp as one custom operator of a TFLite file, which the native library runs.

The converter writes torch's operator as a call of StableHLO, with its options as text; the file is
then edited to hold a custom operator with the options as the library reads them.
"""

from __future__ import annotations

import json
import struct
from functools import cache
from typing import Any

from cdfi_runtime import native
from cdfi_runtime.errors import ArtifactError, InputError
from cdfi_runtime.litert_warp import OPERATOR

# `Options` in runtime/native/litert_op.cpp.
_LAYOUT, _MAGIC, _VERSION = "<4s6i", b"CDFI", 1
_SAMPLINGS = ("truncate", "bilinear")


@cache
def teach_converter() -> None:
    """Tell LiteRT's converter how ``cdfi::adacof_warp`` is written.

    Raises:
        ArtifactError: this version of litert-torch has no place for it.
    """
    import cdfi_model.warp.torch_op  # noqa: F401  registers the operator
    import torch

    try:
        from litert_converter.mlir import ir
        from litert_converter.mlir.dialects import stablehlo
        from litert_torch.backend.lowerings import registry
    except ImportError as error:
        raise ArtifactError(
            "this version of litert-torch cannot be taught the operator of the warp",
            got=str(error),
            fix="install the version of the extra 'litert', or choose another --warp",
        ) from error

    def lower(
        _context: Any,
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
        options = (taps, dilation, _SAMPLINGS.index(sampling), int(logits), int(padded))
        shape = [*image.type.shape[:2], *weight.type.shape[2:]]
        return stablehlo.custom_call(
            call_target_name=ir.StringAttr.get(OPERATOR),
            inputs=[image, weight, alpha, beta],
            result=[ir.RankedTensorType.get(shape, image.type.element_type)],
            backend_config=ir.StringAttr.get(json.dumps(options)),
        )

    registry.lower(torch.ops.cdfi.adacof_warp.default)(lower)


def check_fused(precision: str) -> None:
    """Refuse what cannot be made with the native warp.

    Raises:
        InputError: ``precision`` needs ranges of activations, which the quantizer measures by an
            interpreter of its own, without the native library.
        NativeError: there is no native library here to verify the artifact with.
    """
    if precision == "int8":
        raise InputError(
            "the quantizer cannot run the operator of the native library",
            expected="--precision float32 or float16 with --warp fused",
            got="--precision int8",
            fix="use --warp auto for int8",
        )
    native.dispatch()


def to_custom_operators(content: bytes) -> bytes:
    """``content`` with the converter's calls of the warp as custom operators.

    Raises:
        ArtifactError: the converter wrote a call in a way that is not known.
    """
    from cdfi_export.litert_file import read_model, write_model

    schema, model = read_model(content)
    calls = schema.BuiltinOperator.STABLEHLO_CUSTOM_CALL
    for graph in model.subgraphs:
        for operator in graph.operators:
            if model.operatorCodes[operator.opcodeIndex].builtinCode != calls:
                continue
            call = operator.builtinOptions2
            if call is None or call.callTargetName != OPERATOR.encode():
                raise ArtifactError(
                    "the converter left a call in the graph that LiteRT cannot run",
                    expected=OPERATOR,
                    got=str(getattr(call, "callTargetName", None)),
                    fix="choose another --warp",
                )
            options = json.loads(call.backendConfig.decode())
            operator.builtinOptions2, operator.builtinOptions2Type = None, 0
            operator.customOptions = list(struct.pack(_LAYOUT, _MAGIC, _VERSION, *options))
    for code in model.operatorCodes:
        if code.builtinCode == calls:
            code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.CUSTOM
            code.customCode, code.version = OPERATOR.encode(), _VERSION
    return write_model(model, len(content))
