"""Core ML packages: converted, read back, evaluated; planted faults are caught."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from cdfi_export.format_spec import INPUT_NAMES
from cdfi_export.frame_size import FrameSize
from cdfi_export.options import ExportOptions
from cdfi_export.pipeline import ExportOutcome, export_all
from cdfi_model.checkpoints.weights import load_network
from cdfi_model.torch_runtime import TorchSession
from cdfi_runtime.errors import ArtifactError, GateError
from cdfi_runtime.manifest import load_manifest
from cdfi_runtime.runtimes import RUNTIMES, open_artifact

pytest.importorskip("coremltools")

from cdfi_export import coreml_trace, mil_evaluator

SIZE = FrameSize(64, 48)


def export(weights: Path, out: Path, observer: Any, precision: str = "float32") -> ExportOutcome:
    options = ExportOptions(
        weights=weights, format="coreml", precision=precision, sizes=(SIZE,), out=out, threads=1
    )
    (outcome,) = export_all(options, observer)
    return outcome


def frames() -> list[np.ndarray]:
    rows, columns = np.mgrid[0 : SIZE.height, 0 : SIZE.width].astype(np.float32)
    phases = np.array([0.0, 1.0, 2.0], np.float32)[:, None, None]
    return [
        (0.5 + 0.5 * np.sin(rows / 5 + columns / 7 + phases + shift))[None].astype(np.float32)
        for shift in (0.0, 0.6)
    ]


@pytest.mark.parametrize(("precision", "psnr_db"), [("float32", 90), ("float16", 60)])
def test_the_package_gives_what_torch_gives(
    tiny_shared_weights: Path, tmp_path: Path, recorder: Any, precision: str, psnr_db: float
) -> None:
    outcome = export(tiny_shared_weights, tmp_path, recorder, precision)
    assert outcome.error is None, outcome.error
    assert outcome.file is not None and outcome.file.is_dir()
    session = open_artifact(outcome.file, threads=1)
    wanted = TorchSession(load_network(tiny_shared_weights), threads=1).run(*frames())
    error = float(np.square(session.run(*frames()) - wanted).mean())
    assert -10 * np.log10(error + 1e-20) >= psnr_db
    manifest = load_manifest(outcome.file)
    assert manifest.artifact.precision == precision
    assert [item.name for item in manifest.inputs] == list(INPUT_NAMES)
    if RUNTIMES.get("coreml").installed:
        assert session.runtime == "coreml"
    else:  # never mistaken for Core ML itself
        assert session.runtime == "mil_evaluator" and "not Core ML" in session.accelerator


def test_exporting_again_replaces_the_package(
    tiny_shared_weights: Path, tmp_path: Path, recorder: Any
) -> None:
    first = export(tiny_shared_weights, tmp_path, recorder)
    assert first.file is not None
    (first.file / "left_over").write_text("of the former package")
    second = export(tiny_shared_weights, tmp_path, recorder)
    assert second.file == first.file
    assert not (first.file / "left_over").exists()
    load_manifest(first.file)
    assert not list(tmp_path.glob(".export-*"))


def test_a_changed_package_is_refused(
    tiny_shared_weights: Path, tmp_path: Path, recorder: Any
) -> None:
    outcome = export(tiny_shared_weights, tmp_path, recorder)
    assert outcome.file is not None
    (outcome.file / "more").write_text("x")
    with pytest.raises(ArtifactError, match="not the file its manifest describes"):
        open_artifact(outcome.file)


def test_positions_in_half_precision_are_refused(
    tiny_shared_weights: Path, tmp_path: Path, recorder: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Everything(tuple[str, ...]):
        def __contains__(self, _item: object) -> bool:
            return True

    monkeypatch.setattr(coreml_trace, "HALF", Everything())
    outcome = export(tiny_shared_weights, tmp_path, recorder, "float16")
    assert isinstance(outcome.error, ArtifactError)
    assert "fp32 coordinates" in str(outcome.error)


@pytest.mark.parametrize("fault", ["rows and columns exchanged", "corners aligned"])
def test_a_planted_fault_misses_the_gate(
    tiny_shared_weights: Path,
    tmp_path: Path,
    recorder: Any,
    monkeypatch: pytest.MonkeyPatch,
    fault: str,
) -> None:
    true_resample = mil_evaluator.OPERATORS["resample"]

    def wrong(**arguments: Any) -> torch.Tensor:
        if fault == "corners aligned":
            arguments["align_corners"] = not arguments["align_corners"]
        else:
            arguments["coordinates"] = arguments["coordinates"].flip(-1)
        result: torch.Tensor = true_resample(**arguments)
        return result

    monkeypatch.setitem(mil_evaluator.OPERATORS, "resample", wrong)
    if RUNTIMES.get("coreml").installed:
        pytest.skip("Core ML itself runs here, where the fault cannot be planted")
    outcome = export(tiny_shared_weights, tmp_path, recorder)
    assert isinstance(outcome.error, GateError)
    assert outcome.file is not None and outcome.file.name.endswith(".failed")


def test_an_unknown_operator_is_an_error(
    tiny_shared_weights: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, recorder: Any
) -> None:
    outcome = export(tiny_shared_weights, tmp_path, recorder)
    assert outcome.file is not None
    monkeypatch.delitem(mil_evaluator.OPERATORS, "leaky_relu")
    program = mil_evaluator.load_program(outcome.file)
    inputs = {n: torch.from_numpy(f) for n, f in zip(INPUT_NAMES, frames(), strict=True)}
    with pytest.raises(ArtifactError, match="leaky_relu"):
        mil_evaluator.evaluate(program, inputs)


def test_half_precision_is_for_convolutions_alone(tiny_shared_weights: Path) -> None:
    from coremltools.converters.mil.mil import types

    network = load_network(tiny_shared_weights)
    model = coreml_trace.trace(network, SIZE, "float16")
    kinds: dict[str, set[str]] = {}
    for operation in model._mil_program.functions["main"].operations:
        if operation.op_type not in ("const", "cast") and operation.outputs:
            kind = types.builtin_to_string(operation.outputs[0].dtype)
            kinds.setdefault(kind, set()).add(operation.op_type)
    assert "conv" in kinds["fp16"]
    assert kinds["fp16"] <= set(coreml_trace.HALF)
