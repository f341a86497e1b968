"""Weights of the native operators in half precision; the quantizer knows LiteRT's own only."""

from __future__ import annotations

from typing import Any

from cdfi_runtime.litert_operators import OPERATORS

from cdfi_export.litert_file import read_model, write_model


def hold_half(content: bytes) -> bytes:
    """``content`` with weights of native operators as float16 constants.

    As for LiteRT's own operators, a ``DEQUANTIZE`` widens each; LiteRT runs it once. Biases stay:
    they are few, and some are offsets in pixels.
    """
    schema, model = read_model(content)
    graph = model.subgraphs[0]
    names = {name.encode() for name in OPERATORS}
    native = [
        operator
        for operator in graph.operators
        if model.operatorCodes[operator.opcodeIndex].customCode in names
    ]
    others = [operator for operator in graph.operators if operator not in native]
    inputs = {int(index) for operator in native for index in operator.inputs}
    shared = {int(index) for operator in others for index in operator.inputs}
    weights = [
        index
        for index in sorted(inputs - shared)
        if _has_data(model, graph.tensors[index]) and len(graph.tensors[index].shape) == 4
    ]
    if not weights:
        return content
    code = _dequantize(schema, model)
    graph.operators[:0] = [_halved(schema, model, graph, index, code) for index in weights]
    return write_model(model, len(content))


def _has_data(model: Any, tensor: Any) -> bool:
    data = model.buffers[tensor.buffer].data
    return data is not None and len(data) > 0


def _dequantize(schema: Any, model: Any) -> int:
    """The index of the operator's code."""
    wanted = schema.BuiltinOperator.DEQUANTIZE
    for index, code in enumerate(model.operatorCodes):
        if code.builtinCode == wanted:
            return index
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = wanted
    code.version = 3  # the first one that widens float16
    model.operatorCodes.append(code)
    return len(model.operatorCodes) - 1


def _halved(schema: Any, model: Any, graph: Any, index: int, code: int) -> Any:
    """Make tensor ``index`` the result of widening a half-precision copy; that operator."""
    import numpy as np

    wide = graph.tensors[index]
    half = schema.TensorT()
    half.name, half.shape, half.type = wide.name + b"_half", wide.shape, schema.TensorType.FLOAT16
    buffer = schema.BufferT()
    values = np.asarray(model.buffers[wide.buffer].data, np.uint8).tobytes()
    buffer.data = np.frombuffer(values, np.float32).astype(np.float16).view(np.uint8)
    model.buffers.append(buffer)
    half.buffer, wide.buffer = len(model.buffers) - 1, 0
    graph.tensors.append(half)
    operator = schema.OperatorT()
    operator.opcodeIndex, operator.outputs = code, [index]
    operator.inputs = [len(graph.tensors) - 1]
    return operator
