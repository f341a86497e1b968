"""Convolutions with few outputs after an upsampling, with their channels summed before it."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import helper, numpy_helper

from cdfi_export.onnx_shapes import GraphView, group_of, replace_nodes, view

# Blocked layouts compute at least this many channels at a time (AVX-512, NEON), wanted or not.
_BLOCK = 16


def sum_before_upsampling(model: onnx.ModelProto) -> int:
    """Split thin convolutions of upsampled images in two; says how many.

    A 3x3 convolution to one channel is nine weighted sums over the channels, each moved by a tap
    and added up. Weighted sums of channels and linear upsampling can change places, so the nine
    are a 1x1 convolution at the small size, and only nine channels are upsampled; a second
    convolution by ones and zeros moves and adds them, and its zero padding is the first one's.
    For CDFI's occlusion (48 channels to one, computed as 16) that is a tenth of the products.

    Done where taps times outputs fill at most one block of channels, and inputs fill more.
    """
    known = view(model)
    replaced: dict[str, list[onnx.NodeProto]] = {}
    for conv in model.graph.node:
        resize = known.producer.get(conv.input[0]) if conv.input else None
        if resize is None or not _fits(conv, resize, known):
            continue
        weight = numpy_helper.to_array(known.constants[conv.input[1]])
        outputs, inputs, rows, columns = weight.shape
        taps = rows * columns
        name = conv.output[0]
        sums = weight.transpose(0, 2, 3, 1).reshape(outputs * taps, inputs, 1, 1)
        ones = np.eye(outputs * taps, dtype=np.float32).reshape(outputs, taps, outputs * taps)
        moves = ones.transpose(0, 2, 1).reshape(outputs, outputs * taps, rows, columns)
        model.graph.initializer.extend(
            (
                numpy_helper.from_array(np.ascontiguousarray(sums), f"{name}_sums"),
                numpy_helper.from_array(moves, f"{name}_moves"),
            )
        )
        first = helper.make_node(
            "Conv", [resize.input[0], f"{name}_sums"], [f"{name}_summed"], name=f"{name}_summed"
        )
        larger = onnx.NodeProto()
        larger.CopyFrom(resize)
        larger.name = larger.output[0] = f"{name}_upsampled"
        larger.input[0] = f"{name}_summed"
        last = onnx.NodeProto()
        last.CopyFrom(conv)
        last.input[0], last.input[1] = f"{name}_upsampled", f"{name}_moves"
        replaced[resize.output[0]] = []
        replaced[name] = [first, larger, last]
    replace_nodes(model, replaced)
    return sum(bool(nodes) for nodes in replaced.values())


def _fits(conv: onnx.NodeProto, resize: onnx.NodeProto, known: GraphView) -> bool:
    if conv.op_type != "Conv" or resize.op_type != "Resize" or group_of(conv) != 1:
        return False
    weight = known.constants.get(conv.input[1])
    if weight is None or len(weight.dims) != 4:
        return False
    outputs, inputs, rows, columns = weight.dims
    settings = {item.name: helper.get_attribute_value(item) for item in resize.attribute}
    strided = any(item.name == "strides" and set(item.ints) != {1} for item in conv.attribute)
    # By scales only: by sizes, the number of channels would be among them.
    by_scales = len(resize.input) == 3 and resize.input[2] in known.constants
    return (
        by_scales
        and not strided
        and settings.get("mode") == b"linear"
        and known.read_once(resize.output[0])
        and outputs * rows * columns <= _BLOCK < inputs
    )
