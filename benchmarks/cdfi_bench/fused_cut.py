"""A fused ONNX graph with its warps cut out: what a frame costs when moving pixels is free.

Only the warp goes. The maps that it reads are computed as in any graph: each head's upsampling,
last convolution and softmax, which the fused operator does inside itself, become ordinary
operators, and so does the resizing of features, without which the synthesis would have nothing to
read. Frames and features then go on unmoved. One channel of each map is added to the frames, so
that no runtime may leave a head out. The values mean nothing; the time is the measure.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import onnx
from cdfi_export.onnx_channels import pad_channels
from cdfi_export.onnx_native import DOMAIN
from cdfi_export.onnx_shapes import GraphView, replace_nodes, view
from cdfi_export.onnx_softmax import write_out_softmax
from cdfi_runtime.errors import InputError
from onnx import helper, numpy_helper

_HEAD = 3  # inputs of each: the hidden map, weights and bias of its last convolution
_SIDE_HEADS = 3  # tap weights, row offsets, column offsets
_FEATURES = 2 + 2 * _SIDE_HEADS * _HEAD  # their first position among the inputs


def cut_warps(fused: onnx.ModelProto) -> onnx.ModelProto:
    """A copy of ``fused`` without its warps, in the forms that ONNX Runtime runs quickest.

    Args:
        fused: float32, of one frame size, from :func:`cdfi_export.onnx_build.plain`.

    Raises:
        InputError: ``fused`` has no native operator, or takes frames of any size.
    """
    model = onnx.ModelProto()
    model.CopyFrom(fused)
    cutters = {"AdaCoFWarp": _cut_warp, "AdaCoFHeadsWarp": _cut_heads}
    nodes = [node for node in model.graph.node if node.domain == DOMAIN]
    known = view(model)
    frame = known.dims[model.graph.input[0].name]
    if not nodes or None in frame:
        raise InputError(
            "there is no warp to cut out of this graph",
            expected="native operators, and frames of one size",
            got=f"{len(nodes)} native operators, frames of {frame}",
        )
    replaced = {}
    for node in nodes:
        builder = _Builder(model, node.output[0])
        cutters[node.op_type](builder, node, known)
        replaced[node.output[0]] = builder.nodes
    replace_nodes(model, replaced)
    kept = [entry for entry in model.opset_import if entry.domain != DOMAIN]
    del model.opset_import[:]
    model.opset_import.extend(kept)
    write_out_softmax(model)
    pad_channels(model)
    return model


class _Builder:
    """Nodes that take the place of one node; their names start with that of its first result."""

    def __init__(self, model: onnx.ModelProto, prefix: str) -> None:
        self._model = model
        self._prefix = prefix
        self._count = 0
        self.nodes: list[onnx.NodeProto] = []

    def add(self, operator: str, *inputs: str, into: str | None = None, **attributes: Any) -> str:
        """Append a node; gives the name of its result, ``into`` if that is told."""
        name = into or self._name()
        self.nodes.append(helper.make_node(operator, inputs, [name], name=name, **attributes))
        return name

    def constant(self, values: Sequence[float], dtype: Any = np.int64) -> str:
        """The name of a new constant of one axis."""
        name = self._name()
        array = np.array(values, dtype)
        self._model.graph.initializer.append(numpy_helper.from_array(array, name))
        return name

    def channels(self, source: str, start: int, stop: int) -> str:
        """Channels ``start`` to ``stop`` of ``source`` (exclusive)."""
        bounds = (self.constant([value]) for value in (start, stop, 1))
        return self.add("Slice", source, *bounds)

    def _name(self) -> str:
        self._count += 1
        return f"{self._prefix}.cut{self._count}"


def _cut_warp(builder: _Builder, node: onnx.NodeProto, _known: GraphView) -> None:
    given = {item.name: helper.get_attribute_value(item) for item in node.attribute}
    image, weight, *offsets = node.input
    if given.get("padded"):
        reach = (given["taps"] - 1) * given["dilation"] // 2
        starts, ends = builder.constant([reach] * 2), builder.constant([-reach] * 2)
        image = builder.add("Slice", image, starts, ends, builder.constant([2, 3]))
    maps = list(offsets)
    if given["taps"] > 1:  # the weight of a single tap is 1, whatever its logit is
        maps.append(builder.add("Softmax", weight, axis=1) if given.get("logits") else weight)
    builder.add("Add", image, _one_channel_each(builder, maps), into=node.output[0])


def _cut_heads(builder: _Builder, node: onnx.NodeProto, known: GraphView) -> None:
    frames, features = node.input[:2], list(node.input[_FEATURES:])
    size = known.dims[frames[0]][2:]
    moved = []
    for side, frame in enumerate(frames):
        first = 2 + side * _SIDE_HEADS * _HEAD
        maps = []
        for start in range(first, first + _SIDE_HEADS * _HEAD, _HEAD):
            hidden, weight, bias = node.input[start : start + _HEAD]
            resized = _resize(builder, hidden, size, known, "align_corners")
            maps.append(builder.add("Conv", resized, weight, bias, pads=[1, 1, 1, 1]))
        maps[0] = builder.add("Softmax", maps[0], axis=1)
        moved.append(builder.add("Add", frame, _one_channel_each(builder, maps)))
    levels = []
    for level in features:
        channels = known.channels(level)
        assert channels is not None  # a convolution's result, whose weights are constant
        levels.append((_resize(builder, level, size, known, "half_pixel"), channels))
    if len(node.output) == 1:
        twice = [name for name, _ in levels for _ in frames]
        builder.add("Concat", *moved, *twice, into=node.output[0], axis=1)
        return
    builder.add("Concat", *moved, into=node.output[0], axis=1)
    group = next(item.i for item in node.attribute if item.name == "group")
    whole = dict(levels)
    for output, pieces in zip(node.output[1:], _groups(levels, group), strict=False):
        parts = [
            name if stop - start == whole[name] else builder.channels(name, start, stop)
            for name, start, stop in pieces
        ]
        builder.add("Concat", *parts, into=output, axis=1)


def _groups(levels: Sequence[tuple[str, int]], group: int) -> Iterator[list[tuple[str, int, int]]]:
    """For each group of channels its parts: name, first channel and one past the last.

    Each level comes twice, for two warps read it. The end is filled up from the start; what reads
    it has weights of zero there.
    """
    twice = [level for level in levels for _ in range(2)]
    found: list[tuple[str, int, int]] = []
    missing = group
    for name, channels in itertools.cycle(twice):
        start = 0
        while start < channels:
            stop = min(channels, start + missing)
            found.append((name, start, stop))
            missing, start = missing - (stop - start), stop
            if not missing:
                yield found
                found, missing = [], group


def _one_channel_each(builder: _Builder, maps: Sequence[str]) -> str:
    """``(1, 1, H, W)`` for which every one of ``maps`` has to be computed."""
    return builder.add("Sum", *(builder.channels(name, 0, 1) for name in maps))


def _resize(
    builder: _Builder, source: str, size: Sequence[int | None], known: GraphView, pixels: str
) -> str:
    """``source`` at ``size``, bilinear."""
    dims = known.dims[source]
    scales = [float(wide) / float(narrow) for wide, narrow in zip(size, dims[2:], strict=True)]  # type: ignore[arg-type]
    options = {"mode": "linear", "coordinate_transformation_mode": pixels}
    if all(scale.is_integer() for scale in scales):  # which keeps ONNX Runtime's blocks
        factors = builder.constant([1, 1, *scales], np.float32)
        return builder.add("Resize", source, "", factors, **options)
    sizes = builder.constant([*dims[:2], *size])  # type: ignore[list-item]
    return builder.add("Resize", source, "", "", sizes, **options)
