"""Every warp formulation through torch.onnx (dynamo) with dynamic height and width."""

from __future__ import annotations

import io
import warnings
from typing import get_args

import numpy as np
import pytest
import torch
from cdfi_model.spec import Offsets, Sampling, WarpSpec
from cdfi_model.warp import WARPS, adacof_warp
from torch import Tensor, nn

onnxruntime = pytest.importorskip("onnxruntime")
pytest.importorskip("onnxscript")

pytestmark = pytest.mark.slow
CASES = [
    (item.name, sampling, offsets)
    for item in WARPS.all()
    if not item.native
    for sampling in get_args(Sampling)
    for offsets in get_args(Offsets)
    if item.fits(WarpSpec(1, 1, sampling, offsets)) and not item.native
]


class Warp(nn.Module):
    """The warp alone, as a module."""

    def __init__(self, spec: WarpSpec, formulation: str) -> None:
        super().__init__()
        self.spec = spec
        self.formulation = formulation

    def forward(self, image: Tensor, weight: Tensor, alpha: Tensor, beta: Tensor) -> Tensor:
        """See :func:`cdfi_model.warp.adacof_warp`."""
        return adacof_warp(image, weight, alpha, beta, self.spec, self.formulation)


def make_inputs(spec: WarpSpec, height: int, width: int) -> tuple[Tensor, ...]:
    """Offsets in steps of 1/64, a third of them whole numbers, some far outside."""
    random = torch.Generator().manual_seed(height)
    maps = (1, spec.taps * spec.taps, height, width)
    image = torch.rand(1, 3, height, width, generator=random)
    weight = torch.softmax(torch.randn(maps, generator=random), dim=1)
    alpha, beta = (torch.randn((2, *maps), generator=random) * 8 * 64).round() / 64
    alpha[:, ::3] = alpha[:, ::3].round()
    own = spec.offset_maps
    return image, weight, alpha[:, :own], beta[:, :own]


@pytest.mark.parametrize(("name", "sampling", "offsets"), CASES)
def test_export_with_dynamic_size(name: str, sampling: Sampling, offsets: Offsets) -> None:
    spec = WarpSpec(3, 2, sampling, offsets)
    sides = [torch.export.Dim(axis, min=1, max=64) * 32 for axis in ("h", "w")]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            Warp(spec, name).eval(),
            make_inputs(spec, 64, 96),
            dynamo=True,
            opset_version=WARPS.get(name).min_opset,
            dynamic_shapes=({2: sides[0], 3: sides[1]},) * 4,
            verbose=False,
        )
    assert program is not None
    buffer = io.BytesIO()
    program.save(buffer)
    operators = {node.op_type for node in program.model.graph}
    assert ("DeformConv" in operators) == (name == "deform_conv")
    session = onnxruntime.InferenceSession(buffer.getvalue(), providers=["CPUExecutionProvider"])
    names = [item.name for item in session.get_inputs()]
    for height, width in ((64, 96), (32, 160)):
        inputs = make_inputs(spec, height, width)
        (warped,) = session.run(
            None, {key: value.numpy() for key, value in zip(names, inputs, strict=True)}
        )
        exact = adacof_warp(*(value.double() for value in inputs), spec, "gather").numpy()
        assert np.abs(warped - exact).max() <= 5e-5
