"""Sparse initializers: the same frames from fewer bytes, where zeros make up for the indices."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import pytest
from cdfi_export.onnx_sparse import HOW, sparsify
from cdfi_runtime.errors import InputError
from onnx import TensorProto, helper, numpy_helper

SHAPES = [(16, 16, 3, 3), (1, 16, 3, 3), (16, 1, 3, 3), (1, 1, 5, 5)]


def convolution(shape: tuple[int, ...], density: float, half: bool = False) -> Any:
    """One convolution without bias; a part ``density`` of its weights is not zero."""
    generator = np.random.default_rng(3)
    weight = generator.standard_normal(shape).astype(np.float16 if half else np.float32)
    weight[generator.random(shape) >= density] = 0
    nodes = [helper.make_node("Conv", ["x", "w"], ["y"])]
    if half:
        nodes.insert(0, helper.make_node("Cast", ["h"], ["w"], to=TensorProto.FLOAT))
    graph = helper.make_graph(
        nodes,
        "one",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, shape[1], 12, 12])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, shape[0], None, None])],
        initializer=[numpy_helper.from_array(weight, "h" if half else "w")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)


def result(model: Any, channels: int) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    x = np.random.default_rng(4).standard_normal((1, channels, 12, 12)).astype(np.float32)
    return session.run(None, {"x": x})[0]


@pytest.mark.parametrize("half", [False, True], ids=["float32", "float16"])
@pytest.mark.parametrize("density", [0.0, 0.1, 0.5, 1.0])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_the_runtime_computes_the_same(shape: tuple[int, ...], density: float, half: bool) -> None:
    model = convolution(shape, density, half)
    expected, size = result(model, shape[1]), model.ByteSize()
    saving = sparsify(model)
    onnx.checker.check_model(model)
    assert np.array_equal(result(model, shape[1]), expected)
    assert saving.sparse + saving.dense == 1
    assert saving.sparse == len(model.graph.sparse_initializer)
    if np.prod(shape) > 1000:
        assert saving.sparse == (density < 0.5)
        assert model.ByteSize() < size if density < 0.5 else model.ByteSize() == size
    assert model.ByteSize() <= size


def test_other_constants_stay() -> None:
    model = convolution((16, 16, 3, 3), 0.1)
    model.graph.initializer.append(numpy_helper.from_array(np.zeros(500, np.float32), "bias"))
    model.graph.initializer.append(numpy_helper.from_array(np.zeros((5, 5, 5, 5), int), "places"))
    assert sparsify(model).sparse == 1
    assert [item.name for item in model.graph.initializer] == ["bias", "places"]


def test_a_form_that_saves_nothing_is_refused() -> None:
    saving = sparsify(convolution((16, 16, 3, 3), 0.5))
    with pytest.raises(InputError, match=r"hardly be smaller(?s:.*)1 weights are smaller with"):
        saving.remark(HOW)


@pytest.mark.parametrize("format", ["onnx", "ort"])
@pytest.mark.parametrize("precision", ["float32", "float16"])
def test_a_sparse_artifact_gives_the_dense_ones_frame(
    export_forms: Callable[..., Any], format: str, precision: str
) -> None:
    forms = export_forms(format=format, precision=precision)
    assert np.array_equal(*forms.frames)
    assert (forms.dense.artifact.form, forms.sparse.artifact.form) == ("dense", "sparse")
    assert forms.sparse.artifact.bytes < forms.dense.artifact.bytes
    assert "size, not speed" in " ".join(forms.sparse.graph.remarks)
    if format == "onnx":
        stored = onnx.load(forms.files[1])
        assert len(stored.graph.sparse_initializer) > 3
        assert '"form":"sparse"' in stored.metadata_props[0].value
