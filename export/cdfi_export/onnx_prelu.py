"""PReLU with one slope as the leaky ReLU that ONNX Runtime fuses into convolutions."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import helper, numpy_helper

from cdfi_export.onnx_shapes import GraphView, replace_nodes, view


def fuse_prelus(model: onnx.ModelProto) -> int:
    """Replace every PRelu with one constant slope by LeakyRelu; says how many.

    ONNX Runtime (1.31, CPU) has PRelu in the plain layout only: between convolutions in its blocked
    layout each one costs two reorderings of the whole tensor and a pass over it. LeakyRelu is part
    of a convolution when it is all that reads it. Elsewhere (a residual block begins with an
    activation of a sum) there is no convolution to be part of, and LeakyRelu alone would be
    reordered too: a depthwise 1x1 convolution by ones goes before it, which is exact and one pass.
    """
    known = view(model)
    replaced: dict[str, list[onnx.NodeProto]] = {}
    for node in model.graph.node:
        slope = _slope(node, known)
        if slope is None:
            continue
        source, result = node.input[0], node.output[0]
        nodes = []
        channels = known.channels(source)
        if not _ends_conv(source, known) and channels is not None:
            ones = f"{result}_ones"
            weight = np.ones((channels, 1, 1, 1), np.float32)
            model.graph.initializer.append(numpy_helper.from_array(weight, ones))
            copy = f"{result}_copy"
            nodes.append(
                helper.make_node("Conv", [source, ones], [copy], name=copy, group=channels)
            )
            source = copy
        name = node.name or result
        nodes.append(helper.make_node("LeakyRelu", [source], [result], name=name, alpha=slope))
        replaced[result] = nodes
    replace_nodes(model, replaced)
    return len(replaced)


def _slope(node: onnx.NodeProto, known: GraphView) -> float | None:
    """The one slope of a PRelu; ``None`` for other nodes and for several slopes."""
    if node.op_type != "PRelu" or node.input[1] not in known.constants:
        return None
    slope = numpy_helper.to_array(known.constants[node.input[1]])
    return float(slope.reshape(-1)[0]) if slope.size == 1 else None


def _ends_conv(name: str, known: GraphView) -> bool:
    """Whether an activation of ``name`` can be part of the convolution that gives it."""
    node = known.producer.get(name)
    return node is not None and node.op_type == "Conv" and known.read_once(name)
