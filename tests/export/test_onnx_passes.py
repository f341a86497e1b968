"""Passes over convolutions of ONNX graphs: the same values, and the layout they are meant for."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import onnx
import pytest
from cdfi_export.onnx_channels import pad_channels
from cdfi_export.onnx_prelu import fuse_prelus
from cdfi_export.onnx_shapes import view
from cdfi_export.onnx_thin import sum_before_upsampling
from onnx import TensorProto, helper, numpy_helper

onnxruntime = pytest.importorskip("onnxruntime")

SIZES = ((8, 12), (16, 10))


class Graph:
    """A random network under construction: every method adds a node and names its result."""

    def __init__(self) -> None:
        self.random = np.random.default_rng(1)
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def constant(self, value: object, name: str | None = None) -> str:
        name = name or f"constant{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def add(self, kind: str, *inputs: str, **settings: object) -> str:
        name = f"t{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [name], name=name, **settings))
        return name

    def weight(self, outputs: int, inputs: int) -> tuple[str, str]:
        scale = np.float32((inputs * 9) ** -0.5)
        weight = self.random.standard_normal((outputs, inputs, 3, 3), dtype=np.float32) * scale
        return self.constant(weight), self.constant(weight[:, 0, 0, 0])

    def conv(self, source: str, weight: tuple[str, str]) -> str:
        return self.add("Conv", source, *weight, pads=[1, 1, 1, 1])

    def prelu(self, source: str, slope: float) -> str:
        return self.add("PRelu", source, self.constant(np.full((1, 1, 1), slope, np.float32)))

    def resize(self, source: str, mode: str) -> str:
        scales = self.constant(np.array([1, 1, 2, 2], np.float32))
        return self.add(
            "Resize", source, "", scales, mode="linear", coordinate_transformation_mode=mode
        )

    def model(self, *results: str) -> onnx.ModelProto:
        """From ``x``, 6 channels of any size, to ``results``."""
        image = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 6, "h", "w"])
        outputs = [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, [None] * 4) for name in results
        ]
        graph = helper.make_graph(self.nodes, "graph", [image], outputs, self.constants)
        opset = [helper.make_opsetid("", 18)]
        model = helper.make_model(graph, opset_imports=opset, ir_version=9)
        onnx.checker.check_model(model, full_check=True)
        return model


def unet() -> onnx.ModelProto:
    """Odd widths through activations, pooling, resizing, sums, a concatenation, shared weights."""
    graph = Graph()
    wide = graph.add("Relu", graph.conv("x", graph.weight(19, 6)))
    skip = graph.add("Sigmoid", graph.conv(wide, graph.weight(21, 19)))
    pool = {"kernel_shape": [2, 2], "strides": [2, 2]}
    low = graph.conv(graph.add("AveragePool", skip, **pool), graph.weight(21, 21))
    shared = graph.weight(21, 21)
    up = graph.prelu(graph.conv(graph.resize(low, "align_corners"), shared), 0.2)
    total = graph.add("Add", up, graph.conv(skip, shared))
    joined = graph.add("Concat", total, "x", axis=1)
    body = graph.conv(graph.prelu(joined, 0.3), graph.weight(25, 27))
    residual = graph.add("Add", graph.prelu(body, -0.1), graph.conv(joined, graph.weight(25, 27)))
    return graph.model(graph.conv(residual, graph.weight(3, 25)), graph.conv(low, shared))


def run(model: onnx.ModelProto, height: int, width: int) -> list[np.ndarray]:
    x = np.random.default_rng(0).standard_normal((1, 6, height, width), dtype=np.float32)
    providers = ["CPUExecutionProvider"]
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=providers)
    results: list[np.ndarray] = session.run(None, {"x": x})
    return results


def assert_same(changed: onnx.ModelProto, plain: onnx.ModelProto) -> None:
    onnx.checker.check_model(changed, full_check=True)
    for size in SIZES:
        for found, wanted in zip(run(changed, *size), run(plain, *size), strict=True):
            np.testing.assert_allclose(found, wanted, atol=1e-5 * np.abs(wanted).max(), rtol=0)


def test_padded_channels_change_nothing() -> None:
    changed = unet()
    assert pad_channels(changed) > 0
    assert_same(changed, unet())
    known = view(changed)
    widths = {
        known.channels(node.input[0]) for node in changed.graph.node if node.op_type == "Conv"
    }
    assert widths == {6, 20, 24, 28}  # all that is at least a block is a multiple of four


def test_what_the_graph_gives_keeps_its_channels() -> None:
    graph = Graph()
    seen = graph.conv("x", graph.weight(19, 6))
    model = graph.model(seen, graph.conv(seen, graph.weight(3, 19)))
    before = model.SerializeToString(deterministic=True)
    assert pad_channels(model) == 0
    assert model.SerializeToString(deterministic=True) == before


def test_shared_weights_are_padded_for_all_or_for_none() -> None:
    graph = Graph()
    shared = graph.weight(19, 19)
    inside = graph.conv(graph.conv("x", graph.weight(19, 6)), shared)
    model = graph.model(inside, graph.conv(inside, shared))
    assert pad_channels(model) == 0
    assert_same(model, model)


@pytest.mark.parametrize("slope", [0.25, -0.1, 1.5])
def test_a_prelu_with_one_slope_is_a_leaky_relu(slope: float) -> None:
    graph = Graph()
    first = graph.prelu(graph.conv("x", graph.weight(16, 6)), slope)
    total = graph.add("Add", first, graph.conv(first, graph.weight(16, 16)))
    plain = graph.model(graph.conv(graph.prelu(total, slope / 2), graph.weight(3, 16)), total)
    changed = onnx.ModelProto()
    changed.CopyFrom(plain)
    assert fuse_prelus(changed) == 2
    assert_same(changed, plain)
    kinds = Counter(node.op_type for node in changed.graph.node)
    assert kinds["PRelu"] == 0
    assert kinds["Conv"] == 4  # one more, before the activation of a sum


def test_a_prelu_with_many_slopes_stays() -> None:
    graph = Graph()
    slopes = graph.constant(np.linspace(0.1, 0.5, 6, dtype=np.float32).reshape(6, 1, 1))
    model = graph.model(graph.add("PRelu", "x", slopes))
    assert fuse_prelus(model) == 0
    assert model.graph.node[0].op_type == "PRelu"


@pytest.mark.parametrize("mode", ["align_corners", "half_pixel"])
def test_few_outputs_are_summed_before_upsampling(mode: str) -> None:
    graph = Graph()
    wide = graph.add("Relu", graph.conv("x", graph.weight(24, 6)))
    thin = graph.conv(graph.resize(wide, mode), graph.weight(1, 24))
    plain = graph.model(graph.add("Sigmoid", thin))
    changed = onnx.ModelProto()
    changed.CopyFrom(plain)
    assert sum_before_upsampling(changed) == 1
    assert_same(changed, plain)
    known = view(changed)
    (resize,) = (node for node in changed.graph.node if node.op_type == "Resize")
    assert known.channels(resize.output[0]) == 9


@pytest.mark.parametrize("outputs", [1, 2])
def test_upsampled_images_that_others_need_are_left(outputs: int) -> None:
    graph = Graph()
    larger = graph.resize(graph.conv("x", graph.weight(24, 6)), "half_pixel")
    thin = graph.conv(larger, graph.weight(outputs, 24))
    model = graph.model(thin, *([larger] if outputs == 1 else []))
    assert sum_before_upsampling(model) == 0


def test_all_passes_together_leave_nothing_in_the_plain_layout(tmp_path: Path) -> None:
    changed = unet()
    assert sum_before_upsampling(changed) == 0
    pad_channels(changed)
    fuse_prelus(changed)
    assert_same(changed, unet())
    again = unet()
    pad_channels(again)
    fuse_prelus(again)
    assert again.SerializeToString(deterministic=True) == changed.SerializeToString(
        deterministic=True
    )
    optimised = tmp_path / "optimised.onnx"
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(optimised)
    options.log_severity_level = 3
    content = changed.SerializeToString()
    onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    kinds = Counter((node.op_type, node.domain) for node in onnx.load(optimised).graph.node)
    if ("Conv", "com.microsoft.nchwc") not in kinds:
        pytest.skip("this CPU has no blocked layout in ONNX Runtime")
    assert kinds["Conv", ""] == 0
    assert kinds["FusedConv", "com.microsoft"] == 0
    assert kinds["PRelu", ""] == 0
