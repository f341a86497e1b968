"""The native warp as a torch operator: values, gradients, errors, export."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest
import torch
from cdfi_model.network import build_network
from cdfi_model.spec import NETWORKS, Offsets, Sampling, WarpSpec
from cdfi_model.training.batches import Batch
from cdfi_model.training.config import Losses
from cdfi_model.training.losses.objective import Objective
from cdfi_model.training.warp_choice import training_warp
from cdfi_model.warp import adacof_warp, torch_op
from cdfi_runtime import native
from cdfi_runtime.errors import InputError
from torch import Tensor

needs_library = pytest.mark.usefixtures("native_built")
KINDS = [(sampling, offsets) for sampling in get_args(Sampling) for offsets in get_args(Offsets)]


def make_inputs(spec: WarpSpec, channels: int = 3, far: float = 3.0) -> list[Tensor]:
    """Offsets lie off the kinks at whole numbers and are exact in float32."""
    random = torch.Generator().manual_seed(5)
    maps = (2, spec.taps * spec.taps, 6, 19)
    image = torch.rand(2, channels, 6, 19, generator=random)
    weight = torch.softmax(torch.randn(maps, generator=random), dim=1)
    alpha, beta = (torch.randn((2, *maps), generator=random) * far * 64).floor() / 64 + 1 / 128
    own = spec.offset_maps
    tensors = (image, weight, alpha[:, :own].clone(), beta[:, :own].clone())
    return [tensor.requires_grad_() for tensor in tensors]


def gradients(inputs: list[Tensor], spec: WarpSpec, name: str) -> tuple[Tensor, ...]:
    """Of a loss whose gradient differs from pixel to pixel."""
    return torch.autograd.grad(adacof_warp(*inputs, spec, name).sin().sum(), inputs)


@needs_library
@pytest.mark.parametrize("far", [3.0, 30.0])
@pytest.mark.parametrize("channels", [1, 3, 20])
@pytest.mark.parametrize(("sampling", "offsets"), KINDS)
def test_gradients_are_those_of_autograd_in_double_precision(
    sampling: Sampling, offsets: Offsets, channels: int, far: float
) -> None:
    spec = WarpSpec(5, 2, sampling, offsets)
    inputs = make_inputs(spec, channels, far)
    double = [tensor.detach().double().requires_grad_() for tensor in inputs]
    expected = gradients(double, spec, "gather")
    got = gradients(inputs, spec, "fused")
    for one, other in zip(got, expected, strict=True):
        assert one.dtype == torch.float32
        assert other.abs().max() > 0
        assert (one - other).abs().max() <= 1e-5 * max(1.0, float(other.abs().max()))


@needs_library
def test_a_frame_that_needs_no_gradient_gets_none() -> None:
    spec = WarpSpec(3, 1, "truncate")
    inputs = make_inputs(spec)
    whole = gradients(inputs, spec, "fused")
    inputs[0].requires_grad_(False)
    adacof_warp(*inputs, spec, "fused").sin().sum().backward()
    assert inputs[0].grad is None
    for tensor, expected in zip(inputs[1:], whole[1:], strict=True):
        assert tensor.grad is not None
        assert torch.equal(tensor.grad, expected)


@needs_library
@pytest.mark.parametrize(("logits", "padded"), [(False, False), (True, True)])
def test_the_operator_keeps_the_rules_of_torch(logits: bool, padded: bool) -> None:
    image, *maps = make_inputs(WarpSpec(3, 2, "bilinear"))
    if padded:
        image = torch.nn.functional.pad(image.detach(), (2,) * 4, mode="replicate")
        image.requires_grad_()
    arguments = (image, *maps, 3, 2, "bilinear", logits, padded)
    torch.library.opcheck(torch.ops.cdfi.adacof_warp, arguments)
    plain = tuple(tensor.detach() for tensor in (image, *maps))
    warped = torch.ops.cdfi.adacof_warp(*plain, *arguments[4:])
    for wanted in ([True] * 4, [False, True, False, True]):
        backward = (warped, *plain, wanted, *arguments[4:])
        torch.library.opcheck(torch.ops.cdfi.adacof_warp_backward, backward)


@needs_library
def test_the_softmax_folds_into_both_directions() -> None:
    spec = WarpSpec(3, 1, "truncate")
    image, weight, alpha, beta = make_inputs(spec)
    logits = (weight.detach().log() * 5 + 100).requires_grad_()
    folded = torch_op.adacof_warp(image, logits, alpha, beta, 3, 1, "truncate", logits=True)
    plain = adacof_warp(image, torch.softmax(logits, 1), alpha, beta, spec, "gather")
    assert (folded - plain).abs().max() <= 1e-5
    inputs = (image, logits, alpha, beta)
    pairs = (torch.autograd.grad(result.sin().sum(), inputs) for result in (folded, plain))
    for one, other in zip(*pairs, strict=True):
        assert (one - other).abs().max() <= 2e-5


@needs_library
def test_strided_and_half_precision_tensors_are_taken() -> None:
    spec = WarpSpec(3, 1, "bilinear")
    inputs = [tensor.detach() for tensor in make_inputs(spec)]
    expected = adacof_warp(*inputs, spec, "fused")
    strided = [tensor.contiguous(memory_format=torch.channels_last) for tensor in inputs]
    assert torch.equal(adacof_warp(*strided, spec, "fused"), expected)
    half = [tensor.bfloat16() for tensor in inputs]
    widened = adacof_warp(*(tensor.float() for tensor in half), spec, "fused")
    got = adacof_warp(*half, spec, "fused")
    assert got.dtype == torch.bfloat16
    assert torch.equal(got, widened.bfloat16())


def test_other_types_are_sent_to_another_formulation() -> None:
    spec = WarpSpec(3, 1, "truncate")
    inputs = [tensor.detach().double() for tensor in make_inputs(spec)]
    with pytest.raises(InputError, match=r"got: float64 on cpu\n  fix: .*'gather'"):
        adacof_warp(*inputs, spec, "fused")


@needs_library  # only to compare values in the end
def test_export_needs_no_library(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The graph holds one operator for each warp; only running it asks for the library."""

    class Warp(torch.nn.Module):
        def forward(self, image: Tensor, weight: Tensor, alpha: Tensor, beta: Tensor) -> Tensor:
            return adacof_warp(image, weight, alpha, beta, spec, "fused")

    spec = WarpSpec(3, 1, "truncate")
    inputs = tuple(tensor.detach() for tensor in make_inputs(spec))
    monkeypatch.setenv(native.VARIABLE, str(tmp_path / "none.so"))
    sides = {2: torch.export.Dim("h", min=2), 3: torch.export.Dim("w", min=2)}
    program = torch.export.export(Warp(), inputs, dynamic_shapes=(sides,) * 4)
    targets = [str(node.target) for node in program.graph.nodes if "cdfi" in str(node.target)]
    assert targets == ["cdfi.adacof_warp.default"]
    with pytest.raises(native.NativeError, match="does not exist"):
        Warp()(*inputs)
    monkeypatch.undo()
    larger = [torch.nn.functional.pad(tensor, (0, 5, 0, 3)) for tensor in inputs]
    assert torch.equal(program.module()(*larger), Warp()(*larger))


