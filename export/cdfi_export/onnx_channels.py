"""Odd channel counts inside an ONNX graph, filled up to what ONNX Runtime's blocks take."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

import numpy as np
import onnx
from onnx import helper, numpy_helper

from cdfi_export.onnx_shapes import GraphView, group_of, replace_nodes, view

# ONNX Runtime's NchwcTransformer reads a convolution's input in blocks only if its channels are a
# multiple of four; below one block (8 with AVX2, 16 with AVX-512 and NEON) it reads it as it is.
_MULTIPLE = 4
_BLOCK = 16
# Pooling would need full blocks; measured for CDFI, filling them up gains nothing.
_UNARY = ("Relu", "LeakyRelu", "Sigmoid", "AveragePool", "MaxPool")
_SUMS = ("Add", "Sum")


def pad_channels(model: onnx.ModelProto) -> int:
    """Widen tensors between convolutions that have an odd number of channels; says how many.

    A convolution of 99 channels keeps the plain layout in ONNX Runtime (1.31, CPU), and so does
    what it is added to; 100 with one of zeros do not. Weights of the convolutions that read a new
    channel are zero there, so it makes no difference what activations make of it. Inputs and
    outputs of the graph, and tensors that other operators read or give, keep their channels.
    """
    known = view(model)
    classes = _Classes()
    blocked = {value.name for value in (*model.graph.input, *model.graph.output)}
    for node in model.graph.node:
        blocked.update(_visit(node, known, classes))
    widths = _widths(known, classes, blocked)
    if not widths:
        return 0
    replaced: dict[str, list[onnx.NodeProto]] = {}
    for node in model.graph.node:
        if _plain_conv(node, known):
            _widen_conv(node, known, widths)
        elif node.op_type == "Concat" and node.output[0] in widths:
            replaced[node.output[0]] = _widened_concat(model, node, known, widths)
    del model.graph.value_info[:]  # their shapes are no longer true
    replace_nodes(model, replaced)
    return len(widths)


class _Classes:
    """Tensors that must have equally many channels (union-find over their names)."""

    def __init__(self) -> None:
        self._parent: dict[str, str] = {}

    def root(self, name: str) -> str:
        parent = self._parent.setdefault(name, name)
        if parent != name:
            parent = self._parent[name] = self.root(parent)
        return parent

    def join(self, *names: str) -> None:
        roots = sorted({self.root(name) for name in names})
        for other in roots[1:]:
            self._parent[other] = roots[0]

    def all(self) -> Iterator[list[str]]:
        members = defaultdict(list)
        for name in self._parent:
            members[self.root(name)].append(name)
        yield from members.values()


def _visit(node: onnx.NodeProto, known: GraphView, classes: _Classes) -> set[str]:
    """Join what ``node`` keeps equally wide; the tensors that it does not let be widened."""
    tensors = {name for name in (*node.input, *node.output) if name not in known.constants}
    result = node.output[0]
    if _plain_conv(node, known):
        # Layers that share weights are widened alike; the same for a bias.
        weight, *bias = (name for name in node.input[1:] if name)
        classes.join(node.input[0], f"inputs of {weight}")
        classes.join(result, *(f"outputs of {name}" for name in (weight, *bias)))
        return set()
    if node.op_type in _UNARY or _one_slope(node, known) or _by_scales(node, known):
        classes.join(node.input[0], result)
        return set()
    if node.op_type in _SUMS and len({known.channels(name) for name in tensors}) == 1:
        classes.join(*tensors)
        return set()
    if node.op_type == "Concat" and any(a.name == "axis" and a.i == 1 for a in node.attribute):
        classes.join(result)
        return tensors - {result}
    return tensors


def _plain_conv(node: onnx.NodeProto, known: GraphView) -> bool:
    constant = all(name in known.constants for name in node.input[1:] if name)
    return node.op_type == "Conv" and group_of(node) == 1 and constant


def _one_slope(node: onnx.NodeProto, known: GraphView) -> bool:
    slope = known.constants.get(node.input[1]) if node.op_type == "PRelu" else None
    return slope is not None and all(size == 1 for size in slope.dims)


def _by_scales(node: onnx.NodeProto, known: GraphView) -> bool:
    """Whether a Resize leaves its channels alone, however many there are."""
    if node.op_type != "Resize" or len(node.input) != 3 or node.input[2] not in known.constants:
        return False
    return float(numpy_helper.to_array(known.constants[node.input[2]])[1]) == 1.0


def _widths(known: GraphView, classes: _Classes, blocked: set[str]) -> dict[str, int]:
    """The new width of each tensor that gets one."""
    widths: dict[str, int] = {}
    for members in classes.all():
        channels = next((c for name in members if (c := known.channels(name))), None)
        if blocked.intersection(members) or channels is None or channels < _BLOCK:
            continue
        if not _worth_it(members, known):
            continue
        width = -(-channels // _MULTIPLE) * _MULTIPLE
        if width != channels:
            widths |= dict.fromkeys(members, width)
    return widths


def _worth_it(members: list[str], known: GraphView) -> bool:
    """Whether the zeros that a concatenation needs are read often enough.

    For cdfi_mobile, whose one such tensor feeds one convolution, they cost what they gained.
    """
    nodes = [known.producer[name] for name in members if name in known.producer]
    readers = [node for name in members for node in known.readers.get(name, [])]
    convs = sum(node.op_type == "Conv" for node in readers)
    return all(node.op_type != "Concat" for node in nodes) or convs > 1


def _widen_conv(conv: onnx.NodeProto, known: GraphView, widths: dict[str, int]) -> None:
    """Fill up the weights and bias of ``conv``, in place: their names say which layer it is."""
    weight = known.constants[conv.input[1]]
    values = numpy_helper.to_array(weight)
    # Nothing is left to do where another reader of the same weights was here before.
    outputs = widths.get(conv.output[0], values.shape[0]) - values.shape[0]
    inputs = widths.get(conv.input[0], values.shape[1]) - values.shape[1]
    values = np.pad(values, [(0, outputs), (0, inputs), (0, 0), (0, 0)])
    weight.CopyFrom(numpy_helper.from_array(values, weight.name))
    if len(conv.input) > 2 and conv.input[2]:
        bias = known.constants[conv.input[2]]
        values = numpy_helper.to_array(bias)
        values = np.pad(values, (0, widths.get(conv.output[0], len(values)) - len(values)))
        bias.CopyFrom(numpy_helper.from_array(values, bias.name))


def _widened_concat(
    model: onnx.ModelProto, concat: onnx.NodeProto, known: GraphView, widths: dict[str, int]
) -> list[onnx.NodeProto]:
    """The nodes of ``concat`` with channels of zeros at the end, of whatever size the frame is."""
    name = concat.output[0]
    channels = known.channels(name)
    assert channels is not None
    count = f"{name}_zeros_count"
    more = np.array([widths[name] - channels], np.int64)
    model.graph.initializer.append(numpy_helper.from_array(more, count))
    first, batch, sides, shape, zeros = (
        concat.input[0],
        *(f"{name}_zeros_{part}" for part in ("batch", "sides", "shape")),
        f"{name}_zeros",
    )
    nodes = [
        helper.make_node("Shape", [first], [batch], name=batch, start=0, end=1),
        helper.make_node("Shape", [first], [sides], name=sides, start=2, end=4),
        helper.make_node("Concat", [batch, count, sides], [shape], name=shape, axis=0),
        helper.make_node("ConstantOfShape", [shape], [zeros], name=zeros),
    ]
    concat.input.append(zeros)
    return [*nodes, concat]
