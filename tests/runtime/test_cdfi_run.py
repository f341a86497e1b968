from __future__ import annotations

import importlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cdfi_runtime import cli
from cdfi_runtime.command import run_app
from cdfi_runtime.errors import ArtifactError
from cdfi_runtime.images import read_image, write_image
from cdfi_runtime.interpolator import Interpolator


def _run(*args: object) -> int:
    with pytest.raises(SystemExit) as end:
        run_app(cli.app, [str(arg) for arg in args])
    return int(end.value.code or 0)


@pytest.fixture
def model(make_artifact: Any) -> Path:
    return Path(make_artifact())


@pytest.fixture
def pair(tmp_path: Path, frames: list[np.ndarray]) -> list[Path]:
    paths = [tmp_path / "a.png", tmp_path / "b.png"]
    for path, frame in zip(paths, frames, strict=False):
        write_image(path, frame)
    return paths


@pytest.fixture
def folder(tmp_path: Path, frames: list[np.ndarray]) -> Path:
    folder = tmp_path / "in"
    folder.mkdir()
    for index, frame in enumerate(frames[:3]):
        write_image(folder / f"f{index + 8}.png", frame)  # f8, f9, f10: natural order matters
    return folder


def test_two_pictures(model: Path, pair: list[Path], tmp_path: Path) -> None:
    out = tmp_path / "new" / "mid.png"
    assert _run(*pair, "-o", out, "--model", model, "--threads", 1) == 0
    a, b = (read_image(path) for path in pair)
    np.testing.assert_array_equal(read_image(out), Interpolator.load(model).interpolate(a, b))


def test_what_ran_and_why_is_said(
    model: Path, pair: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [*pair, "-o", tmp_path / "mid.png", "--model", model]
    assert _run(*arguments, "--accelerator", "qnn") == 0
    output = " ".join(capsys.readouterr().err.split())
    assert "runtime onnxruntime (takes the format 'onnx', is installed) on cpu" in output
    assert "asked for 'qnn'" in output and "no provider" in output
    (tmp_path / "mid.png").unlink()
    assert _run(*arguments, "--accelerator", "qnn", "--strict") == 2
    assert "would not run on 'qnn' alone" in capsys.readouterr().err
    assert not (tmp_path / "mid.png").exists()


def test_a_folder(model: Path, folder: Path, tmp_path: Path, frames: list[np.ndarray]) -> None:
    out = tmp_path / "out"
    assert _run(folder, "-o", out, "--factor", 4, "--model", model) == 0
    names = sorted(path.name for path in out.iterdir())
    assert names == [f"{index:06d}.png" for index in range(9)]
    expected = Interpolator.load(model).interpolate_sequence(frames[:3], 4)
    for name, frame in zip(names, expected, strict=True):
        np.testing.assert_array_equal(read_image(out / name), frame)


def test_the_factor_of_a_folder_is_two_unless_given(
    model: Path, folder: Path, tmp_path: Path
) -> None:
    assert _run(folder, "-o", tmp_path / "out", "--model", model) == 0
    assert len(list((tmp_path / "out").iterdir())) == 5


def test_an_output_folder_inside_the_input_is_no_input(model: Path, folder: Path) -> None:
    assert _run(folder, "-o", folder / "out", "--model", model) == 0
    assert len(list((folder / "out").iterdir())) == 5


def test_inputs_are_never_overwritten(
    model: Path, folder: Path, pair: list[Path], capsys: pytest.CaptureFixture[str]
) -> None:
    before = {path: path.read_bytes() for path in [*pair, *folder.iterdir()]}
    for target in (folder, folder / ".." / "in"):
        assert _run(folder, "-o", target, "--model", model) == 2
        assert "the output folder is the input folder" in capsys.readouterr().err
    assert _run(*pair, "-o", pair[0], "--model", model) == 2
    assert "would overwrite an input" in capsys.readouterr().err
    assert {path: path.read_bytes() for path in before} == before


def test_frames_of_two_runs_are_not_mixed(
    model: Path, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run(folder, "-o", tmp_path / "out", "--model", model) == 0
    assert _run(folder, "-o", tmp_path / "out", "--model", model) == 2
    assert "already holds images" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["A", "B", "-o", "OUT/mid.mp4"], "no image file name"),
        (["A", "B", "-o", "OUT"], "output is a folder"),
        (["A", "B", "-o", "OUT/m.png", "--t", "0.25"], "--factor 4"),
        (["A", "B", "-o", "OUT/m.png", "--factor", "2"], "for folders"),
        (["A", "B", "-o", "OUT/m.png", "--runtime", "magic"], "onnxruntime"),
        (["A", "B", "-o", "OUT/m.png", "--model", "absent.onnx"], "not found"),
        (["A", "B", "-o", "OUT/m.png", "--model", "TEXT"], "no ONNX model"),
        (["A", "B", "-o", "OUT/m.png", "--model", "EMPTY"], "0 bytes"),
        (["A", "TEXT", "-o", "OUT/m.png"], "cannot be read as an image"),
        (["A", "EMPTY", "-o", "OUT/m.png"], "0 bytes"),
        (["A", "absent.png", "-o", "OUT/m.png"], "not found"),
        (["A", "SMALL", "-o", "OUT/m.png"], "different sizes"),
        (["A", "B", "-o", "TEXT/m.png"], "output folder"),
        (["A", "B", "A", "-o", "OUT/m.png"], "two image files or one folder"),
        (["A", "-o", "OUT/m.png"], "two image files or one folder"),
        (["DIR", "-o", "OUT/new", "--factor", "3"], "powers of two"),
        (["OUT", "-o", "OUT/new"], "too few frames"),
        (["DIR", "-o", "TEXT"], "output folder"),
        (["A", "B"], "--output"),
        (["A", "B", "-o", "OUT/m.png", "--threads", "0"], "--threads"),
    ],
)
def test_bad_calls_end_with_2_and_say_why(
    model: Path,
    pair: list[Path],
    folder: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    args: list[str],
    message: str,
) -> None:
    (tmp_path / "empty").mkdir()
    names = {
        "A": pair[0],
        "B": pair[1],
        "DIR": folder,
        "OUT": tmp_path / "empty",
        "TEXT": tmp_path / "text.onnx",
        "EMPTY": tmp_path / "zero.onnx",
        "SMALL": tmp_path / "small.png",
    }
    names["TEXT"].write_text("just text\n")
    names["EMPTY"].touch()
    write_image(names["SMALL"], np.zeros((4, 4, 3), np.uint8))
    parts = (arg.partition("/") for arg in args)
    filled = [str(names.get(head, head)) + slash + tail for head, slash, tail in parts]
    if "--model" not in args:
        filled += ["--model", str(model)]
    assert _run(*filled) == 2
    error = capsys.readouterr().err
    assert message in error
    assert "Traceback" not in error
    assert list((tmp_path / "empty").rglob("*.png")) == []


