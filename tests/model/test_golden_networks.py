"""Our networks compute what the published definitions compute."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from cdfi_model.checkpoints.published import import_checkpoint
from cdfi_model.network import InterpolationNetwork
from cdfi_model.spec import NETWORKS
from torch import Tensor

GOLDEN = Path(__file__).parents[1] / "golden"
CASES = ("adacof_f5_d1", "cdfi_f11_d2", "compressed_adacof_f11_d2", "compressed_adacof_f5_d1")
SIZES = ((64, 96), (70, 101))
StateDict = Callable[[str], dict[str, Tensor]]


@pytest.fixture(scope="module", params=CASES)
def case(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def network(
    case: str,
    golden_manifest: dict[str, Any],
    golden_state_dict: StateDict,
    tmp_path_factory: pytest.TempPathFactory,
) -> InterpolationNetwork:
    """Imported the way a user imports a published file."""
    path = tmp_path_factory.mktemp("published") / f"{case}.pth"
    torch.save({"state_dict": golden_state_dict(case)}, path)
    spec = NETWORKS.get(golden_manifest["cases"][case]["network"])
    return import_checkpoint(path, spec)


def run(
    network: InterpolationNetwork, case: str, size: tuple[int, int], dtype: torch.dtype
) -> tuple[Tensor, Tensor]:
    """Output and golden output, both float64."""
    height, width = size
    with np.load(GOLDEN / f"{case}.npz") as arrays:
        frame0, frame1, frame2 = (
            torch.from_numpy(arrays[f"{name}_{height}x{width}"]).to(dtype)
            for name in ("frame0", "frame1", "frame2")
        )
    sides = (0, -width % 32, 0, -height % 32)
    padded = [F.pad(frame, sides, mode="reflect") for frame in (frame0, frame2)]
    with torch.no_grad():
        output = network.to(dtype)(*padded)[..., :height, :width]
    return output.double(), frame1.double()


def test_every_case_is_tested(golden_manifest: dict[str, Any]) -> None:
    assert sorted(golden_manifest["cases"]) == sorted(CASES)


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_float64_within_1e_5_of_the_standard_deviation(
    network: InterpolationNetwork, case: str, size: tuple[int, int]
) -> None:
    network.formulation = "per_tap"
    output, golden = run(network, case, size, torch.float64)
    assert ((output - golden).abs().max() / golden.std()).item() <= 1e-5


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_float32_within_60_db_of_the_standard_deviation(
    network: InterpolationNetwork, case: str, size: tuple[int, int]
) -> None:
    network.formulation = "gather"
    output, golden = run(network, case, size, torch.float32)
    rms = (output - golden).square().mean().sqrt().item()
    assert 20 * math.log10(golden.std().item() / rms) >= 60


def test_a_bilinear_warp_would_be_another_network(
    network: InterpolationNetwork, case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The golden vectors do tell truncation from flooring."""
    spec = network.spec
    bilinear = type(spec.warp)(spec.warp.taps, spec.warp.dilation, "bilinear")
    monkeypatch.setattr(network, "spec", type(spec)(**{**vars(spec), "warp": bilinear}))
    network.formulation = "per_row"
    output, golden = run(network, case, (64, 96), torch.float32)
    rms = (output - golden).square().mean().sqrt().item()
    assert 20 * math.log10(golden.std().item() / rms) < 45
