"""The heads' warp in groups of channels, so that no tensor of all of them is ever copied whole."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx
from onnx import helper, numpy_helper

from cdfi_export.onnx_shapes import GraphView, replace_nodes, view

# Of features; a multiple of ONNX Runtime's blocks (8 or 16 channels).
GROUP = 32
FRAMES = 6
_ACTIVATIONS = ("PRelu", "LeakyRelu")


def group_channels(model: onnx.ModelProto) -> int:
    """Let AdaCoFHeadsWarp give the frames and groups of 32 features, and its readers take them so.

    CDFI's synthesis reads 126 channels by two convolutions, one of them behind an activation. In
    one tensor, ONNX Runtime holds it four times over (plain and in blocks, before and after the
    activation), which decides the peak memory of the whole network; 126 is no multiple of a block
    either. A convolution of all channels is the sum of the groups' convolutions. The frames are
    needed to the end, so they are an output of their own. Says how many operators were changed; an
    operator with other readers stays as it is.
    """
    known = view(model)
    changed = 0
    replaced: dict[str, list[onnx.NodeProto]] = {}
    for node in model.graph.node:
        if node.op_type != "AdaCoFHeadsWarp" or len(node.output) > 1:
            continue
        convs = _convolutions(node.output[0], known)
        if not convs:
            continue
        channels = numpy_helper.to_array(known.constants[convs[0].input[1]]).shape[1]
        count = 1 + -(-(channels - FRAMES) // GROUP)
        names = [f"{node.output[0]}.group{index}" for index in range(count)]
        others = [item for item in node.attribute if item.name != "group"]
        del node.attribute[:]
        node.attribute.extend([*others, helper.make_attribute("group", GROUP)])
        for reader in known.readers[node.output[0]]:
            if reader.op_type == "Slice":
                reader.input[0] = names[0]
            elif reader.op_type in _ACTIVATIONS:
                parts = [f"{reader.output[0]}.group{index}" for index in range(len(names))]
                replaced[reader.output[0]] = [
                    _like(reader, [name, *reader.input[1:]], part)
                    for name, part in zip(names, parts, strict=True)
                ]
                for conv in known.readers[reader.output[0]]:
                    replaced[conv.output[0]] = _sum_of_groups(model, conv, parts, known)
            else:
                replaced[reader.output[0]] = _sum_of_groups(model, reader, names, known)
        model.graph.value_info.extend(
            _described(model, node.input[0], name, GROUP if index else FRAMES)
            for index, name in enumerate(names)
        )
        del node.output[:]
        node.output.extend(names)
        changed += 1
    replace_nodes(model, replaced)
    return changed


def _described(model: onnx.ModelProto, frame: str, name: str, channels: int) -> onnx.ValueInfoProto:
    """A group's tensor: as large as the frame. Sums are fused only where sizes are known equal."""
    group = onnx.ValueInfoProto()
    group.CopyFrom(next(value for value in model.graph.input if value.name == frame))
    group.name = name
    axis = group.type.tensor_type.shape.dim[1]
    axis.Clear()
    axis.dim_value = channels
    return group


def _convolutions(name: str, known: GraphView) -> list[onnx.NodeProto]:
    """The convolutions of ``name`` or of an activation of it; none if anything else reads all."""
    found: list[onnx.NodeProto] = []
    for reader in known.readers[name]:
        if reader.op_type in _ACTIVATIONS and not _cannot_be_split(reader, known):
            inner = known.readers[reader.output[0]]
            if not all(_is_plain_conv(item, reader.output[0], known) for item in inner):
                return []
            found += inner
        elif _is_plain_conv(reader, name, known):
            found.append(reader)
        elif not _reads_frames(reader, known):
            return []
    return found if name not in known.outputs else []


def _cannot_be_split(activation: onnx.NodeProto, known: GraphView) -> bool:
    """Whether an activation's result leaves the graph, or its slope is one per channel."""
    slopes = [known.constants.get(name) for name in activation.input[1:]]
    return activation.output[0] in known.outputs or any(
        slope is None or numpy_helper.to_array(slope).size != 1 for slope in slopes
    )


def _is_plain_conv(node: onnx.NodeProto, source: str, known: GraphView) -> bool:
    groups = next((item.i for item in node.attribute if item.name == "group"), 1)
    return (
        node.op_type == "Conv"
        and node.input[0] == source
        and groups == 1
        and node.input[1] in known.constants
    )


def _reads_frames(node: onnx.NodeProto, known: GraphView) -> bool:
    if node.op_type != "Slice" or len(node.input) < 4:
        return False
    values = [known.constants.get(name) for name in node.input[1:4]]
    if any(value is None for value in values):
        return False
    starts, ends, axes = (numpy_helper.to_array(value) for value in values if value is not None)
    return axes.tolist() == [1] and bool(0 <= starts[0] < ends[0] <= FRAMES)


def _like(node: onnx.NodeProto, inputs: Sequence[str], result: str) -> onnx.NodeProto:
    copy = onnx.NodeProto()
    copy.CopyFrom(node)
    copy.name = result
    del copy.input[:], copy.output[:]
    copy.input.extend(inputs)
    copy.output.append(result)
    return copy


def _sum_of_groups(
    model: onnx.ModelProto, conv: onnx.NodeProto, sources: Sequence[str], known: GraphView
) -> list[onnx.NodeProto]:
    weight = numpy_helper.to_array(known.constants[conv.input[1]])
    bounds = [0, *(FRAMES + index * GROUP for index in range(len(sources)))]
    filled = np.pad(weight, ((0, 0), (0, bounds[-1] - weight.shape[1]), (0, 0), (0, 0)))
    layer = conv.input[1].removesuffix(".weight")
    nodes: list[onnx.NodeProto] = []
    total = ""
    for index, source in enumerate(sources):
        # Named as layers are: the quantizer finds convolutions by their weights' names.
        name = f"{layer}.{index}.weight"
        part = filled[:, bounds[index] : bounds[index + 1]]
        model.graph.initializer.append(numpy_helper.from_array(np.ascontiguousarray(part), name))
        last = index + 1 == len(sources)
        result = f"{conv.output[0]}.group{index}"
        bias = conv.input[2:] if index == 0 else []
        if not total:
            total = conv.output[0] if last else result
            nodes.append(_like(conv, [source, name, *bias], total))
            continue
        nodes.append(_like(conv, [source, name], result))
        summed = conv.output[0] if last else f"{result}.sum"
        nodes.append(helper.make_node("Add", [total, result], [summed], name=summed))
        total = summed
    return nodes
