"""Channels of the tensors of an ONNX graph, and who reads them: what passes over layers ask."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import onnx

_CHANNEL_AXIS = 1


@dataclass(frozen=True)
class GraphView:
    """A look at a graph before it is changed; it does not follow later changes.

    Attributes:
        dims: Sizes of each tensor of known rank; ``None`` where only a running graph knows.
        producer: The node that gives each tensor.
        readers: The nodes that read each tensor, once per input.
        outputs: Names of the graph's outputs.
        constants: Initializers by name.
    """

    dims: dict[str, tuple[int | None, ...]]
    producer: dict[str, onnx.NodeProto]
    readers: dict[str, list[onnx.NodeProto]]
    outputs: frozenset[str]
    constants: dict[str, onnx.TensorProto]

    def channels(self, name: str) -> int | None:
        """Channels of the image ``name`` ``(N, C, H, W)``; ``None`` if unknown or no image."""
        dims = self.dims.get(name, ())
        return dims[_CHANNEL_AXIS] if len(dims) == 4 else None

    def read_once(self, name: str) -> bool:
        """Whether one node reads ``name``, and the graph does not give it out."""
        return len(self.readers[name]) == 1 and name not in self.outputs


def view(model: onnx.ModelProto) -> GraphView:
    """What is known of ``model`` now, by ONNX's shape inference."""
    inferred = onnx.shape_inference.infer_shapes(model, data_prop=True).graph
    dims: dict[str, tuple[int | None, ...]] = {}
    for value in (*inferred.input, *inferred.value_info, *inferred.output):
        shape = value.type.tensor_type.shape
        dims[value.name] = tuple(
            axis.dim_value if axis.HasField("dim_value") else None for axis in shape.dim
        )
    producer: dict[str, onnx.NodeProto] = {}
    readers: dict[str, list[onnx.NodeProto]] = defaultdict(list)
    for node in model.graph.node:
        producer |= dict.fromkeys(node.output, node)
        for name in node.input:
            readers[name].append(node)
    constants = {tensor.name: tensor for tensor in model.graph.initializer}
    outputs = frozenset(value.name for value in model.graph.output)
    return GraphView(dims, producer, readers, outputs, constants)


def group_of(conv: onnx.NodeProto) -> int:
    """The groups of a convolution."""
    return next((item.i for item in conv.attribute if item.name == "group"), 1)


def replace_nodes(model: onnx.ModelProto, replaced: dict[str, list[onnx.NodeProto]]) -> None:
    """Put the listed nodes where the node with that first output stands, and drop what is unread.

    Only constants are dropped: nodes whose results nobody reads any more are the caller's.
    """
    nodes: list[onnx.NodeProto] = []
    for node in model.graph.node:
        nodes += replaced.get(node.output[0], [node])
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    read = {name for node in nodes for name in node.input}
    read |= {value.name for value in model.graph.output}
    kept = [tensor for tensor in model.graph.initializer if tensor.name in read]
    del model.graph.initializer[:]
    model.graph.initializer.extend(kept)
