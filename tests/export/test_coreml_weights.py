"""Smaller weights in Core ML packages: what is packed, what is kept, and that it unpacks right."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from cdfi_export.format_spec import INPUT_NAMES
from cdfi_export.frame_size import FrameSize
from cdfi_export.options import ExportOptions
from cdfi_export.pipeline import export_all
from cdfi_model.checkpoints.weights import load_network
from cdfi_model.network import InterpolationNetwork
from cdfi_runtime.errors import ArtifactError
from cdfi_runtime.manifest import load_manifest

pytest.importorskip("coremltools")

from cdfi_export import coreml_check, coreml_compress, coreml_trace, mil_constants, mil_evaluator

SIZE = FrameSize(64, 48)
PACKED = {"int8": "constexpr_affine_dequantize", "palette6": "constexpr_lut_to_dense"}


@dataclass(frozen=True)
class Traced:
    """The small network and its half precision program, traced once for all tests."""

    network: InterpolationNetwork
    model: Any


@pytest.fixture(scope="module")
def traced(tiny_shared_weights: Path) -> Traced:
    network = load_network(tiny_shared_weights).eval()
    return Traced(network, coreml_trace.trace(network, SIZE, "float16"))


def program(model: Any, path: Path) -> Any:
    coreml_trace.save(model, path)
    return mil_evaluator.load_program(path)


@pytest.mark.parametrize(("precision", "psnr_db"), [("int8", 45), ("palette6", 40)])
def test_packed_weights_give_nearly_what_torch_gives(
    traced: Traced, tmp_path: Path, precision: str, psnr_db: float
) -> None:
    network = traced.network
    model = coreml_compress.compress(traced.model, network, network.sensitive_layers, precision)
    coreml_check.check_positions(model)
    generator = torch.Generator().manual_seed(3)
    coarse = torch.rand(2, 3, 6, 8, generator=generator)
    frames = torch.nn.functional.interpolate(coarse, size=(SIZE.height, SIZE.width), mode="bicubic")
    inputs = dict(zip(INPUT_NAMES, frames.split(1), strict=True))
    got = mil_evaluator.evaluate(program(model, tmp_path / "packed.mlpackage"), inputs)["frame1"]
    with torch.no_grad():
        wanted = network(*inputs.values())
    error = float((got - wanted).square().mean())
    assert -10 * np.log10(error + 1e-20) >= psnr_db
    assert error > 0  # packed weights are not the network's own


@pytest.mark.parametrize("precision", list(PACKED))
def test_sensitive_layers_and_fixed_filters_keep_their_weights(
    traced: Traced, precision: str
) -> None:
    network = traced.network
    model = coreml_compress.compress(traced.model, network, network.sensitive_layers, precision)
    weights: dict[str, str] = {}
    for operation in coreml_check.operations(model):
        for output in operation.outputs:
            weights[output.name] = operation.type
    convolutions = [
        weights[operation.inputs["weight"].arguments[0].name]
        for operation in coreml_check.operations(model)
        if operation.type in ("conv", "conv_transpose")
    ]
    free = coreml_compress.weight_names(network, network.sensitive_layers)
    assert not any(f"_{name}_weight" in item for item in free for name in network.sensitive_layers)
    assert list(weights.values()).count(PACKED[precision]) == len(free)
    assert convolutions.count("const") >= len(network.sensitive_layers) - 2


def test_weights_that_are_not_found_are_an_error(traced: Traced) -> None:
    other = torch.nn.Sequential(torch.nn.Conv2d(1, 1, 1))
    with pytest.raises(ArtifactError, match="p_0_weight_to_fp16"):
        coreml_compress.compress(traced.model, other, (), "int8")


@pytest.mark.parametrize("bits", [1, 4, 6, 8])
def test_palettes_unpack_to_their_values(bits: int) -> None:
    from coremltools.optimize._utils import pack_elements_into_bits

    weight = np.random.default_rng(bits).normal(size=(5, 7, 3)).astype(np.float32)
    values, places = coreml_compress.palette(weight, bits)
    assert values.shape == (1 << bits,) and np.all(np.diff(values) >= 0)
    nearest = np.abs(weight.ravel()[:, None] - values).argmin(1)
    assert np.allclose(values[places], values[nearest])
    packed = pack_elements_into_bits(places, bits)
    dense = mil_constants.lut_to_dense(
        torch.from_numpy(packed), torch.from_numpy(values), torch.tensor(weight.shape)
    )
    assert np.array_equal(dense.numpy(), values[places].reshape(weight.shape))


def test_a_palette_is_better_than_a_uniform_grid() -> None:
    weight = np.random.default_rng(0).standard_t(3, size=20000)
    values, places = coreml_compress.palette(weight, 6)
    uniform = np.linspace(weight.min(), weight.max(), 64)
    step = uniform[1] - uniform[0]
    rounded = uniform[np.round((weight - weight.min()) / step).astype(int)]
    assert np.square(values[places] - weight).mean() < 0.5 * np.square(rounded - weight).mean()


def test_a_palette_that_does_not_fit_is_an_error() -> None:
    with pytest.raises(ArtifactError, match="palette"):
        mil_constants.lut_to_dense(
            torch.zeros(3, dtype=torch.uint8), torch.zeros(16), torch.tensor([2, 4])
        )


def test_scales_count_along_their_axis() -> None:
    data = torch.tensor([[10, 20], [30, 40]], dtype=torch.int8)
    scale, zero = torch.tensor([1.0, 0.5]), torch.tensor([0, 10], dtype=torch.int8)
    rows = mil_constants.affine_dequantize(data, zero, scale, axis=0)
    columns = mil_constants.affine_dequantize(data, zero, scale, axis=1)
    assert rows.tolist() == [[10, 20], [10, 15]]
    assert columns.tolist() == [[10, 5], [30, 15]]


def test_the_manifest_says_what_was_packed(
    tiny_shared_weights: Path, tmp_path: Path, recorder: Any
) -> None:
    options = ExportOptions(
        weights=tiny_shared_weights,
        format="coreml",
        precision="palette6",
        sizes=(SIZE,),
        out=tmp_path,
        threads=1,
    )
    (outcome,) = export_all(options, recorder)
    assert outcome.file is not None
    manifest = load_manifest(outcome.file)
    assert "palette6" in manifest.graph.remarks[0] and "tap_logits" in manifest.graph.remarks[0]
    assert manifest.graph.operators["constexpr_lut_to_dense"] > 0
    assert manifest.parity[0].lost_limit_db == 0.2
