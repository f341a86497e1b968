"""The native operators in the stock LiteRT.

``cdfi.AdaCoFWarp`` is held against the slow float64 reference, and ``cdfi.AdaCoFHeadsWarp`` against
the same kernel called from numpy. What these hold besides the values is ``litert_abi.h``: a struct
declared other than the interpreter's has no chance to find its nodes, tensors, shapes, options and
messages.
"""

from __future__ import annotations

import itertools
import os
import struct
import sys
import types
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
from cdfi_model.spec import Offsets, Sampling, WarpSpec
from cdfi_model.warp.reference import reference_warp
from cdfi_runtime import litert_operators, litert_probe
from cdfi_runtime.litert_operators import HEADS_WARP, WARP, load_delegate, native_delegate
from cdfi_runtime.native import NativeError
from cdfi_runtime.native_heads import Head, heads_warp
from numpy.typing import NDArray

interpreter_module = pytest.importorskip("ai_edge_litert.interpreter")
flatbuffers = pytest.importorskip("flatbuffers")

Array = NDArray[np.float32]
INPUTS = ("image", "weight", "alpha", "beta")


def options(spec: WarpSpec, logits: int = 0, padded: int = 0) -> bytes:
    numbers = (spec.taps, spec.dilation, get_args(Sampling).index(spec.sampling), logits, padded)
    return struct.pack("<4s6i", b"CDFI", 1, *numbers)


class Graph:
    """A TFLite file of one graph: ``NEG`` and one custom operator, float32 only."""

    def __init__(self, own: str, custom: bytes) -> None:
        from ai_edge_litert import schema_py_generated

        self.schema, self.custom = schema_py_generated, custom
        builtin = self.schema.BuiltinOperator
        self.whole, self.graph = self.schema.ModelT(), self.schema.SubGraphT()
        codes = [self.schema.OperatorCodeT(), self.schema.OperatorCodeT()]
        for code, number in zip(codes, (builtin.NEG, builtin.CUSTOM), strict=True):
            code.builtinCode = code.deprecatedBuiltinCode = number
            code.version = 1
        codes[1].customCode = own.encode()
        self.graph.tensors, self.graph.operators, self.graph.inputs = [], [], []
        self.whole.version, self.whole.operatorCodes, self.whole.subgraphs = 3, codes, [self.graph]
        self.whole.buffers = [self.schema.BufferT()]

    def tensor(self, name: str, shape: tuple[int, ...]) -> int:
        made = self.schema.TensorT()
        made.name, made.shape = name.encode(), list(shape)
        made.type = self.schema.TensorType.FLOAT32
        self.graph.tensors.append(made)
        return len(self.graph.tensors) - 1

    def input(self, name: str, shape: tuple[int, ...]) -> int:
        self.graph.inputs.append(self.tensor(name, shape))
        return self.graph.inputs[-1]

    def constant(self, name: str, array: Array) -> int:
        buffer = self.schema.BufferT()
        buffer.data = np.frombuffer(array.tobytes(), np.uint8)
        self.whole.buffers.append(buffer)
        made = self.tensor(name, array.shape)
        self.graph.tensors[made].buffer = len(self.whole.buffers) - 1
        return made

    def node(self, sources: list[int], name: str, shape: tuple[int, ...]) -> int:
        """The custom operator."""
        made = self.schema.OperatorT()
        made.opcodeIndex, made.customOptions = 1, list(self.custom)
        made.inputs, made.outputs = sources, [self.tensor(name, shape)]
        self.graph.operators.append(made)
        return made.outputs[0]

    def negative(self, source: int, name: str) -> int:
        made = self.schema.OperatorT()
        made.opcodeIndex, made.inputs = 0, [source]
        made.outputs = [self.tensor(name, tuple(self.graph.tensors[source].shape))]
        self.graph.operators.append(made)
        return made.outputs[0]

    def file(self, output: int) -> bytes:
        """The file; what it gives is the negative of ``output``."""
        self.graph.outputs = [self.negative(output, "out")]
        return packed(self.whole)


