"""``cdfi.AdaCoFWarp`` in the stock LiteRT, against the slow float64 reference.

What these hold besides the values is ``litert_abi.h``: a struct declared other than the
interpreter's has no chance to find its nodes, tensors, shapes, options and messages.
"""

from __future__ import annotations

import itertools
import struct
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
from cdfi_model.spec import Offsets, Sampling, WarpSpec
from cdfi_model.warp.reference import reference_warp
from cdfi_runtime.litert_warp import OPERATOR, warp_delegate
from numpy.typing import NDArray

interpreter_module = pytest.importorskip("ai_edge_litert.interpreter")
flatbuffers = pytest.importorskip("flatbuffers")

Array = NDArray[np.float32]
INPUTS = ("image", "weight", "alpha", "beta")


def options(spec: WarpSpec, logits: int = 0, padded: int = 0) -> bytes:
    numbers = (spec.taps, spec.dilation, get_args(Sampling).index(spec.sampling), logits, padded)
    return struct.pack("<4s6i", b"CDFI", 1, *numbers)


def model(inputs: dict[str, Array], custom: bytes, warps: int = 1, own: str = OPERATOR) -> bytes:
    """A file that negates ``weight`` twice, warps ``image`` so many times, and negates that."""
    from ai_edge_litert import schema_py_generated as schema

    codes = [schema.OperatorCodeT(), schema.OperatorCodeT()]
    negate, custom_code = schema.BuiltinOperator.NEG, schema.BuiltinOperator.CUSTOM
    for code, number in zip(codes, (negate, custom_code), strict=True):
        code.builtinCode = code.deprecatedBuiltinCode = number
        code.version = 1
    codes[1].customCode = own.encode()
    graph = schema.SubGraphT()
    graph.tensors, graph.operators = [], []

    def tensor(name: str, shape: tuple[int, ...]) -> int:
        made = schema.TensorT()
        made.name, made.shape, made.type = name.encode(), list(shape), schema.TensorType.FLOAT32
        graph.tensors.append(made)
        return len(graph.tensors) - 1

    def node(code: int, sources: list[int], name: str, shape: tuple[int, ...]) -> int:
        made = schema.OperatorT()
        made.opcodeIndex, made.inputs, made.outputs = code, sources, [tensor(name, shape)]
        if code == 1:
            made.customOptions = list(custom)
        graph.operators.append(made)
        return made.outputs[0]

    image, weight, alpha, beta = (tensor(name, inputs[name].shape) for name in INPUTS)
    maps = inputs["weight"].shape
    weight_again = node(0, [node(0, [weight], "negative", maps)], "again", maps)
    shape = (*inputs["image"].shape[:2], *maps[2:])
    current = image
    for number in range(warps):
        current = node(1, [current, weight_again, alpha, beta], f"warped{number}", shape)
    graph.inputs = [image, weight, alpha, beta]
    graph.outputs = [node(0, [current], "out", shape)]
    whole = schema.ModelT()
    whole.version, whole.operatorCodes, whole.subgraphs = 3, codes, [graph]
    whole.buffers = [schema.BufferT()]
    builder = flatbuffers.Builder(1024)
    builder.Finish(whole.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def run(content: bytes, inputs: dict[str, Array], threads: int = 1) -> Array:
    interpreter = opened(content, threads)
    for item in interpreter.get_input_details():
        interpreter.set_tensor(item["index"], inputs[item["name"]])
    interpreter.invoke()
    result: Array = -interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    return result


def opened(content: bytes, threads: int = 1) -> Any:
    interpreter = interpreter_module.Interpreter(
        model_content=content,
        num_threads=threads,
        experimental_delegates=[warp_delegate(interpreter_module)],
    )
    interpreter.allocate_tensors()
    return interpreter


@pytest.fixture(autouse=True)
def library(native_library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CDFI_NATIVE_LIBRARY", str(native_library))


def make_inputs(spec: WarpSpec, channels: int, size: tuple[int, int]) -> dict[str, Array]:
    """Normalised weights, and offsets that float32 holds exactly."""
    random = np.random.default_rng([spec.taps, channels, *size])
    powers = np.exp(random.standard_normal((2, spec.taps**2, *size)))
    arrays = (
        random.random((2, channels, *size)),
        powers / powers.sum(axis=1, keepdims=True),
        *np.round(random.standard_normal((2, 2, spec.offset_maps, *size)) * 256) / 64,
    )
    return {name: array.astype(np.float32) for name, array in zip(INPUTS, arrays, strict=True)}


def reference(inputs: dict[str, Array], spec: WarpSpec) -> NDArray[np.float64]:
    return reference_warp(*(inputs[name].astype(np.float64) for name in INPUTS), spec)


@pytest.mark.parametrize("threads", [1, 2])
def test_the_operator_equals_the_reference(threads: int) -> None:
    for sampling, offsets in itertools.product(get_args(Sampling), get_args(Offsets)):
        spec = WarpSpec(5, 2, sampling, offsets)
        inputs = make_inputs(spec, 7, (9, 19))
        expected = reference(inputs, spec)
        logits = {**inputs, "weight": np.log(inputs["weight"])}
        sides = ((0, 0), (0, 0), (spec.reach,) * 2, (spec.reach,) * 2)
        padded = {**inputs, "image": np.pad(inputs["image"], sides, mode="edge")}
        for given, flags in ((inputs, {}), (logits, {"logits": 1}), (padded, {"padded": 1})):
            out = run(model(given, options(spec, **flags)), given, threads)
            assert np.abs(out - expected).max() <= 1e-5, (sampling, offsets, flags)


def test_one_warp_after_the_other() -> None:
    spec = WarpSpec(3, 1, "bilinear", "shared")
    inputs = make_inputs(spec, 3, (8, 6))
    once = reference(inputs, spec).astype(np.float32)
    expected = reference({**inputs, "image": once}, spec)
    out = run(model(inputs, options(spec), warps=2), inputs)
    assert np.abs(out - expected).max() <= 1e-5
    assert np.abs(out - once).max() > 0.01


def test_many_interpreters_come_and_go() -> None:
    spec = WarpSpec(3, 1, "truncate")
    inputs = make_inputs(spec, 3, (5, 7))
    content = model(inputs, options(spec))
    alive = [opened(content) for _ in range(8)]
    del alive[::2]
    assert np.abs(run(content, inputs) - reference(inputs, spec)).max() <= 1e-5
    for interpreter in alive:
        interpreter.invoke()


def test_what_does_not_fit_is_said() -> None:
    spec = WarpSpec(3, 1, "truncate")
    inputs = make_inputs(spec, 3, (5, 7))
    fewer = {**inputs, "beta": inputs["beta"][:, :4]}
    with pytest.raises(RuntimeError, match=r"\(2, 9, 5, 7\)"):
        opened(model(fewer, options(spec)))
    with pytest.raises(RuntimeError, match=r"1 \.\.\. 1024, got 3 and 0"):
        opened(model(inputs, options(WarpSpec(3, 0, "truncate"))))
    for wrong in (b"", options(spec)[:-1], b"JUNK" + options(spec)[4:]):
        with pytest.raises(RuntimeError, match="options cannot be read"):
            opened(model(inputs, wrong))
    unknown = bytearray(options(spec))
    unknown[16:20] = struct.pack("<i", 7)
    with pytest.raises(RuntimeError, match="unknown"):
        run(model(inputs, bytes(unknown)), inputs)


def test_other_operators_are_left_alone() -> None:
    spec = WarpSpec(3, 1, "truncate")
    inputs = make_inputs(spec, 3, (5, 7))
    with pytest.raises((RuntimeError, ValueError), match=r"unresolved custom op: cdfi\.Other"):
        opened(model(inputs, options(spec), own="cdfi.Other"))
