"""Softmax over channels written out for ONNX Runtime: the same values, no overflow."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from cdfi_export.onnx_softmax import write_out_softmax
from onnx import TensorProto, helper

onnxruntime = pytest.importorskip("onnxruntime")


def softmax_model(axis: int) -> onnx.ModelProto:
    values = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 9, 4, 5]) for name in ("x", "y")
    ]
    node = helper.make_node("Softmax", ["x"], ["y"], axis=axis)
    graph = helper.make_graph([node], "graph", values[:1], values[1:])
    opset = [helper.make_opsetid("", 18)]
    return helper.make_model(graph, opset_imports=opset, ir_version=9)


def run(model: onnx.ModelProto, x: np.ndarray) -> np.ndarray:
    providers = ["CPUExecutionProvider"]
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=providers)
    result: np.ndarray = session.run(None, {"x": x})[0]
    return result


@pytest.mark.parametrize("scale", [1.0, 1e4])
def test_the_values_stay(scale: float) -> None:
    x = (np.random.default_rng(0).standard_normal((1, 9, 4, 5)) * scale).astype(np.float32)
    plain, written = softmax_model(1), softmax_model(1)
    assert write_out_softmax(written) == 1
    onnx.checker.check_model(written)
    assert "Softmax" not in {node.op_type for node in written.graph.node}
    np.testing.assert_allclose(run(written, x), run(plain, x), atol=1e-6)


@pytest.mark.parametrize("axis", [3, -1])
def test_the_last_axis_is_left_alone(axis: int) -> None:
    model = softmax_model(axis)
    before = model.SerializeToString(deterministic=True)
    assert write_out_softmax(model) == 0
    assert model.SerializeToString(deterministic=True) == before