def test_a_frame_of_another_size_is_named_and_earlier_ones_stay(
    model: Path, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_image(folder / "f11.png", np.zeros((4, 4, 3), np.uint8))
    assert _run(folder, "-o", tmp_path / "out", "--model", model) == 2
    error = capsys.readouterr().err
    assert "f11.png" in error
    assert "5 of 7 frames are complete" in error
    assert len(list((tmp_path / "out").iterdir())) == 5


def test_nothing_is_written_when_the_network_returns_nan(
    make_artifact: Any, pair: list[Path], tmp_path: Path
) -> None:
    out = tmp_path / "mid.png"
    assert _run(*pair, "-o", out, "--model", make_artifact("nan", name="nan.onnx")) == 2
    assert not out.exists()


def test_a_folder_without_write_permission(model: Path, pair: list[Path], tmp_path: Path) -> None:
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o555)
    if os.access(locked, os.W_OK):
        pytest.skip("this user may write everywhere")
    assert _run(*pair, "-o", locked / "mid.png", "--model", model) == 2


def test_version_and_runtimes(capsys: pytest.CaptureFixture[str]) -> None:
    assert _run("--version") == 0
    assert capsys.readouterr().out.startswith("cdfi-run ")
    importlib.import_module("cdfi_model.torch_runtime")  # as the entry point does when installed
    assert _run("--list-runtimes") == 0
    listing = capsys.readouterr().out
    assert "onnxruntime" in listing
    assert "pip install 'cdfi-mobile[model]'" in listing


def test_without_an_embedded_model_the_message_helps(
    pair: list[Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def absent(*_: object, **__: object) -> None:
        raise ArtifactError("this installation has no embedded model", fix="--model FILE")

    monkeypatch.setattr(Interpolator, "load", absent)
    assert _run(*pair, "-o", tmp_path / "mid.png") == 2
    assert "--model FILE" in capsys.readouterr().err


def test_an_interruption_keeps_finished_frames(model: Path, tmp_path: Path) -> None:
    """A real process, stopped by Ctrl-C in the middle of a long folder."""
    source, target = tmp_path / "long", tmp_path / "out"
    source.mkdir()
    for index in range(40):
        write_image(source / f"{index}.png", np.full((64, 64, 3), index, np.uint8))
    command = [sys.executable, "-m", "cdfi_runtime.cli", source, "-o", target, "--factor", "64"]
    process = subprocess.Popen(
        [*command, "--model", model, "--threads", "1"],
        stderr=subprocess.PIPE,
        text=True,
        # A shell starts background jobs with SIGINT ignored, and children inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    deadline = time.monotonic() + 60
    while not (target.is_dir() and len(list(target.glob("0*.png"))) >= 3):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "interrupted" in error
    assert "frames are complete" in error
    assert "Traceback" not in error
    left = sorted(path.name for path in target.iterdir())
    assert left == [f"{index:06d}.png" for index in range(len(left))]
    assert 3 <= len(left) < 39 * 64 + 1
    assert read_image(target / left[-1]).shape == (64, 64, 3)
