"""Weights of an ONNX model in half precision."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

CONVOLUTIONS = ("Conv", "ConvTranspose")

# Measured for cdfi_mobile at 448x256, ONNX Runtime 1.31, one core, interleaved medians: half
# weights 1.00 of float32's time, half activations in the convolutions as well 1.10. The loss was 0
# with both (CPUs without half-precision convolutions compute them in single).
REMARK = (
    "weights are stored in half precision and widened when the file is loaded; activations and "
    "sampling positions are float32, for ONNX Runtime's CPU kernels took 1.10 times as long with "
    "half-precision activations"
)


def halve_weights(model: onnx.ModelProto) -> int:
    """Store the weights of convolutions as float16, each with a Cast; says how many.

    Runtimes fold a Cast of a constant when they load the file, so every operator computes in
    float32 as before, in as much time and on every execution provider. Biases stay float32.
    (onnxruntime.transformers.float16, given operators to leave alone, writes Casts of equal names
    in the wrong order, which ONNX Runtime 1.31 refuses to load.)
    """
    graph = model.graph
    readers: dict[str, set[str]] = {}
    for node in graph.node:
        for position, name in enumerate(node.input):
            weight = node.op_type in CONVOLUTIONS and position == 1
            readers.setdefault(name, set()).add("weight" if weight else "other")
    casts = []
    for tensor in graph.initializer:
        if tensor.data_type != TensorProto.FLOAT or readers.get(tensor.name) != {"weight"}:
            continue
        name = tensor.name
        half = numpy_helper.to_array(tensor).astype(np.float16)
        tensor.CopyFrom(numpy_helper.from_array(half, f"{name}_half"))
        casts.append(
            helper.make_node(
                "Cast", [f"{name}_half"], [name], name=f"{name}_widened", to=TensorProto.FLOAT
            )
        )
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
    return len(casts)
