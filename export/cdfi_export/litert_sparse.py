"""Weights of a TFLite file as sparse tensors, each widened by a ``DENSIFY``.

LiteRT makes them dense once: XNNPACK when it takes the graph, the interpreter in the first frame.
(A convolution that is given a sparse tensor itself reads wrong values, without an error.) The
innermost axis, input channels, is stored as in CSR: an index of one or two bytes for each value
that is not zero, and the end of each row.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from cdfi_export.litert_file import read_model, write_model
from cdfi_export.sparse_form import Saving

if TYPE_CHECKING:
    from numpy.typing import NDArray

HOW = "as sparse tensors that a DENSIFY each widens"
_WEIGHT_RANK = 4


def sparsify(content: bytes) -> tuple[bytes, Saving]:
    """``content`` with the weights sparse that are smaller so."""
    schema, model = read_model(content)
    graph = model.subgraphs[0]
    kinds = {schema.TensorType.FLOAT32: np.float32, schema.TensorType.FLOAT16: np.float16}
    made, dense, before, after, left = [], 0, 0, 0, 0
    code, replaced = None, set()
    for index, tensor in enumerate(list(graph.tensors)):
        data = model.buffers[tensor.buffer].data
        if len(tensor.shape) != _WEIGHT_RANK or data is None or tensor.type not in kinds:
            continue
        weight = np.frombuffer(np.asarray(data, np.uint8).tobytes(), kinds[tensor.type])
        rows = _Rows(weight.reshape(tensor.shape))
        if rows.size >= weight.nbytes:
            dense, left = dense + 1, left + weight.nbytes
            continue
        code = _densify(schema, model) if code is None else code
        replaced.add(tensor.buffer)
        made.append(_sparse(schema, model, graph, index, rows, code))
        before, after = before + weight.nbytes, after + rows.size
    graph.operators[:0] = made
    for buffer in replaced - {tensor.buffer for part in model.subgraphs for tensor in part.tensors}:
        model.buffers[buffer].data = None
    saving = Saving(len(made), dense, before, after, left)
    return (write_model(model, len(content)) if made else content), saving


class _Rows:
    """A weight of four axes as CSR over its last one."""

    def __init__(self, weight: NDArray[Any]) -> None:
        self.shape = weight.shape
        flat = weight.reshape(-1, weight.shape[-1])
        present = flat != 0
        self.values = flat[present]
        ends = np.concatenate([[0], np.cumsum(present.sum(1))])
        self.ends = _narrow(ends, len(self.values))
        self.places = _narrow(np.nonzero(present)[1], weight.shape[-1] - 1)

    @property
    def size(self) -> int:
        """Bytes of values, places and ends."""
        return int(self.values.nbytes + self.places.nbytes + self.ends.nbytes)


def _narrow(numbers: NDArray[Any], largest: int) -> NDArray[Any]:
    for kind in (np.uint8, np.uint16):
        if largest <= np.iinfo(kind).max:
            return numbers.astype(kind)
    return numbers.astype(np.int32)


def _densify(schema: Any, model: Any) -> int:
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.DENSIFY
    code.version = 1
    model.operatorCodes.append(code)
    return len(model.operatorCodes) - 1


def _sparse(schema: Any, model: Any, graph: Any, index: int, rows: _Rows, code: int) -> Any:
    """Make tensor ``index`` the result of widening a sparse one; that operator."""
    wide = graph.tensors[index]
    narrow = schema.TensorT()
    narrow.name, narrow.shape, narrow.type = wide.name + b"_sparse", wide.shape, wide.type
    narrow.sparsity = _sparsity(schema, rows)
    buffer = schema.BufferT()
    buffer.data = rows.values.view(np.uint8)
    model.buffers.append(buffer)
    narrow.buffer, wide.buffer = len(model.buffers) - 1, 0
    graph.tensors.append(narrow)
    operator = schema.OperatorT()
    operator.opcodeIndex, operator.outputs = code, [index]
    operator.inputs = [len(graph.tensors) - 1]
    operator.builtinOptions = schema.DensifyOptionsT()
    operator.builtinOptionsType = schema.BuiltinOptions.DensifyOptions
    return operator


def _sparsity(schema: Any, rows: _Rows) -> Any:
    axes = []
    for side in rows.shape[:-1]:
        axis = schema.DimensionMetadataT()
        axis.format, axis.denseSize = schema.DimensionType.DENSE, side
        axes.append(axis)
    axis = schema.DimensionMetadataT()
    axis.format = schema.DimensionType.SPARSE_CSR
    axis.arraySegmentsType, axis.arraySegments = _vector(schema, rows.ends)
    axis.arrayIndicesType, axis.arrayIndices = _vector(schema, rows.places)
    sparsity = schema.SparsityParametersT()
    sparsity.traversalOrder = list(range(len(rows.shape)))
    sparsity.dimMetadata = [*axes, axis]
    return sparsity


def _vector(schema: Any, numbers: NDArray[Any]) -> tuple[int, Any]:
    """The kind of an index vector in the schema, and the vector."""
    name = {1: "Uint8Vector", 2: "Uint16Vector", 4: "Int32Vector"}[numbers.itemsize]
    vector = getattr(schema, f"{name}T")()
    vector.values = numbers
    return getattr(schema.SparseIndexVector, name), vector
