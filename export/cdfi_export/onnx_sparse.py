"""Weights of an ONNX model as sparse initializers, which ONNX Runtime makes dense when it loads.

An initializer of any rank may be sparse, at positions in the flattened tensor. Indices are 64-bit
by ONNX's definition: 12 bytes for each float32 that is not zero, 10 for each float16, so that the
file shrinks below a density of a third, or a fifth. (In its own format ONNX Runtime narrows them.)
"""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from cdfi_export.sparse_form import Saving

HOW = "as ONNX's sparse initializers, which other runtimes than ONNX Runtime may lack"
_WEIGHT_RANK = 4
_KINDS = (TensorProto.FLOAT, TensorProto.FLOAT16)


def sparsify(model: onnx.ModelProto) -> Saving:
    """Make the weights sparse that are smaller so, in place; nodes and names stay."""
    graph = model.graph
    kept, saved = [], []
    dense = before = after = left = 0
    for tensor in graph.initializer:
        if len(tensor.dims) != _WEIGHT_RANK or tensor.data_type not in _KINDS:
            kept.append(tensor)
            continue
        made = _sparse(tensor)
        if made.ByteSize() < tensor.ByteSize():
            saved.append(made)
            before, after = before + tensor.ByteSize(), after + made.ByteSize()
        else:
            kept.append(tensor)
            dense, left = dense + 1, left + tensor.ByteSize()
    # Copied first: deleting a field frees what its items point to.
    rest = [onnx.TensorProto.FromString(item.SerializeToString()) for item in kept]
    del graph.initializer[:]
    graph.initializer.extend(rest)
    graph.sparse_initializer.extend(saved)
    return Saving(len(saved), dense, before, after, left)


def _sparse(tensor: onnx.TensorProto) -> onnx.SparseTensorProto:
    flat = numpy_helper.to_array(tensor).ravel()
    places = np.flatnonzero(flat).astype(np.int64)
    return helper.make_sparse_tensor(
        numpy_helper.from_array(flat[places], tensor.name),
        numpy_helper.from_array(places, f"{tensor.name}_places"),
        list(tensor.dims),
    )
