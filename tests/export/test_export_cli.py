"""The command: tables, messages and exit codes."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from cdfi_export import pipeline, run
from cdfi_export.cli import app
from cdfi_runtime.command import run_app
from cdfi_runtime.errors import CdfiError

SCRIPT = Path(__file__).parents[2] / "export" / "export.py"


def _run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as caught:
        run_app(app, arguments)
    return int(caught.value.code or 0)


@pytest.fixture
def in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cells run here, where the patches of a test hold."""

    def direct(function: Any, *args: Any, on_message: Any = None) -> Any:
        return function(on_message, *args)

    monkeypatch.setattr(run, "run_apart", direct)


@pytest.fixture
def copied_graph(monkeypatch: pytest.MonkeyPatch, tiny_run: Any) -> None:
    """Graphs come from an earlier run: tracing is tested elsewhere."""
    from dataclasses import replace

    from cdfi_export.format_spec import FORMATS, GraphRequest, WrittenGraph

    def copy(_request: GraphRequest, path: Path) -> WrittenGraph:
        path.write_bytes((tiny_run.out / "tiny_64x64.onnx").read_bytes())
        return WrittenGraph()

    monkeypatch.setitem(FORMATS._entries, "onnx", replace(FORMATS.get("onnx"), export=copy))


@pytest.mark.usefixtures("copied_graph", "in_this_process")
def test_a_run_ends_with_a_table_and_exit_code_0(
    tiny_weights: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    arguments = ["--weights", str(tiny_weights), "--size", "64x64", "--name", "mine"]
    assert _run(*arguments, "--out", str(tmp_path), "--threads", "1") == 0
    output = capsys.readouterr().out
    for text in ("mine_64x64.onnx", "pass", "gather"):
        assert text in output
    assert (tmp_path / "mine_64x64.onnx").is_file()


@pytest.mark.usefixtures("copied_graph", "in_this_process")
def test_a_missed_gate_ends_with_exit_code_1_and_the_numbers(
    tiny_weights: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    from cdfi_export import pipeline, verify
    from cdfi_export.gates import ParityGate

    impossible = ParityGate(max_abs=1e-12, psnr_db=300.0)
    for module in (pipeline, verify):
        monkeypatch.setattr(module, "parity_gate", lambda *_: impossible)
    arguments = ["--weights", str(tiny_weights), "--size", "64x64", "--out", str(tmp_path)]
    assert _run(*arguments) == 1
    captured = capsys.readouterr()
    assert "fail" in captured.out
    assert "dB is below 300 dB" in captured.err and "above 1e-12" in captured.err
    assert (tmp_path / "tiny_64x64.onnx.failed").is_file()
    assert not (tmp_path / "tiny_64x64.onnx").exists()


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--size", "0x5"], "sides of 1 to 8192"),
        (["--size", "abc"], "--size 448x256"),
        (["--network", "adacoff"], "compressed_adacof"),
        (["--format", "onyx", "--network", "cdfi"], "onnx"),
        (["--warp", "magic", "--network", "compressed_adacof"], "per_tap"),
        (["--opset", "17", "--network", "compressed_adacof"], "opset 18 to"),
        (["--network", "compressed_adacof", "--warp", "deform_conv"], "truncate"),
        (["--no-such-option"], "no-such-option"),
        (["--weights", str(SCRIPT)], "safetensors"),
    ],
)
def test_usage_errors_end_with_exit_code_2_and_the_fix(
    arguments: list[str],
    text: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = tmp_path / "out"
    assert _run(*arguments, "--out", str(out)) == 2
    captured = capsys.readouterr()
    assert text in captured.err
    assert "Traceback" not in captured.err
    assert not out.exists()


@pytest.mark.usefixtures("in_this_process")
def test_an_environment_error_of_one_artifact_ends_with_exit_code_2(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(*_args: Any) -> list[pipeline.ExportOutcome]:
        return [pipeline.ExportOutcome("a.onnx", None, None, CdfiError("no space", fix="free it"))]

    monkeypatch.setattr(run, "export_all", fails)
    assert _run("--name", "a", "--out", str(tmp_path / "out")) == 2
    captured = capsys.readouterr()
    assert "a_dynamic.onnx" in captured.out and "free it" in captured.err


def test_list_names_formats_networks_and_warps(capsys: pytest.CaptureFixture[str]) -> None:
    assert _run("--list") == 0
    output = capsys.readouterr().out
    for name in ("onnx", "cdfi", "compressed_adacof", "per_tap", "deform_conv"):
        assert name in output


def test_the_script_is_the_command() -> None:
    done = subprocess.run(
        [sys.executable, str(SCRIPT), "--help"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "--verify-data" in done.stdout


@pytest.mark.slow
def test_ctrl_c_while_tracing_leaves_an_empty_folder(tmp_path: Path) -> None:
    out = tmp_path / "out"
    arguments = ["--network", "compressed_adacof", "--size", "64x64", "--out", str(out)]
    process = subprocess.Popen(
        [sys.executable, str(SCRIPT), *arguments],
        stderr=subprocess.PIPE,
        text=True,
        # A shell starts background jobs with SIGINT ignored, and children inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    deadline = time.monotonic() + 120
    while not (out.is_dir() and any(out.glob(".export-*"))):
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 130, errors
    assert "interrupted" in errors
    assert list(out.iterdir()) == []
