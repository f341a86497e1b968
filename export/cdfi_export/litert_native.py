"""The native operators in a TFLite file: torch's ``cdfi::`` operators as custom operators.

The converter writes them as calls of StableHLO, with their options as text; the file is then edited
to hold custom operators with the options as the native library reads them.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence
from functools import cache
from typing import Any

from cdfi_runtime import native
from cdfi_runtime.errors import ArtifactError, InputError
from cdfi_runtime.litert_operators import HEADS_WARP, OPERATORS, WARP

# The beginning of all options; see runtime/native/litert_host.h.
_MAGIC, _VERSION = b"CDFI", 1


@cache
def teach_converter() -> None:
    """Tell LiteRT's converter how torch's native operators are written.

    Raises:
        ArtifactError: this version of litert-torch has no place for them.
    """
    # They register the operators.
    import cdfi_model.warp.heads_op
    import cdfi_model.warp.torch_op  # noqa: F401
    import torch

    try:
        from litert_converter.mlir import ir
        from litert_converter.mlir.dialects import stablehlo
        from litert_torch.backend.lowerings import registry
    except ImportError as error:
        raise ArtifactError(
            "this version of litert-torch cannot be taught the native operators",
            got=str(error),
            fix="install the version of the extra 'litert', or choose another --warp",
        ) from error

    def call(name: str, inputs: Sequence[Any], shape: Sequence[int], *numbers: int) -> Any:
        return stablehlo.custom_call(
            call_target_name=ir.StringAttr.get(name),
            inputs=inputs,
            result=[ir.RankedTensorType.get(shape, inputs[0].type.element_type)],
            backend_config=ir.StringAttr.get(json.dumps(numbers)),
        )

    def warp(
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
        shape = [*image.type.shape[:2], *weight.type.shape[2:]]
        numbers = (taps, dilation, native.SAMPLINGS.index(sampling), int(logits), int(padded))
        return call(WARP, [image, weight, alpha, beta], shape, *numbers)

    def heads_warp(
        _context: Any,
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
        heads = [tensor for head in zip(hidden, weights, biases, strict=True) for tensor in head]
        batch, _, height, width = frame0.type.shape
        channels = 6 + 2 * sum(level.type.shape[1] for level in features)
        return call(
            HEADS_WARP,
            [frame0, frame2, *heads, *features],
            [batch, channels, height, width],
            *(taps, dilation, native.SAMPLINGS.index(sampling)),
        )

    registry.lower(torch.ops.cdfi.adacof_warp.default)(warp)
    registry.lower(torch.ops.cdfi.heads_warp.default)(heads_warp)


def check_fused(precision: str) -> None:
    """Refuse what cannot be made with the native operators.

    Raises:
        InputError: ``precision`` needs ranges of activations, which the quantizer measures by an
            interpreter of its own, without the native library.
        NativeError: there is no native library here to verify the artifact with.
    """
    if precision == "int8":
        raise InputError(
            "the quantizer cannot run the operators of the native library",
            expected="--precision float32 or float16 with --warp fused",
            got="--precision int8",
            fix="use --warp auto for int8",
        )
    native.dispatch()


def to_custom_operators(content: bytes) -> bytes:
    """``content`` with the converter's calls of native operators as custom operators.

    Raises:
        ArtifactError: the converter wrote a call in a way that is not known.
    """
    from cdfi_export.litert_file import read_model, write_model

    schema, model = read_model(content)
    made_from = schema.BuiltinOperator.STABLEHLO_CUSTOM_CALL
    calls = [
        operator
        for graph in model.subgraphs
        for operator in graph.operators
        if model.operatorCodes[operator.opcodeIndex].builtinCode == made_from
    ]
    codes: dict[str, int] = {}
    for operator in calls:
        call = operator.builtinOptions2
        name = "" if call is None else call.callTargetName.decode()
        if name not in OPERATORS:
            raise ArtifactError(
                "the converter left a call in the graph that LiteRT cannot run",
                expected=" or ".join(sorted(OPERATORS)),
                got=name or "none",
                fix="choose another --warp",
            )
        numbers = json.loads(call.backendConfig.decode())
        layout = f"<4s{1 + len(numbers)}i"
        operator.builtinOptions2, operator.builtinOptions2Type = None, 0
        operator.customOptions = list(struct.pack(layout, _MAGIC, _VERSION, *numbers))
        if name not in codes:  # the first one takes the place of the converter's code
            codes[name] = _add_code(schema, model, name, None if codes else operator.opcodeIndex)
        operator.opcodeIndex = codes[name]
    return write_model(model, len(content))


def _add_code(schema: Any, model: Any, name: str, index: int | None) -> int:
    """Put the code of a custom operator at ``index`` of the table, or at its end."""
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.CUSTOM
    code.customCode, code.version = name.encode(), _VERSION
    if index is None:
        index = len(model.operatorCodes)
        model.operatorCodes.append(None)
    model.operatorCodes[index] = code
    return index
