"""The heads' warp in ONNX: grouped channels give the same picture, and strange readers stay."""

from __future__ import annotations

from collections import Counter

import numpy as np
import onnx
import pytest
import torch
from cdfi_export.frame_size import FrameSize
from cdfi_export.onnx_build import plain
from cdfi_export.onnx_heads import GROUP, group_channels
from cdfi_export.onnx_trace import trace
from cdfi_model.kernel_unet_spec import KernelUNetSpec
from cdfi_model.network import InterpolationNetwork
from cdfi_model.spec import WarpSpec
from cdfi_runtime.ort_operators import register_operators
from onnx import TensorProto, helper

onnxruntime = pytest.importorskip("onnxruntime")
SIZE = FrameSize(48, 32)


def network(*, features: bool) -> InterpolationNetwork:
    """Seven feature channels a level, so that 2 * 14 + 6 channels fill no group."""
    more = {"blend": (4,), "feature_levels": (9, 10), "synthesis_widths": (5, 6)}
    spec = KernelUNetSpec(
        name="tiny",
        summary="a small one",
        warp=WarpSpec(taps=3, dilation=1, sampling="truncate"),
        multiple=4,
        encoder=((4, 4), (5, 6)),
        decoder=((5,),),
        **dict.fromkeys(("weight0", "alpha0", "beta0", "weight2", "alpha2", "beta2"), (3,)),  # type: ignore[arg-type]
        occlusion=(4,),
        **(more if features else {}),  # type: ignore[arg-type]
        synthesis_columns=2 if features else 0,
    )
    torch.manual_seed(3)
    built = spec.build().eval()
    built.formulation = "fused"
    return built


def run(model: onnx.ModelProto, pair: list[np.ndarray]) -> np.ndarray:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    register_operators(options)
    session = onnxruntime.InferenceSession(model.SerializeToString(), options)
    return session.run(None, dict(zip(("frame0", "frame2"), pair, strict=True)))[0]  # type: ignore[no-any-return]


def heads_of(model: onnx.ModelProto) -> onnx.NodeProto:
    return next(node for node in model.graph.node if node.op_type == "AdaCoFHeadsWarp")


@pytest.mark.usefixtures("native_built")
@pytest.mark.parametrize("dynamic", [False, True])
def test_groups_give_the_same_picture(dynamic: bool) -> None:
    tiny = network(features=True)
    model = plain(tiny, None if dynamic else SIZE, 18)
    heads = heads_of(model)
    assert len(heads.output) == 3, "the frames and 38 features in two groups"
    described = {value.name: value.type.tensor_type.shape.dim for value in model.graph.value_info}
    channels = [described[name][1].dim_value for name in heads.output]
    assert channels == [6, GROUP, GROUP]
    if dynamic:
        assert {described[name][2].dim_param for name in heads.output} == {"height"}
    random = np.random.default_rng(4)
    for height, width in ((32, 48), (40, 44)) if dynamic else ((32, 48),):
        pair = [random.random((1, 3, height, width), np.float32) for _ in range(2)]
        tiny.formulation = "gather"
        with torch.no_grad():
            expected = tiny(*map(torch.from_numpy, pair)).numpy()
        assert np.abs(run(model, pair) - expected).max() <= 1e-5


def test_without_features_nothing_is_grouped() -> None:
    model = trace(network(features=False), SIZE, 18)
    before = Counter(node.op_type for node in model.graph.node)
    assert group_channels(model) == 0
    assert Counter(node.op_type for node in model.graph.node) == before


def test_an_operator_with_other_readers_stays() -> None:
    model = trace(network(features=True), SIZE, 18)
    whole = heads_of(model).output[0]
    model.graph.node.append(helper.make_node("ReduceSum", [whole], ["total"]))
    model.graph.output.append(helper.make_tensor_value_info("total", TensorProto.FLOAT, None))
    assert group_channels(model) == 0
    assert list(heads_of(model).output) == [whole]
