"""Float16 maps of the native warp: by numpy and in ONNX Runtime, against the float64 reference."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any, NamedTuple, get_args

import numpy as np
import onnxruntime
import pytest
from cdfi_model.spec import Offsets, Sampling, WarpSpec
from cdfi_model.warp.reference import reference_warp
from cdfi_runtime import native
from cdfi_runtime.errors import InputError
from numpy.typing import NDArray
from onnx import TensorProto, helper

MAPS = ("weight", "alpha", "beta")
# F, d, C, (height, width), batch: a part of a tile, whole ones, both.
SHAPES = (
    (1, 1, 3, (1, 1), 2),
    (3, 2, 5, (7, 16), 1),
    (5, 1, 63, (3, 35), 2),
    (11, 2, 3, (5, 19), 1),
)


class Inputs(NamedTuple):
    image: NDArray[np.float32]
    weight: NDArray[np.float16]
    alpha: NDArray[np.float16]
    beta: NDArray[np.float16]


@pytest.fixture(autouse=True)
def library(native_library: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(native.VARIABLE, str(native_library))
    return native_library


def make_inputs(
    shape: tuple[int, int, int, tuple[int, int], int], offsets: Offsets, *, logits: bool
) -> Inputs:
    """Every tenth offset is a whole number; weights add up to about 1."""
    taps, _, channels, size, batch = shape
    random = np.random.default_rng([taps, channels, *size, batch])
    maps = (batch, taps * taps, *size)
    weight = random.standard_normal(maps) * 3
    if not logits:
        weight = softmax(weight)
    shifts = random.standard_normal((2, *maps))[:, :, : 1 if offsets == "shared" else None] * 4
    shifts = np.where(random.random(shifts.shape) < 0.1, np.round(shifts), shifts)
    image = random.random((batch, channels, *size)).astype(np.float32)
    return Inputs(image, *(array.astype(np.float16) for array in (weight, *shifts)))


def softmax(logits: NDArray[Any]) -> NDArray[np.float64]:
    powers = np.exp(logits.astype(np.float64) - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)  # type: ignore[no-any-return]


def by_reference(inputs: Inputs, spec: WarpSpec, *, logits: bool) -> NDArray[np.float64]:
    """Of the rounded maps, so that the result is no less exact than with float32."""
    weight = softmax(inputs.weight) if logits else inputs.weight.astype(np.float64)
    others = (array.astype(np.float64) for array in (inputs.image, inputs.alpha, inputs.beta))
    image, alpha, beta = others
    return reference_warp(image, weight, alpha, beta, spec)


def operator(library: Path, types: dict[str, int], **attributes: Any) -> Any:
    """A session of one node; ``types`` are those of the maps."""
    inputs = {"image": TensorProto.FLOAT, **types}
    tensors = [
        helper.make_tensor_value_info(name, kind, [None] * 4) for name, kind in inputs.items()
    ]
    out = helper.make_tensor_value_info("out", TensorProto.FLOAT, [None] * 4)
    node = helper.make_node("AdaCoFWarp", list(inputs), ["out"], domain="cdfi", **attributes)
    graph = helper.make_graph([node], "warp", tensors, [out])
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("cdfi", 1)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=9)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    options.register_custom_ops_library(str(library))
    return onnxruntime.InferenceSession(model.SerializeToString(), options)


@pytest.mark.parametrize("logits", [False, True])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_every_level_and_the_operator_equal_the_reference(
    library: Path, shape: tuple[int, int, int, tuple[int, int], int], logits: bool
) -> None:
    for sampling, offsets in itertools.product(get_args(Sampling), get_args(Offsets)):
        inputs = make_inputs(shape, offsets, logits=logits)
        spec = WarpSpec(shape[0], shape[1], sampling, offsets)
        options: dict[str, Any] = {"taps": shape[0], "dilation": shape[1], "sampling": sampling}
        expected = by_reference(inputs, spec, logits=logits)
        for level in native.levels():
            out = native.warp(*inputs, **options, logits=logits, level=level)  # type: ignore[arg-type]
            assert out.dtype == np.float32
            assert np.abs(out - expected).max() <= 1e-5, (level, sampling, offsets)
        session = operator(
            library, dict.fromkeys(MAPS, TensorProto.FLOAT16), **options, logits=int(logits)
        )
        (out,) = session.run(None, inputs._asdict())
        assert np.abs(out - expected).max() <= 1e-5, (sampling, offsets)


@pytest.mark.parametrize("other", MAPS)
def test_maps_of_two_types_are_refused(library: Path, other: str) -> None:
    half = make_inputs(SHAPES[1], "per_tap", logits=False)
    options: dict[str, Any] = {"taps": 3, "dilation": 2, "sampling": "truncate"}
    for one, rest in ((np.float16, np.float32), (np.float32, np.float16)):
        arrays = {name: getattr(half, name).astype(one if name == other else rest) for name in MAPS}
        with pytest.raises(InputError, match=r"does not fit the warp.*\n  expected: float(16|32)"):
            native.warp(half.image, **arrays, **options)
        types = {
            name: TensorProto.FLOAT16 if array.dtype == np.float16 else TensorProto.FLOAT
            for name, array in arrays.items()
        }
        session = operator(library, types, **options)
        with pytest.raises(Exception, match="all float32 or all float16"):
            session.run(None, {"image": half.image, **arrays})


def test_other_types_are_refused(library: Path) -> None:
    half = make_inputs(SHAPES[1], "per_tap", logits=False)
    options: dict[str, Any] = {"taps": 3, "dilation": 2, "sampling": "truncate"}
    doubles = {name: getattr(half, name).astype(np.float64) for name in MAPS}
    with pytest.raises(InputError, match=r"'weight'.*\n  expected: float32.*\n  got: float64"):
        native.warp(half.image, **doubles, **options)
    with pytest.raises(InputError, match=r"'image'.*\n  expected: float32.*\n  got: float16"):
        native.warp(half.image.astype(np.float16), *half[1:], **options)  # type: ignore[arg-type]
    session = operator(library, dict.fromkeys(MAPS, TensorProto.DOUBLE), **options)
    with pytest.raises(Exception, match="all float32 or all float16"):
        session.run(None, {"image": half.image, **doubles})
