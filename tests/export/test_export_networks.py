"""The published family from random weights: fixed and dynamic graphs agree with torch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from cdfi_export.frame_size import FrameSize
from cdfi_export.options import ExportOptions
from cdfi_export.pipeline import export_all
from cdfi_export.source import load_source
from cdfi_runtime.interpolator import Interpolator

ALL = ("adacof", "adacof_plus", "cdfi", "compressed_adacof", "compressed_adacof_plus")


def _check_size(artifact: Path, network: str, height: int, width: int) -> None:
    """Hold one more frame size of a dynamic graph against torch, on a smooth moving pattern."""
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
    phases = np.array([0.0, 1.0, 2.0], np.float32)
    pair = [
        0.5 + 0.5 * np.sin(rows[..., None] / 5 + columns[..., None] / 7 + phases + shift)
        for shift in (np.float32(0), np.float32(0.6))
    ]
    interpolator = Interpolator.load(artifact, threads=1)
    got = interpolator.interpolate(*pair)
    tensors = [torch.from_numpy(frame).permute(2, 0, 1)[None] for frame in pair]
    reference = load_source(network, None, None).network
    reference.formulation = "gather"
    with torch.no_grad():
        wanted = reference(*tensors)[0].permute(1, 2, 0).clamp(0, 1).numpy()
    assert -10 * np.log10(np.square(got - wanted).mean() + 1e-20) >= 60


def _export(network: str, out: Path, recorder: Any, **options: Any) -> Path:
    (outcome,) = export_all(ExportOptions(network=network, out=out, threads=1, **options), recorder)
    assert outcome.error is None, outcome.error
    assert outcome.file is not None
    return outcome.file


@pytest.mark.parametrize(
    "network", ["compressed_adacof", pytest.param("cdfi", marks=pytest.mark.slow)]
)
def test_a_small_fixed_graph_passes_its_gate(network: str, tmp_path: Path, recorder: Any) -> None:
    _export(network, tmp_path, recorder, sizes=(FrameSize(64, 64),), warp="gather")


def test_a_dynamic_graph_holds_at_two_sizes(tmp_path: Path, recorder: Any) -> None:
    artifact = _export("compressed_adacof", tmp_path, recorder, dynamic=True)
    _check_size(artifact, "compressed_adacof", 64, 32)
    _check_size(artifact, "compressed_adacof", 32, 96)


@pytest.mark.slow
@pytest.mark.parametrize("network", ALL)
def test_every_network_exports_for_all_sizes(network: str, tmp_path: Path, recorder: Any) -> None:
    artifact = _export(network, tmp_path, recorder, dynamic=True)
    _check_size(artifact, network, 64, 96)
