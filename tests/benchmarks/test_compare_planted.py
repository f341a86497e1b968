"""Worse artifacts that were really made and measured are caught by ``cdfi-bench compare``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import onnx
import pytest
from cdfi_bench.cli import app
from cdfi_bench.compare.report import Comparison
from cdfi_runtime.command import run_app
from cdfi_runtime.files import sha256_file
from cdfi_runtime.manifest import load_manifest


def run(*arguments: str | Path) -> int:
    with pytest.raises(SystemExit) as end:
        run_app(app, [str(each) for each in arguments])
    return int(end.value.code or 0)


def compared(tmp_path: Path) -> tuple[int, Comparison]:
    out = tmp_path / "compared"
    code = run("compare", tmp_path / "before", tmp_path / "after", "--out", out)
    return code, Comparison.model_validate_json((out / "compare.json").read_text())


def failed(comparison: Comparison) -> set[str]:
    return {each.measure for row in comparison.rows for each in row.checks if each.result == "fail"}


def test_a_decibel_lost_is_caught(
    tint: Any, make_artifact: Any, images: Path, tmp_path: Path
) -> None:
    options = ["--data", images, "--baseline", "average", "--threads", "1", "--out"]
    assert run("quality", make_artifact(tint), *options, tmp_path / "before") == 0
    # The shift darkens the frame, as a wrong scale of weights would.
    assert run("quality", make_artifact(tint, bias=0.02), *options, tmp_path / "after") == 0
    code, found = compared(tmp_path)
    assert code == 1 and failed(found) == {"PSNR to truth"}
    (change,) = [
        check.change
        for row in found.rows
        for check in row.checks
        if check.measure == "PSNR to truth" and check.result == "fail"
    ]
    assert change is not None and -6 < change < -0.2


def test_a_larger_file_is_caught(
    tint: Any, make_artifact: Any, images: Path, tmp_path: Path
) -> None:
    artifact = make_artifact(tint)
    options = ["--data", images, "--weights", tint.weights, "--threads", "1", "--out"]
    run("parity", artifact, *options, tmp_path / "before")
    manifest, model = load_manifest(artifact), onnx.load(artifact)
    padding = model.metadata_props.add()
    padding.key, padding.value = "padding", "0" * (artifact.stat().st_size // 10)
    onnx.save(model, artifact)
    changed = {"bytes": artifact.stat().st_size, "sha256": sha256_file(artifact)}
    facts = manifest.artifact.model_copy(update=changed)
    manifest.model_copy(update={"artifact": facts}).save(artifact)
    run("parity", artifact, *options, tmp_path / "after")
    code, found = compared(tmp_path)
    assert code == 1 and failed(found) == {"size"}


def test_two_runs_of_the_same_artifact_pass(
    tint: Any, make_artifact: Any, images: Path, tmp_path: Path
) -> None:
    artifact = make_artifact(tint)
    options = ["--data", images, "--weights", tint.weights, "--threads", "1", "--out"]
    for side in ("before", "after"):
        run("parity", artifact, *options, tmp_path / side)
    code, found = compared(tmp_path)
    assert code == 0 and {row.state for row in found.rows} == {"unchanged"}
