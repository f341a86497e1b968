"""Heads and warps in one call, against torch's layers in float64 and the slow reference warp."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple, get_args

import numpy as np
import onnxruntime
import pytest
import torch
import torch.nn.functional as F
from cdfi_model.spec import Sampling, WarpSpec
from cdfi_model.warp.reference import reference_warp
from cdfi_runtime import native
from cdfi_runtime.errors import InputError
from cdfi_runtime.native_heads import Head, heads_warp
from numpy.typing import NDArray
from onnx import TensorProto, helper

Array = NDArray[np.float32]


class Case(NamedTuple):
    taps: int
    dilation: int
    batch: int
    size: tuple[int, int]
    hidden: tuple[int, ...]  # channels of the six heads
    levels: tuple[tuple[int, int, int], ...]  # channels, height, width
    scale: float = 1.0  # of the convolutions: the spread of logits and offsets


CASES = {
    "one tap": Case(1, 1, 1, (4, 6), (1,) * 6, ()),
    "adacof": Case(5, 1, 2, (10, 34), (1, 3, 5, 7, 9, 21), ()),
    "cdfi": Case(11, 2, 1, (6, 26), (21,) * 6, ((4, 8, 28), (8, 5, 15), (20, 3, 4)), 3.0),
    "far": Case(3, 2, 1, (6, 50), (40,) * 6, ((1, 6, 50),), 40.0),
    "tiny": Case(3, 1, 1, (2, 2), (2,) * 6, ((5, 1, 1),)),
}


class Inputs(NamedTuple):
    frames: list[Array]
    heads: list[Head]
    features: list[Array]


def make_inputs(case: Case) -> Inputs:
    random = np.random.default_rng([case.taps, *case.size])
    height, width = case.size

    def normal(*shape: int) -> Array:
        return random.standard_normal(shape).astype(np.float32)

    return Inputs(
        [random.random((case.batch, 3, height, width)).astype(np.float32) for _ in range(2)],
        [
            Head(
                normal(case.batch, channels, height // 2, width // 2),
                normal(case.taps**2, channels, 3, 3) * np.float32(case.scale / channels),
                normal(case.taps**2),
            )
            for channels in case.hidden
        ],
        [normal(case.batch, *level) for level in case.levels],
    )


class Expected(NamedTuple):
    out: NDArray[np.float64]
    sure: NDArray[np.bool_]  # no offset of the pixel is near a whole negative number


def by_reference(inputs: Inputs, spec: WarpSpec, margin: float) -> Expected:
    def exact(array: Array) -> torch.Tensor:
        return torch.from_numpy(array).double()

    size = inputs.frames[0].shape[2:]
    maps = []
    for head in inputs.heads:
        full = F.interpolate(exact(head.hidden), size=size, mode="bilinear", align_corners=True)
        maps.append(F.conv2d(full, exact(head.weight), exact(head.bias), padding=1))
    inner, border = (slice(spec.reach, -spec.reach or None),) * 2, (spec.reach,) * 4
    padded = tuple(length + 2 * spec.reach for length in size)
    features = [
        F.interpolate(exact(level), size=padded, mode="bilinear", align_corners=False)
        for level in inputs.features
    ]
    parts: list[list[NDArray[np.float64]]] = []
    sure = []
    for side in range(2):
        weight, alpha, beta = maps[3 * side : 3 * side + 3]
        frame = F.pad(exact(inputs.frames[side]), border, mode="replicate")
        image = torch.cat([frame, *features], 1)
        offsets = torch.cat((alpha, beta), 1)
        jumps = ((offsets - offsets.round()).abs() < margin) & (offsets < -0.5)
        sure.append(~jumps.any(1).numpy())
        # The reference pads what it is given, so the maps are framed to fit and the frame cut off.
        wide = [F.pad(item, border) for item in (weight.softmax(1), alpha, beta)]
        warped = reference_warp(image.numpy(), *(item.numpy() for item in wide), spec)
        counts = np.cumsum([3, *(level.shape[1] for level in features)])[:-1]
        parts.append(np.split(warped[:, :, inner[0], inner[1]], counts, axis=1))
    by_level = [part for pair in zip(*parts, strict=True) for part in pair]
    masks = [np.repeat(sure[i % 2][:, None], part.shape[1], 1) for i, part in enumerate(by_level)]
    return Expected(np.concatenate(by_level, axis=1), np.concatenate(masks, axis=1))


@pytest.fixture
def library(native_library: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(native.VARIABLE, str(native_library))
    return native_library


def run_operator(
    library: Path, inputs: Inputs, threads: int = 1, outputs: int = 1, **attributes: Any
) -> list[Array]:
    arrays = [*inputs.frames, *(array for head in inputs.heads for array in head), *inputs.features]
    feeds = {f"input{index}": array for index, array in enumerate(arrays)}
    tensors = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [None] * array.ndim)
        for name, array in feeds.items()
    ]
    names = [f"out{index}" for index in range(outputs)]
    out = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [None] * 4) for name in names]
    node = helper.make_node("AdaCoFHeadsWarp", list(feeds), names, domain="cdfi", **attributes)
    graph = helper.make_graph([node], "heads", tensors, out)
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("cdfi", 1)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=9)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = threads
    options.register_custom_ops_library(str(library))
    session = onnxruntime.InferenceSession(model.SerializeToString(), options)
    return session.run(None, feeds)  # type: ignore[no-any-return]


@pytest.mark.parametrize("sampling", get_args(Sampling))
@pytest.mark.parametrize("name", CASES)
def test_every_level_and_the_operator_equal_the_reference(
    library: Path, name: str, sampling: Sampling
) -> None:
    case = CASES[name]
    inputs = make_inputs(case)
    options: dict[str, Any] = {"taps": case.taps, "dilation": case.dilation, "sampling": sampling}
    # Offsets of some tens of pixels are rounded by 1e-6 of their size before they meet the image.
    spread = max(1.0, case.scale)
    expected, sure = by_reference(
        inputs, WarpSpec(case.taps, case.dilation, sampling), 1e-5 * spread
    )
    # Truncation jumps at whole negative offsets, and rounding decides on which side one is.
    sure |= sampling == "bilinear"
    assert sure.mean() > 0.9
    limit = 1e-5 * spread * max(1.0, float(np.abs(expected).max()))
    for level in native.levels():
        result = heads_warp(*inputs, **options, level=level)
        assert np.abs(result - expected)[sure].max() <= limit, level
    best = heads_warp(*inputs, **options)
    np.testing.assert_array_equal(heads_warp(*inputs, **options, threads=3), best)
    for threads in (1, 2):
        np.testing.assert_array_equal(run_operator(library, inputs, threads, **options)[0], best)


def test_the_operator_gives_features_in_groups(library: Path) -> None:
    """The frames alone, then groups of features; the last one is filled up by zeros."""
    inputs = make_inputs(CASES["cdfi"])
    options: dict[str, Any] = {"taps": 11, "dilation": 2, "sampling": "truncate"}
    (whole,) = run_operator(library, inputs, **options)
    features = whole.shape[1] - 6
    frames, *groups = run_operator(
        library, inputs, outputs=1 + -(-features // 24), group=24, **options
    )
    np.testing.assert_array_equal(frames, whole[:, :6])
    joined = np.concatenate(groups, axis=1)
    assert joined.shape[1] == -(-features // 24) * 24 > features
    np.testing.assert_array_equal(joined[:, :features], whole[:, 6:])
    assert not joined[:, features:].any()
    with pytest.raises(Exception, match="outputs are expected, got 2"):
        run_operator(library, inputs, outputs=2, group=24, **options)


@pytest.mark.usefixtures("library")
def test_hostile_offsets_are_clamped() -> None:
    inputs = make_inputs(CASES["adacof"])
    options: dict[str, Any] = {"taps": 5, "dilation": 1, "sampling": "truncate"}
    for value, same_as in ((np.nan, 0.0), (np.inf, 1e4), (-3e38, -1e4)):
        results = []
        for put in (value, same_as):
            heads = list(inputs.heads)
            bias = heads[1].bias.copy()
            bias[7] = put
            heads[1] = heads[1]._replace(bias=bias, weight=heads[1].weight * np.float32(0))
            results.append(heads_warp(inputs.frames, heads, **options))
        np.testing.assert_array_equal(*results)


@pytest.mark.usefixtures("library")
def test_unfit_arguments_say_what_is_expected() -> None:
    frames, heads, features = make_inputs(CASES["adacof"])
    options: dict[str, Any] = {"taps": 5, "dilation": 1, "sampling": "truncate"}
    with pytest.raises(InputError, match="6 heads") as five:
        heads_warp(frames, heads[:5], features, **options)
    assert "5 heads" in str(five.value)
    wrong = heads[0]._replace(weight=heads[0].weight[:24])
    with pytest.raises(InputError, match=r"heads\[0\].weight"):
        heads_warp(frames, [wrong, *heads[1:]], features, **options)
    with pytest.raises(InputError, match=r"frames\[1\]"):
        heads_warp([frames[0], frames[1][:, :, 1:]], heads, features, **options)
    with pytest.raises(InputError, match="at most 31"):
        heads_warp(frames, heads, features, **{**options, "taps": 33})


def test_the_operator_says_what_is_expected(library: Path) -> None:
    inputs = make_inputs(CASES["adacof"])
    options: dict[str, Any] = {"taps": 5, "dilation": 1, "sampling": "truncate"}
    grey = [frame[:, :1] for frame in inputs.frames]
    with pytest.raises(Exception, match="frames are expected with 3 channels, got 1"):
        run_operator(library, inputs._replace(frames=grey), **options)
    wide = [inputs.heads[0]._replace(weight=inputs.heads[0].weight[:9]), *inputs.heads[1:]]
    with pytest.raises(Exception, match=r"weight is expected to be \(25, 1, 3, 3\), got \(9, "):
        run_operator(library, inputs._replace(heads=wide), **options)
