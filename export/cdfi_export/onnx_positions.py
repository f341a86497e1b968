"""Sampling positions and indices of an ONNX graph must stay single precision: a check."""

from __future__ import annotations

import onnx
from cdfi_runtime.errors import ArtifactError
from onnx import TensorProto

# Where an operator reads positions, or indices made of them.
_POSITIONS = {"GridSample": 1, "DeformConv": 2, "Gather": 1, "GatherElements": 1, "GatherND": 1}
# Positions are computed from what these give; what feeds them may be narrow.
_CONVOLUTIONS = ("Conv", "ConvTranspose")
_SIZES = ("Shape", "Size")
_WIDE_ENOUGH = (
    TensorProto.FLOAT,
    TensorProto.DOUBLE,
    TensorProto.INT32,
    TensorProto.INT64,
    TensorProto.BOOL,
)


def check_positions(model: onnx.ModelProto) -> int:
    """Refuse a graph in which anything that leads to a sampling position is narrower than float32.

    A position in half precision is off by up to half a pixel 1000 pixels from the centre. Walks
    from every sampling operator up to the convolutions, which must not be integer ones themselves.

    Returns:
        How many tensors were looked at.

    Raises:
        ArtifactError: one of them is narrow, or its type cannot be told; it is named.
    """
    graph = onnx.shape_inference.infer_shapes(model).graph
    kinds = {value.name: value.type.tensor_type.elem_type for value in graph.value_info}
    kinds |= {value.name: value.type.tensor_type.elem_type for value in graph.input}
    kinds |= {tensor.name: tensor.data_type for tensor in graph.initializer}
    producer = {name: node for node in graph.node for name in node.output}
    waiting = [
        node.input[_POSITIONS[node.op_type]] for node in graph.node if node.op_type in _POSITIONS
    ]
    seen: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name in seen or not name:
            continue
        seen.add(name)
        kind = kinds.get(name, TensorProto.UNDEFINED)
        if kind not in _WIDE_ENOUGH:
            _refuse(TensorProto.DataType.Name(kind).lower(), name)
        node = producer.get(name)
        if node is None or node.op_type in _SIZES:
            continue
        if node.op_type not in _CONVOLUTIONS:
            waiting += node.input
        elif (made := producer.get(node.input[1])) and made.op_type == "DequantizeLinear":
            _refuse("an integer convolution", node.name)
    return len(seen)


def _refuse(kind: str, where: str) -> None:
    raise ArtifactError(
        "sampling positions were rounded",
        expected="float32 in all that leads from a convolution to a position",
        got=f"{kind} in {where}",
        fix="report it: the converter must leave positions alone",
    )
