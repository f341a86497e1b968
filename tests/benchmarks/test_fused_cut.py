"""The graph without its warps: no native operator, no head lost, the same inputs and outputs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from cdfi_bench.fused_cut import _groups, cut_warps
from cdfi_export.frame_size import FrameSize
from cdfi_export.onnx_build import plain
from cdfi_export.onnx_native import DOMAIN
from cdfi_model.kernel_unet_spec import MAP_HEADS, KernelUNetSpec
from cdfi_model.network import InterpolationNetwork, build_network
from cdfi_model.pyramid_spec import PyramidSpec
from cdfi_model.spec import Offsets, WarpSpec
from cdfi_runtime.errors import InputError

SIZE = FrameSize(48, 32)
TAPS = 3
_SYNTHESIS: dict[str, Any] = {
    "blend": (4,),
    "feature_levels": (9, 10),
    "synthesis_widths": (5, 6),
    "synthesis_columns": 2,
}


def kernel_unet(*, synthesis: bool) -> InterpolationNetwork:
    """Heads of three hidden channels; no other layer has TAPS * TAPS outputs, except features."""
    heads: dict[str, Any] = dict.fromkeys(MAP_HEADS, (3,))
    spec = KernelUNetSpec(
        name="tiny",
        summary="for tests",
        warp=WarpSpec(taps=TAPS, dilation=1, sampling="truncate"),
        multiple=4,
        encoder=((4, 4), (5, 6)),
        decoder=((5,),),
        occlusion=(4,),
        **heads,
        **(_SYNTHESIS if synthesis else {}),
    )
    return build_network(spec, seed=3)


def pyramid(offsets: Offsets) -> InterpolationNetwork:
    spec = PyramidSpec(
        name="tiny",
        summary="for tests",
        warp=WarpSpec(taps=TAPS, dilation=1, sampling="bilinear", offsets=offsets),
        multiple=4,
        features=(4, 4),
        decoders=(4, 4),
        search=(0, 1),
        decoder_depth=1,
    )
    network = build_network(spec, seed=1)
    with torch.no_grad():  # its heads start at zero, which constant folding might see
        for parameter in network.parameters():
            parameter.add_(0.1)
    return network


def fused_graph(network: InterpolationNetwork) -> onnx.ModelProto:
    network.formulation = "fused"
    return plain(network.eval(), SIZE, 18)


def run(model: onnx.ModelProto, optimised: Path | None = None) -> np.ndarray:
    """On random frames, by ONNX Runtime without the native operators."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    if optimised is not None:
        options.optimized_model_filepath = str(optimised)
        # What ran, before its weights are rearranged for this processor.
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    session = onnxruntime.InferenceSession(model.SerializeToString(), options)
    random = np.random.default_rng(0)
    shape = (1, 3, SIZE.height, SIZE.width)
    feeds = {name: random.random(shape, np.float32) for name in ("frame0", "frame2")}
    (result,) = session.run(None, feeds)
    return result  # type: ignore[no-any-return]


def head_convolutions(model: onnx.ModelProto) -> int:
    """Convolutions of the maps' size by what they are named after."""
    heads = {f"heads.{name}.out.weight" for name in MAP_HEADS}
    weights = {tensor.name: tensor for tensor in model.graph.initializer}
    found = [
        node.input[1]
        for node in model.graph.node
        if node.op_type in ("Conv", "FusedConv") and node.input[1] in heads
    ]
    assert all(weights[name].dims[0] == TAPS * TAPS for name in found)
    return len(set(found))


@pytest.mark.parametrize("synthesis", [False, True])
def test_every_head_is_still_computed(
    synthesis: bool, unet_graph: onnx.ModelProto, tmp_path: Path
) -> None:
    fused = unet_graph if synthesis else fused_graph(kernel_unet(synthesis=False))
    before = fused.SerializeToString(deterministic=True)
    cut = cut_warps(fused)
    assert fused.SerializeToString(deterministic=True) == before, "the argument is left alone"
    onnx.checker.check_model(cut)
    assert run(cut, tmp_path / "optimised.onnx").shape == (1, 3, SIZE.height, SIZE.width)
    assert head_convolutions(fused) == 0
    assert head_convolutions(onnx.load(tmp_path / "optimised.onnx")) == len(MAP_HEADS)


@pytest.mark.parametrize("head", MAP_HEADS)
def test_the_picture_depends_on_every_head(head: str, unet_graph: onnx.ModelProto) -> None:
    """Through channel 0 alone: of tap weights that is one of several, so one bias moves it."""
    cut = cut_warps(unet_graph)
    before = run(cut)
    (bias,) = (i for i in cut.graph.initializer if i.name == f"heads.{head}.out.bias")
    values = onnx.numpy_helper.to_array(bias).copy()
    values[0] += 1
    bias.CopyFrom(onnx.numpy_helper.from_array(values, bias.name))
    assert not np.allclose(run(cut), before, atol=1e-3)


@pytest.mark.parametrize("offsets", ["per_tap", "shared"])
def test_the_operators_of_the_other_family_go_too(offsets: Offsets) -> None:
    fused = fused_graph(pyramid(offsets))
    warps = sum(node.op_type == "AdaCoFWarp" for node in fused.graph.node)
    assert warps == 4, "two of features, two of frames"
    cut = cut_warps(fused)
    onnx.checker.check_model(cut)
    assert np.isfinite(run(cut)).all()
    # The logits are normalised as a graph without the operator would do it.
    assert sum(node.op_type == "Exp" for node in cut.graph.node) >= 2


def test_inputs_and_outputs_stay(unet_graph: onnx.ModelProto) -> None:
    cut = cut_warps(unet_graph)
    assert list(cut.graph.input) == list(unet_graph.graph.input)
    assert list(cut.graph.output) == list(unet_graph.graph.output)
    assert all(node.domain != DOMAIN for node in cut.graph.node)
    assert all(entry.domain != DOMAIN for entry in cut.opset_import)


def test_what_the_warp_does_not_touch_stays(unet_graph: onnx.ModelProto) -> None:
    """Everything that reads or feeds the operator: the same layers, the same groups of features."""
    cut = cut_warps(unet_graph)
    kept = [node for node in unet_graph.graph.node if node.domain != DOMAIN]
    outputs = {name for node in cut.graph.node for name in node.output}
    assert {name for node in unet_graph.graph.node for name in node.output} <= outputs
    types = {node.output[0]: node.op_type for node in cut.graph.node}
    assert all(types[node.output[0]] == node.op_type for node in kept)


def test_groups_are_filled_in_order() -> None:
    found = _groups([("a", 3), ("b", 2)], 4)
    first, second, third = (next(found) for _ in range(3))
    assert first == [("a", 0, 3), ("a", 0, 1)]
    assert second == [("a", 1, 3), ("b", 0, 2)]
    assert third == [("b", 0, 2), ("a", 0, 2)], "filled up from the start"


def test_a_graph_without_the_operators_is_refused(unet_graph: onnx.ModelProto) -> None:
    with pytest.raises(InputError, match="0 native operators"):
        cut_warps(cut_warps(unet_graph))


def test_a_graph_of_any_size_is_refused(unet_graph: onnx.ModelProto) -> None:
    dynamic = onnx.ModelProto()
    dynamic.CopyFrom(unet_graph)
    for tensor in dynamic.graph.input:
        tensor.type.tensor_type.shape.dim[2].dim_param = "height"
    with pytest.raises(InputError, match="frames of one size"):
        cut_warps(dynamic)


@pytest.fixture(scope="module")
def unet_graph() -> onnx.ModelProto:
    return fused_graph(kernel_unet(synthesis=True))
