"""``cdfi-bench profile``: the nodes that ran, the work of convolutions, and refusals."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cdfi_bench.cli import app
from cdfi_bench.profile import NodeTime, profile_artifact
from cdfi_runtime.command import run_app
from cdfi_runtime.errors import InputError


def test_the_convolution_is_counted(make_artifact, tint) -> None:
    found = profile_artifact(make_artifact(tint), (48, 32), runs=2, threads=1)
    (conv,) = (node for node in found.nodes if node.operator in ("Conv", "FusedConv"))
    # 3x3 taps; from 6 channels to the 3 of a frame, or to a block that they are filled up to.
    assert conv.macs == conv.output[1] * 48 * 32 * 6 * 9
    assert conv.output[1] in (3, 8, 16)
    assert "Concat" in found.operators()
    times = [node.seconds for node in found.nodes]
    assert times == sorted(times, reverse=True)
    assert found.seconds == pytest.approx(sum(times))


def test_the_rate_is_two_operations_each() -> None:
    node = NodeTime("conv", "Conv", 0.5, ((1, 2, 4, 4), (3, 2, 3, 3)), (1, 3, 4, 4), 10**9)
    assert node.gflops == pytest.approx(4.0)


def test_the_command_writes_what_it_shows(
    make_artifact, tint, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, out = make_artifact(tint), tmp_path / "new" / "profile.json"
    with pytest.raises(SystemExit) as end:
        run_app(app, ["profile", str(path), "--size", "48x32", "--runs", "1", "--out", str(out)])
    assert end.value.code == 0
    written = json.loads(out.read_text(encoding="utf-8"))
    assert (written["artifact"], written["width"], written["height"]) == (path.name, 48, 32)
    shown = capsys.readouterr().out
    assert all(node["operator"] in shown for node in written["nodes"])


def test_a_fixed_graph_is_profiled_at_its_own_size(make_artifact, tint) -> None:
    path = make_artifact(tint, size=(64, 32))
    found = profile_artifact(path, (48, 32), runs=1)
    assert (found.width, found.height) == (64, 32)
    with pytest.raises(InputError, match="64x32"):
        profile_artifact(path, (80, 32), runs=1)


def test_what_another_runtime_runs_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "network.safetensors"
    path.write_bytes(b"weights")
    with pytest.raises(InputError, match="cannot be profiled"):
        profile_artifact(path, (48, 32), runs=1)
