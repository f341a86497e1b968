"""``cdfi::AdaCoFWarp`` in the stock ONNX Runtime, against the slow float64 reference."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any, get_args

import numpy as np
import onnxruntime
import pytest
from cdfi_model.spec import Offsets, Sampling, WarpSpec
from cdfi_model.warp.reference import reference_warp
from numpy.typing import NDArray
from onnx import TensorProto, helper

Array = NDArray[np.float32]
INPUTS = ("image", "weight", "alpha", "beta")


def session(library: Path, threads: int = 1, **attributes: Any) -> onnxruntime.InferenceSession:
    """A model of one node, whose weights are first negated twice: it is a graph like others."""
    nodes = [
        helper.make_node("Neg", ["weight"], ["negative"]),
        helper.make_node("Neg", ["negative"], ["again"]),
        helper.make_node(
            "AdaCoFWarp", ["image", "again", "alpha", "beta"], ["out"], domain="cdfi", **attributes
        ),
    ]
    tensors = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [None] * 4)
        for name in (*INPUTS, "out")
    ]
    graph = helper.make_graph(nodes, "warp", tensors[:4], tensors[4:])
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("cdfi", 1)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=9)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = threads
    options.register_custom_ops_library(str(library))
    return onnxruntime.InferenceSession(model.SerializeToString(), options)


def make_inputs(spec: WarpSpec, channels: int, size: tuple[int, int]) -> dict[str, Array]:
    """Normalised weights, and offsets that float32 holds exactly."""
    random = np.random.default_rng([spec.taps, channels, *size])
    taps = spec.taps * spec.taps
    powers = np.exp(random.standard_normal((2, taps, *size)))
    arrays = (
        random.random((2, channels, *size)),
        powers / powers.sum(axis=1, keepdims=True),
        *np.round(random.standard_normal((2, 2, spec.offset_maps, *size)) * 256) / 64,
    )
    return {name: array.astype(np.float32) for name, array in zip(INPUTS, arrays, strict=True)}


@pytest.mark.parametrize("threads", [1, 2])
def test_the_operator_equals_the_reference(native_library: Path, threads: int) -> None:
    for sampling, offsets in itertools.product(get_args(Sampling), get_args(Offsets)):
        spec = WarpSpec(5, 2, sampling, offsets)
        inputs = make_inputs(spec, 7, (9, 19))
        expected = reference_warp(*(inputs[name].astype(np.float64) for name in INPUTS), spec)
        attributes = {"taps": 5, "dilation": 2, "sampling": sampling}
        (out,) = session(native_library, threads, **attributes).run(None, inputs)
        assert np.abs(out - expected).max() <= 1e-5, (sampling, offsets)
        logits = {**inputs, "weight": np.log(inputs["weight"])}
        (out,) = session(native_library, threads, **attributes, logits=1).run(None, logits)
        assert np.abs(out - expected).max() <= 1e-5, (sampling, offsets, "logits")
        sides = ((0, 0), (0, 0), (spec.reach,) * 2, (spec.reach,) * 2)
        wide = {**inputs, "image": np.pad(inputs["image"], sides, mode="edge")}
        (out,) = session(native_library, threads, **attributes, padded=1).run(None, wide)
        assert np.abs(out - expected).max() <= 1e-5, (sampling, offsets, "padded")


def test_sizes_change_from_run_to_run(native_library: Path) -> None:
    spec = WarpSpec(3, 1, "truncate")
    running = session(native_library, taps=3, dilation=1, sampling="truncate")
    for size in ((5, 7), (40, 33), (1, 1)):
        inputs = make_inputs(spec, 3, size)
        expected = reference_warp(*(inputs[name].astype(np.float64) for name in INPUTS), spec)
        assert np.abs(running.run(None, inputs)[0] - expected).max() <= 1e-5


def test_unfit_inputs_say_what_is_expected(native_library: Path) -> None:
    running = session(native_library, taps=3, dilation=1, sampling="truncate")
    inputs = make_inputs(WarpSpec(3, 1, "truncate"), 3, (5, 7))
    fewer = {**inputs, "beta": inputs["beta"][:, :4]}
    message = r"beta is expected to be \(2, 9, 5, 7\), got \(2, 4, 5, 7\)"
    with pytest.raises(Exception, match=message):
        running.run(None, fewer)
    assert np.isfinite(running.run(None, inputs)[0]).all(), "the session is still of use"


def test_unfit_attributes_say_what_is_expected(native_library: Path) -> None:
    fit = {"taps": 3, "dilation": 1, "sampling": "truncate"}
    with pytest.raises(Exception, match="truncate or bilinear, got nearest"):
        session(native_library, **{**fit, "sampling": "nearest"})
    with pytest.raises(Exception, match=r"taps is expected in 1 \.\.\. 1024, got 0"):
        session(native_library, **{**fit, "taps": 0})
    with pytest.raises(Exception, match="dilation"):
        session(native_library, taps=3, sampling="truncate")
