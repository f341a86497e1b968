"""Sparse tensors in TFLite files: the same values in LiteRT, from fewer bytes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from cdfi_export.litert_file import read_model, write_model
from cdfi_export.litert_sparse import sparsify

pytest.importorskip("ai_edge_litert")


def convolution(shape: tuple[int, ...], density: float, half: bool) -> bytes:
    """One convolution whose weight is ``(out, height, width, in)``."""
    from ai_edge_litert import schema_py_generated as schema

    model, graph = schema.ModelT(), schema.SubGraphT()
    model.version, model.subgraphs, model.buffers = 3, [graph], [schema.BufferT()]
    model.operatorCodes, model.metadata, model.signatureDefs = [], [], []
    graph.tensors, graph.operators = [], []

    def tensor(name: str, sides: tuple[int, ...], values: Any = None) -> int:
        made = schema.TensorT()
        made.name, made.shape, made.buffer = name, list(sides), 0
        made.type = schema.TensorType.FLOAT32
        if values is not None:
            if values.dtype == np.float16:
                made.type = schema.TensorType.FLOAT16
            buffer = schema.BufferT()
            buffer.data = np.frombuffer(values.tobytes(), np.uint8)
            model.buffers.append(buffer)
            made.buffer = len(model.buffers) - 1
        graph.tensors.append(made)
        return len(graph.tensors) - 1

    def operator(name: str, inputs: list[int], output: int, options: str) -> None:
        code, made = schema.OperatorCodeT(), schema.OperatorT()
        code.builtinCode = code.deprecatedBuiltinCode = getattr(schema.BuiltinOperator, name)
        code.version = 3 if name == "DEQUANTIZE" else 1
        model.operatorCodes.append(code)
        made.opcodeIndex, made.inputs, made.outputs = len(model.operatorCodes) - 1, inputs, [output]
        made.builtinOptions = getattr(schema, f"{options}T")()
        made.builtinOptionsType = getattr(schema.BuiltinOptions, options)
        if name == "CONV_2D":
            made.builtinOptions.strideW = made.builtinOptions.strideH = 1
            made.builtinOptions.dilationWFactor = made.builtinOptions.dilationHFactor = 1
        graph.operators.append(made)

    generator = np.random.default_rng(3)
    weight = generator.standard_normal(shape).astype(np.float16 if half else np.float32)
    weight[generator.random(shape) >= density] = 0
    x, y = tensor("x", (1, 12, 12, shape[3])), tensor("y", (1, 12, 12, shape[0]))
    held = tensor("w", shape, weight)
    if half:
        wide = tensor("wide", shape)
        operator("DEQUANTIZE", [held], wide, "DequantizeOptions")
        held = wide
    bias = tensor("b", shape[:1], np.zeros(shape[0], np.float32))
    operator("CONV_2D", [x, held, bias], y, "Conv2DOptions")
    graph.inputs, graph.outputs = [x], [y]
    return write_model(model, 1 << 16)


def result(content: bytes, delegate: bool) -> Any:
    from ai_edge_litert import interpreter

    kinds = interpreter.OpResolverType
    session = interpreter.Interpreter(
        model_content=content,
        num_threads=1,
        experimental_op_resolver_type=kinds.AUTO
        if delegate
        else kinds.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    )
    session.allocate_tensors()
    (entry,) = session.get_input_details()
    x = np.random.default_rng(4).standard_normal(entry["shape"]).astype(np.float32)
    for _ in range(2):  # the interpreter makes weights dense in the first one
        session.set_tensor(entry["index"], x)
        session.invoke()
    return session.get_tensor(session.get_output_details()[0]["index"])


@pytest.mark.parametrize("half", [False, True], ids=["float32", "float16"])
@pytest.mark.parametrize("density", [0.0, 0.1, 0.4, 1.0])
@pytest.mark.parametrize(
    "shape", [(16, 3, 3, 16), (1, 3, 3, 16), (16, 3, 3, 1), (1, 1, 1, 1), (2, 1, 1, 300)], ids=str
)
def test_the_runtime_computes_the_same(shape: tuple[int, ...], density: float, half: bool) -> None:
    dense = convolution(shape, density, half)
    sparse, saving = sparsify(dense)
    assert saving.sparse + saving.dense == 1
    for delegate in (True, False):
        assert np.array_equal(result(sparse, delegate), result(dense, delegate))
    if shape == (16, 3, 3, 16):
        assert saving.sparse == (density < 0.5)
        assert (len(sparse) < len(dense)) == (density < 0.5)
    if density == 1:
        assert sparse == dense


def test_indices_of_two_bytes() -> None:
    sparse, saving = sparsify(convolution((2, 1, 1, 300), 0.2, half=False))
    assert saving.sparse == 1
    schema, model = read_model(sparse)
    (made,) = [item.sparsity for item in model.subgraphs[0].tensors if item.sparsity is not None]
    last = made.dimMetadata[-1]
    assert last.arrayIndicesType == schema.SparseIndexVector.Uint16Vector
    assert last.arraySegmentsType == schema.SparseIndexVector.Uint8Vector


def test_weights_behind_the_flatbuffer_are_brought_in() -> None:
    """The quantizer puts large ones there."""
    plain = convolution((16, 3, 3, 16), 0.1, half=True)
    _, model = read_model(plain)
    weight = model.buffers[1]
    data, weight.data, weight.size = bytes(weight.data), None, 16 * 9 * 16 * 2
    weight.offset = 1 << 20
    weight.offset = len(write_model(model, 1 << 16))
    split = write_model(model, 1 << 16) + data
    expected = result(plain, True)
    assert np.array_equal(result(split, True), expected)
    sparse, saving = sparsify(split)
    assert saving.sparse == 1
    assert np.array_equal(result(sparse, True), expected)


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["float32", "float16"])
def test_a_sparse_artifact_gives_the_dense_ones_frame(
    export_forms: Callable[..., Any], precision: str
) -> None:
    pytest.importorskip("litert_torch")
    forms = export_forms(format="litert", precision=precision)
    assert np.array_equal(*forms.frames)
    assert forms.sparse.artifact.form == "sparse"
    assert forms.sparse.artifact.bytes < forms.dense.artifact.bytes
    assert forms.sparse.graph.operators["DENSIFY"] > 3
    assert "size, not speed" in " ".join(forms.sparse.graph.remarks)
