"""``cdfi-bench quality``: the numbers of the baseline, and subjects beside it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from cdfi_bench.cli import app
from cdfi_bench.report import Report
from cdfi_bench.scores import IDENTICAL, TOO_SMALL, frame_quality, mean_quality, raw_parity
from cdfi_runtime.command import run_app
from cdfi_runtime.images import read_image


def bench(*arguments: object) -> int:
    with pytest.raises(SystemExit) as end:
        run_app(app, [str(argument) for argument in arguments])
    return int(end.value.code or 0)


def load(folder: Path) -> Report:
    return Report.model_validate_json((folder / "quality.json").read_text())


def test_baseline_is_the_mean_of_both_frames_by_definition(images: Path, tmp_path: Path) -> None:
    assert bench("quality", "--baseline", "average", "--data", images, "--out", tmp_path) == 0
    (row,) = load(tmp_path).rows
    assert row.subject == "frame average" and row.input.image_set == "scenes"
    expected = []
    for scene in ("A", "B"):
        frames = [read_image(images / f"scenes/input/{scene}/frame1{i}.png") for i in (0, 1)]
        truth = read_image(images / f"scenes/gt/{scene}/frame10i11.png").astype(float)
        average = np.floor((frames[0].astype(float) + frames[1]) / 2 + 0.5)
        expected.append(10 * np.log10(255**2 / np.mean((average - truth) ** 2)))
    assert row.quality.psnr_db == pytest.approx(np.mean(expected), abs=1e-4)
    assert 0 < row.quality.ssim < 1
    assert row.quality.psnr_difference_db is None


def test_weights_and_artifact_agree_and_are_compared_with_averaging(
    tint, make_artifact, images: Path, tmp_path: Path
) -> None:
    artifact, out = make_artifact(tint), tmp_path / "out"
    arguments = ("--baseline", "average", "--data", images / "scenes", "--out", out)
    assert bench("quality", tint.weights, artifact, *arguments) == 0
    baseline, torch_row, onnx_row = load(out).rows
    assert torch_row.backend.runtime == "torch" and onnx_row.backend.runtime == "onnxruntime"
    assert torch_row.quality.psnr_db == pytest.approx(onnx_row.quality.psnr_db, abs=0.01)
    for row in (torch_row, onnx_row):
        assert row.quality.reference == "frame average"
        assert row.quality.reference_psnr_db == pytest.approx(baseline.quality.psnr_db)
        gain = row.quality.psnr_db - baseline.quality.psnr_db
        assert row.quality.psnr_difference_db == pytest.approx(gain)


def test_least_gain_is_a_gate(tint, images: Path, tmp_path: Path) -> None:
    # A blur of both frames can't be 20 dB better than their mean.
    arguments = ("--baseline", "average", "--data", images / "scenes", "--out", tmp_path)
    assert bench("quality", tint.weights, *arguments, "--min-gain", "-40") == 0
    assert bench("quality", tint.weights, *arguments, "--min-gain", "20") == 1
    failed = load(tmp_path).rows[1].verdict
    assert failed.status == "fail" and "must be >= 20" in failed.reason


def test_corrupt_subject_is_a_failed_row(images: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.safetensors"
    broken.write_text("text")
    out = tmp_path / "out"
    assert bench("quality", broken, "--baseline", "average", "--data", images, "--out", out) == 1
    assert [row.verdict.status for row in load(out).rows] == ["pass", "fail"]


def test_set_without_truth_is_refused(
    images: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bench("quality", "--data", images / "clips", "--out", tmp_path) == 2
    assert "true middle frames" in capsys.readouterr().err


def test_exact_frames_and_small_frames_give_null_with_reason() -> None:
    truth = np.full((9, 9, 3), 128, np.uint8)
    exact = frame_quality((truth / np.float32(255)).astype(np.float32), truth)
    assert exact.psnr_db is None and exact.unmeasured["psnr_db"] == IDENTICAL
    assert mean_quality([exact, exact]).unmeasured["psnr_db"] == IDENTICAL
    small = frame_quality(np.zeros((3, 9, 3), np.float32), truth[:3])
    assert small.ssim is None and small.unmeasured["ssim"] == TOO_SMALL
    assert small.psnr_db == pytest.approx(20 * np.log10(255 / 128))


def test_raw_parity_is_not_rounded() -> None:
    random = np.random.default_rng(1)
    a = random.random((16, 16, 3), dtype=np.float32)
    b = a + np.float32(1e-4)
    measured = raw_parity(a, b, "torch")
    assert measured.psnr_db == pytest.approx(80.0, abs=0.01)
    assert measured.max_abs == pytest.approx(1e-4, rel=1e-2)
    assert measured.p99_9 <= measured.max_abs
