"""``cdfi-bench parity`` end to end: what passes, what fails, what is skipped."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from cdfi_bench.cli import app
from cdfi_bench.references import References
from cdfi_bench.report import Report
from cdfi_export.source import load_source
from cdfi_model.torch_runtime import TorchSession
from cdfi_runtime.command import run_app
from cdfi_runtime.errors import InputError
from cdfi_runtime.images import read_image, write_image
from cdfi_runtime.metrics import psnr, to_8bit


def bench(*arguments: object) -> int:
    """Run the command and return its exit code."""
    with pytest.raises(SystemExit) as end:
        run_app(app, [str(argument) for argument in arguments])
    return int(end.value.code or 0)


def load(folder: Path, kind: str = "parity") -> Report:
    return Report.model_validate_json((folder / f"{kind}.json").read_text())


def test_exact_artifact_passes_with_a_row_per_set(
    tint, make_artifact, images: Path, tmp_path: Path
) -> None:
    artifact, out = make_artifact(tint), tmp_path / "out"
    code = bench(
        "parity",
        artifact,
        "--data",
        images,
        "--weights",
        tint.weights,
        "--out",
        out,
        "--threads",
        1,
    )
    assert code == 0
    report = load(out)
    assert [row.input.image_set for row in report.rows] == ["clips", "scenes"]
    clips, scenes = report.rows
    for row in report.rows:
        assert row.verdict.status == "pass"
        assert row.parity.max_abs < 1e-5
        assert row.backend.runtime == "onnxruntime" and row.backend.threads == 1
        assert row.artifact.sampling == "bilinear"
    assert clips.quality is None and "true" in clips.unmeasured["quality"]
    assert scenes.input.sizes == ((52, 40), (47, 33))
    assert len(scenes.images) == 2
    assert abs(scenes.quality.psnr_difference_db) <= 0.01
    assert {gate.measure for gate in scenes.verdict.gates} == {
        "max abs",
        "PSNR dB",
        "difference to torch dB",
    } - ({"PSNR dB"} if scenes.parity.psnr_db is None else set())


def test_set_numbers_come_from_the_images(
    tint, make_artifact, images: Path, tmp_path: Path
) -> None:
    artifact, out = make_artifact(tint, noise=1e-5), tmp_path / "out"
    arguments = ("--data", images / "scenes", "--weights", tint.weights, "--out", out)
    assert bench("parity", artifact, *arguments) == 0
    (row,) = load(out).rows
    parities = [image.parity for image in row.images]
    assert row.parity.max_abs == max(each.max_abs for each in parities)
    assert row.parity.psnr_db == min(each.psnr_db for each in parities)
    assert row.parity.ssim == min(each.ssim for each in parities)
    mean = np.mean([image.quality.psnr_db for image in row.images])
    assert row.quality.psnr_db == pytest.approx(mean)


def test_perturbed_artifact_fails_the_gate(
    tint, make_artifact, images: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good, bad = make_artifact(tint), make_artifact(tint, "bad.onnx", noise=0.01)
    out = tmp_path / "out"
    arguments = ("--data", images / "scenes", "--weights", tint.weights, "--out", out)
    assert bench("parity", good, bad, *arguments) == 1
    assert "1 of 2 rows failed" in capsys.readouterr().err
    rows = {row.subject: row for row in load(out).rows}
    assert rows["tint.onnx"].verdict.status == "pass"
    failed = rows["bad.onnx"].verdict
    assert failed.status == "fail"
    assert "max abs" in failed.reason and "must be <= 0.002" in failed.reason
    assert f"PSNR dB {rows['bad.onnx'].parity.psnr_db:.4g}" in failed.reason
    markdown = (out / "parity.md").read_text()
    assert markdown.index("bad.onnx") < markdown.index("tint.onnx"), "the worst comes first"
    (failure,) = ET.parse(out / "parity.junit.xml").iter("failure")
    assert failure.get("message") == failed.reason


def test_truncating_warp_has_no_limit_on_single_pixels(
    make_tint: Callable, make_artifact, images: Path, tmp_path: Path
) -> None:
    # A shift of 0.0005 is 66 dB; on one pixel, truncation may be off by more than 2e-3.
    tint = make_tint("truncate")
    artifact, out = make_artifact(tint, bias=5e-4), tmp_path / "out"
    arguments = ("--data", images / "clips", "--weights", tint.weights, "--out", out)
    assert bench("parity", artifact, *arguments) == 0
    (row,) = load(out).rows
    assert [gate.measure for gate in row.verdict.gates] == ["PSNR dB"]
    assert row.parity.psnr_db == pytest.approx(66.02, abs=0.05)
    assert row.parity.max_abs == pytest.approx(5e-4, rel=0.01)
    assert row.parity.p99_9 == pytest.approx(5e-4, rel=0.01)


def test_loss_of_quality_alone_fails(tint, make_artifact, images: Path, tmp_path: Path) -> None:
    # A shift of 0.0009 passes both raw gates (60.9 dB). The truth is made to lie close to the
    # output, so that this quarter of an 8-bit step shows.
    for scene in ("A", "B"):
        frames = [read_image(images / f"scenes/input/{scene}/frame1{i}.png") for i in (0, 1)]
        average = np.mean(frames, axis=0).round().astype(np.uint8)
        write_image(images / "scenes" / "gt" / scene / "frame10i11.png", average)
    artifact, out = make_artifact(tint, bias=9e-4), tmp_path / "out"
    arguments = ("--data", images / "scenes", "--weights", tint.weights, "--out", out)
    code = bench("parity", artifact, *arguments)
    (row,) = load(out).rows
    held = {gate.measure: gate.held for gate in row.verdict.gates}
    assert held["max abs"] and held["PSNR dB"]
    loss = abs(row.quality.psnr_db - row.quality.reference_psnr_db)
    assert abs(row.quality.psnr_difference_db) == pytest.approx(loss)
    assert loss > 0.01 and not held["difference to torch dB"]
    assert code == 1
    assert "must be <= 0.01" in row.verdict.reason


def test_broken_artifacts_become_rows_and_the_rest_goes_on(
    tint, make_artifact, images: Path, tmp_path: Path
) -> None:
    good = make_artifact(tint)
    empty, text, forged = (tmp_path / name for name in ("empty.onnx", "text.onnx", "forged.onnx"))
    empty.touch()
    text.write_text("not a model")
    forged.write_bytes(good.read_bytes() + b"\0")
    manifest = Path(f"{good}.manifest.json").read_text()
    Path(f"{forged}.manifest.json").write_text(manifest)
    out = tmp_path / "out"
    paths = (empty, text, forged, good)
    arguments = ("--data", images / "scenes", "--weights", tint.weights, "--out", out)
    assert bench("parity", *paths, *arguments) == 1
    rows = load(out).rows
    assert [row.verdict.status for row in rows] == ["fail", "fail", "fail", "pass"]
    assert "0 bytes" in rows[0].verdict.reason
    assert "no ONNX model" in rows[1].verdict.reason
    assert "sha256" in rows[2].verdict.reason
    assert rows[0].unmeasured["parity"].startswith("not measured: ")


def test_output_that_is_not_finite_fails(tint, make_artifact, images: Path, tmp_path: Path) -> None:
    artifact, out = make_artifact(tint, bias=float("nan")), tmp_path / "out"
    arguments = ("--data", images / "scenes", "--weights", tint.weights, "--out", out)
    assert bench("parity", artifact, *arguments) == 1
    (row,) = load(out).rows
    assert "2 of 2 pairs failed, the first at A" in row.verdict.reason
    assert "NaN or infinite values" in row.verdict.reason
    assert row.parity is None and row.quality is None


def test_unreadable_picture_fails_its_row_only(
    tint, make_artifact, images: Path, tmp_path: Path
) -> None:
    (images / "scenes" / "input" / "B" / "frame11.png").write_text("no picture")
    artifact, out = make_artifact(tint), tmp_path / "out"
    arguments = ("--data", images, "--weights", tint.weights, "--out", out)
    assert bench("parity", artifact, *arguments) == 1
    clips, scenes = load(out).rows
    assert clips.verdict.status == "pass" and scenes.verdict.status == "fail"
    assert "1 of 2 pairs failed, the first at B" in scenes.verdict.reason
    assert [image.name for image in scenes.images] == ["A"], "what could be measured is kept"


def test_missing_weights_are_a_skip_and_no_pass(
    tint, make_artifact, images: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    artifact, out = make_artifact(tint), tmp_path / "out"
    assert bench("parity", artifact, "--data", images, "--out", out) == 2
    assert "nothing was decided" in capsys.readouterr().err
    (row,) = load(out).rows
    assert row.verdict.status == "skip"
    assert row.artifact.weights_sha256 in row.verdict.reason
    (skipped,) = ET.parse(out / "parity.junit.xml").iter("skipped")
    assert "--weights FILE" in str(skipped.get("message"))


def test_skip_beside_a_pass_does_not_fail_the_run(
    tint, make_tint: Callable, make_artifact, images: Path, tmp_path: Path
) -> None:
    other = make_tint("truncate")
    paths = (make_artifact(tint), make_artifact(other, "other.onnx"))
    out = tmp_path / "out"
    arguments = ("--data", images / "clips", "--weights", tint.weights, "--out", out)
    assert bench("parity", *paths, *arguments) == 0
    assert [row.verdict.status for row in load(out).rows] == ["pass", "skip"]


def test_fixed_size_graph_sees_cropped_and_padded_frames(
    tint, make_artifact, images: Path, tmp_path: Path
) -> None:
    # 48 wide: scene A (52x40) loses 4 columns; both are padded to 48 rows; torch sees the same.
    artifact, out = make_artifact(tint, size=(48, 48)), tmp_path / "out"
    arguments = ("--data", images / "scenes", "--weights", tint.weights, "--out", out)
    assert bench("parity", artifact, *arguments) == 0
    (row,) = load(out).rows
    assert row.input.cropped and row.input.sizes == ((48, 40), (47, 33))
    assert row.input.padding == "reflect to 48x48"
    assert row.parity.max_abs < 1e-5


def test_quality_is_measured_on_rounded_frames(
    tint, make_artifact, images: Path, tmp_path: Path
) -> None:
    artifact, out = make_artifact(tint), tmp_path / "out"
    arguments = ("--data", images / "scenes", "--weights", tint.weights, "--pairs", 1, "--out", out)
    assert bench("parity", artifact, *arguments) == 0
    (row,) = load(out).rows
    from cdfi_runtime.interpolator import Interpolator

    frames = [read_image(images / "scenes/input/A" / f"frame1{i}.png") for i in (0, 1)]
    truth = read_image(images / "scenes/gt/A/frame10i11.png")
    shown = Interpolator.load(artifact).interpolate(*frames)
    assert row.quality.psnr_db == pytest.approx(psnr(to_8bit(shown), truth, data_range=255))
    assert row.input.images == 1


def test_sample_triplet_is_the_default_and_folders_expand(
    tint, make_artifact, tmp_path: Path
) -> None:
    artifact, out = make_artifact(tint), tmp_path / "out"
    (tmp_path / "notes.txt").write_text("no artifact: it has no manifest")
    assert bench("parity", artifact.parent, "--weights", tint.weights, "--out", out) == 0
    (row,) = load(out).rows
    assert row.input.image_set == "sample" and row.input.sizes == ((448, 256),)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("parity", "absent.onnx"), "does not exist"),
        (("parity", "."), "holds no artifact"),
        (("parity", "a.onnx", "--data", "absent"), "image folder does not exist"),
        (("parity", "a.onnx", "--weights", "absent.safetensors"), "weights file not found"),
        (("parity", "a.onnx", "--out", "a.onnx"), "output folder"),
        (("parity", "a.onnx", "--pairs", "0"), "--pairs"),
        (("latency", "a.onnx", "--size", "0x5"), "out of range"),
        (("latency", "a.onnx", "--size", "abc"), "cannot be read"),
    ],
)
def test_usage_errors_exit_2(
    arguments: tuple[str, ...],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.onnx").write_text("anything")
    assert bench(*arguments) == 2
    assert message in capsys.readouterr().err


def test_random_weights_are_found_by_their_seed() -> None:
    name = "compressed_adacof"
    source = load_source(name, None, 5)
    manifest = TorchSession(source.network).manifest
    network = manifest.network.model_copy(update={"weights_sha256": source.weights_sha256})
    manifest = manifest.model_copy(update={"network": network})
    reference = References(seed=5).find(manifest)
    assert reference.label.startswith("torch ")
    frames = np.random.default_rng(0).random((2, 1, 3, 32, 32), dtype=np.float32)
    expected = TorchSession(source.network).run(*frames)
    assert np.abs(reference.session.run(*frames) - expected).max() < 1e-4
    with pytest.raises(InputError, match="random weights, seed 6"):
        References(seed=6).find(manifest)


def test_report_is_plain_json(tint, make_artifact, images: Path, tmp_path: Path) -> None:
    artifact, out = make_artifact(tint), tmp_path / "out"
    bench("parity", artifact, "--data", images, "--weights", tint.weights, "--out", out)
    raw = json.loads((out / "parity.json").read_text(), parse_constant=pytest.fail)
    assert raw["schema_version"] == 2 and raw["kind"] == "parity"