def packed(whole: Any) -> bytes:
    builder = flatbuffers.Builder(1024)
    builder.Finish(whole.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def model(inputs: dict[str, Array], custom: bytes, warps: int = 1, own: str = WARP) -> bytes:
    """A file that negates ``weight`` twice, warps ``image`` so many times, and negates that."""
    graph = Graph(own, custom)
    image, weight, alpha, beta = (graph.input(name, inputs[name].shape) for name in INPUTS)
    again = graph.negative(graph.negative(weight, "negative"), "again")
    shape = (*inputs["image"].shape[:2], *inputs["weight"].shape[2:])
    current = image
    for number in range(warps):
        current = graph.node([current, again, alpha, beta], f"warped{number}", shape)
    return graph.file(current)


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
        experimental_delegates=[load_delegate(interpreter_module)],
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
    with pytest.raises(RuntimeError, match=r"beta .* \(2, 9, 5, 7\), got \(2, 4,"):
        opened(model(fewer, options(spec)))
    with pytest.raises(RuntimeError, match=r"dilation .* 1 \.\.\. 1024, got 0"):
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


def heads_options(taps: int, dilation: int, sampling: Sampling) -> bytes:
    return struct.pack("<4s4i", b"CDFI", 1, taps, dilation, get_args(Sampling).index(sampling))


def heads_inputs(levels: tuple[tuple[int, int, int], ...], taps: int = 5) -> dict[str, Array]:
    """Two images; the six heads see different numbers of channels."""
    random = np.random.default_rng(taps)
    shapes: dict[str, tuple[int, ...]] = {"frame0": (2, 3, 10, 26), "frame1": (2, 3, 10, 26)}
    for index, channels in enumerate((1, 3, 5, 7, 9, 21)):
        shapes[f"hidden{index}"] = (2, channels, 5, 13)
        shapes[f"weight{index}"] = (taps**2, channels, 3, 3)
        shapes[f"bias{index}"] = (taps**2,)
    shapes |= {f"level{index}": (2, *level) for index, level in enumerate(levels)}
    return {
        name: random.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()
    }


def heads_model(arrays: dict[str, Array], custom: bytes, channels: int) -> bytes:
    """A file whose weights and biases are constants and whose hidden maps LiteRT computes."""
    graph = Graph(HEADS_WARP, custom)
    sources = []
    for name, array in arrays.items():
        if name.startswith(("weight", "bias")):
            sources.append(graph.constant(name, array))
        else:
            source = graph.input(name, array.shape)
            if name.startswith("hidden"):
                source = graph.negative(graph.negative(source, f"not {name}"), f"again {name}")
            sources.append(source)
    shape = (2, channels, *arrays["frame0"].shape[2:])
    return graph.file(graph.node(sources, "warped", shape))


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("levels", [(), ((4, 12, 30), (9, 3, 5))])
def test_the_heads_operator_is_the_kernel(
    threads: int, levels: tuple[tuple[int, int, int], ...]
) -> None:
    arrays = heads_inputs(levels)
    heads = [Head(*(arrays[f"{kind}{i}"] for kind in Head._fields)) for i in range(6)]
    features = [arrays[f"level{index}"] for index in range(len(levels))]
    for sampling in get_args(Sampling):
        expected = heads_warp(
            [arrays["frame0"], arrays["frame1"]],
            *(heads, features),
            **{"taps": 5, "dilation": 2, "sampling": sampling},
        )
        custom = heads_options(5, 2, sampling)
        out = run(heads_model(arrays, custom, expected.shape[1]), arrays, threads)
        np.testing.assert_array_equal(out, expected)


def test_what_does_not_fit_the_heads_is_said() -> None:
    arrays, custom = heads_inputs(((4, 12, 30),)), heads_options(5, 2, "bilinear")
    cut: dict[str, dict[str, Array]] = {
        r"second frame .* \(2, 3, 10, 26\), got \(2, 3, 9, 26\)": {
            "frame1": arrays["frame1"][:, :, 1:]
        },
        r"3 channels, got 2": {"frame0": arrays["frame0"][:, 1:]},
        r"a hidden map .* \(2, 9, 5, 13\), got \(2, 9, 5, 12\)": {
            "hidden4": arrays["hidden4"][..., 1:]
        },
        r"weight .* \(25, 5, 3, 3\), got \(24, 5, 3, 3\)": {"weight2": arrays["weight2"][1:]},
        r"bias .* \(25, 1, 1, 1\), got \(24, 1, 1, 1\)": {"bias5": arrays["bias5"][1:]},
        r"as many images": {"level0": arrays["level0"][:1]},
    }
    for message, changes in cut.items():
        with pytest.raises(RuntimeError, match=message):
            opened(heads_model({**arrays, **changes}, custom, 14))
    with pytest.raises(RuntimeError, match=r"output .* \(2, 14, 10, 26\), got \(2, 13, 10, 26\)"):
        opened(heads_model(arrays, custom, 13))
    fewer = {name: arrays[name] for name in list(arrays)[:19]}
    with pytest.raises(RuntimeError, match="20 inputs, got 19"):
        opened(heads_model(fewer, custom, 6))
    for wrong in (custom + custom[:4], options(WarpSpec(5, 2, "bilinear"))):
        with pytest.raises(RuntimeError, match="options cannot be read"):
            opened(heads_model(arrays, wrong, 14))


def test_the_probe_is_two_warps() -> None:
    from ai_edge_litert import schema_py_generated as schema

    spec = WarpSpec(litert_probe.TAPS, litert_probe.DILATION, "bilinear")
    made, held = (
        model(litert_probe.inputs(), options(spec), warps=2),
        litert_probe.MODEL.read_bytes(),
    )
    again = [schema.ModelT.InitFromObj(schema.Model.GetRootAs(file, 0)) for file in (made, held)]
    assert packed(again[0]) == packed(again[1])


@pytest.fixture
def untested(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the installed version of LiteRT were none that the operators were tested in."""
    monkeypatch.setattr(litert_operators, "VERIFIED", frozenset({("ai_edge_litert", "0.0.1")}))
    litert_operators._probe.cache_clear()


@pytest.mark.usefixtures("untested")
def test_an_untested_version_is_probed() -> None:
    assert litert_probe.difference(interpreter_module) <= litert_probe.TOLERANCE
    assert native_delegate(interpreter_module) is not None


@pytest.mark.usefixtures("untested")
@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("import os; os.abort()", "exit code -"),
        ("class Interpreter: pass\nload_delegate = None", "NoneType"),
    ],
)
def test_an_untested_version_that_fails_the_probe_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str, message: str
) -> None:
    package = tmp_path / "other_litert"
    package.mkdir()
    (package / "__init__.py").write_text(code)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), *sys.path]))
    other = types.ModuleType("other_litert")
    with pytest.raises(NativeError, match="do not work in this version of other_litert") as found:
        native_delegate(other)
    assert message in str(found.value) and "ai_edge_litert 0.0.1" in str(found.value)