def test_importing_the_formulation_loads_no_torch() -> None:
    code = "from cdfi_model.warp import WARPS; import sys; WARPS.get('fused')"
    code += "; print('torch' in sys.modules)"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "False"


@needs_library
@pytest.mark.parametrize("name", ["compressed_adacof", "cdfi"])
def test_a_training_step_has_the_same_gradients(name: str) -> None:
    """All parameters of a network, through warped features too (cdfi, with fewer taps)."""
    spec = dataclasses.replace(NETWORKS.get(name), warp=WarpSpec(3, 2, "truncate"))
    network = build_network(spec, seed=1)
    random = torch.Generator().manual_seed(2)
    frames = [torch.rand(1, 3, 64, 64, generator=random) for _ in range(3)]
    flow = torch.zeros(1, 4, 64, 64)
    objective = Objective(network, Losses(), torch.device("cpu"))
    found = {}
    for warp in ("gather", "fused"):
        network.formulation = warp
        network.zero_grad()
        objective(Batch(frames[0], frames[1], frames[2], flow), True, False).picture.backward()
        found[warp] = {
            name: parameter.grad.clone()
            for name, parameter in network.named_parameters()
            if parameter.grad is not None
        }
    other, fused = found.values()
    assert fused.keys() == other.keys()
    scale = max(float(gradient.abs().max()) for gradient in other.values())
    assert scale > 0
    for key, gradient in other.items():
        assert (fused[key] - gradient).abs().max() <= 1e-4 * scale, key


def test_auto_trains_with_the_fused_warp_where_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    network = build_network(NETWORKS.get("compressed_adacof"), seed=0)
    monkeypatch.setattr(native, "available", lambda: True)
    assert training_warp("auto", network, "cpu") == "fused"
    assert training_warp("auto", network, "cuda") == "per_tap"
    assert training_warp("gather", network, "cpu") == "gather"
    monkeypatch.setattr(native, "available", lambda: False)
    assert training_warp("auto", network, "cpu") == "per_tap"
    for warp, device in (("unfold", "cpu"), ("fused", "cuda")):
        with pytest.raises(InputError, match=r"expected: one of auto, .*gather"):
            training_warp(warp, network, device)
    monkeypatch.setattr(native, "LIBRARY", "libcdfi_absent.so")
    monkeypatch.delenv(native.VARIABLE, raising=False)
    with pytest.raises(native.NativeError, match="fix: make native"):
        training_warp("fused", network, "cpu")
