"""``cdfi-bench train-step``: two formulations in turn; what is measured is left to benchmarks."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from cdfi_bench import train_step
from cdfi_bench.cli import app
from cdfi_bench.train_step import TrainStepRequest
from cdfi_model.network import build_network
from cdfi_model.spec import NETWORKS
from cdfi_runtime.errors import InputError
from typer.testing import CliRunner

SMALL = TrainStepRequest("cdfi_mobile", 32, 32, 2, runs=1, threads=1)


@pytest.mark.slow
def test_both_formulations_are_measured(tmp_path: Path) -> None:
    out = tmp_path / "new" / "steps.json"
    arguments = ["train-step", "cdfi_mobile", "--size", "32x32", "--batch", "1", "--runs", "1"]
    result = CliRunner().invoke(app, [*arguments, "--warp", "gather", "--out", str(out)])
    assert result.exit_code == 0, result.output
    rows = json.loads(out.read_text())
    assert list(rows) == ["unfold", "gather"]
    for row in rows.values():
        assert row["step_s"] > 0
        assert row["warp_forward_s"] > 0
        assert row["warp_backward_s"] > 0
        assert row["peak_mib"] is None or row["peak_mib"] > 50


def test_a_warp_that_cannot_be_trained_is_refused() -> None:
    arguments = ["train-step", "compressed_adacof", "--warp", "unfold"]
    result = CliRunner().invoke(app, arguments)
    assert isinstance(result.exception, InputError)


def test_the_warps_alone_are_those_of_the_network() -> None:
    for name in ("cdfi_mobile", "cdfi"):
        request = TrainStepRequest(name, 32, 32, 1, runs=1, threads=1)
        warps = train_step._warps_alone(request)
        assert len(warps) == 2
        warped = warps[0]("gather")
        assert warped.shape == (1, NETWORKS.get(name).warp_channels, 32, 32)
        assert warped.requires_grad


def test_a_step_trains(monkeypatch: pytest.MonkeyPatch) -> None:
    """Weights move, by the formulation that was named."""
    network = build_network(NETWORKS.get("cdfi_mobile"), seed=0)
    monkeypatch.setattr(train_step, "build_network", lambda *_, **__: network)
    step = train_step._training_step(SMALL)
    before = [parameter.detach().clone() for parameter in network.parameters()]
    step("per_tap")
    assert network.formulation == "per_tap"
    pairs = zip(before, network.parameters(), strict=True)
    assert any(not torch.equal(old, new) for old, new in pairs)
