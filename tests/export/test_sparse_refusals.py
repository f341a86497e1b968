"""Where the sparse form cannot be, or would not help, the command says why and writes nothing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from cdfi_export.cli import app
from cdfi_export.format_spec import FORMATS
from cdfi_export.frame_size import FrameSize
from cdfi_export.matrix import plan_matrix
from cdfi_export.options import ExportOptions
from cdfi_export.sparse_form import Saving, resolve_form
from cdfi_model.checkpoints.weights import load_network, save_weights
from cdfi_runtime.command import run_app
from cdfi_runtime.errors import InputError


def _run(*arguments: str | Path) -> int:
    with pytest.raises(SystemExit) as caught:
        run_app(app, [str(each) for each in arguments])
    return int(caught.value.code or 0)


@pytest.mark.parametrize(
    ("arguments", "problem", "reason"),
    [
        (("--format", "ncnn"), "'ncnn' has no sparse form in float32", "dense weights only"),
        (("--format", "executorch"), "no sparse form", "dense weights only"),
        (("--precision", "int8"), "'onnx' has no sparse form in int8", "takes 8 bytes"),
        (("--format", "coreml", "--precision", "palette6"), "in palette6", "iOS 18"),
    ],
)
def test_formats_without_it_are_refused_with_the_reason(
    pruned_weights: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    problem: str,
    reason: str,
) -> None:
    out = tmp_path / "out"
    common = ("--weights", pruned_weights, "--size", "64x64", "--form", "sparse", "--out", out)
    assert _run(*common, *arguments) == 2
    text = " ".join(capsys.readouterr().err.split())
    for expected in (problem, reason, "onnx in float32 or float16", "leave --form out"):
        assert expected in text
    assert not out.exists()


@pytest.mark.parametrize("form", ["compact", "CSR", ""])
def test_other_forms_are_refused(form: str) -> None:
    with pytest.raises(InputError, match="no such form"):
        resolve_form(FORMATS.get("onnx"), "float32", form)


def test_a_network_without_zeros_is_refused_and_nothing_is_left(
    pruned_weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    network = load_network(pruned_weights)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter[parameter == 0] = 0.01
    weights, out = tmp_path / "dense.safetensors", tmp_path / "out"
    save_weights(weights, network)
    assert _run("--weights", weights, "--size", "64x64", "--form", "sparse", "--out", out) == 2
    text = " ".join(capsys.readouterr().err.split())
    assert "would hardly be smaller in the sparse form" in text
    assert "at least 10% off the weights" in text
    assert not list(out.glob("pruned*"))


def test_everything_in_the_sparse_form_is_what_can_be(pruned_weights: Path, tmp_path: Path) -> None:
    options = ExportOptions(weights=pruned_weights, sizes=(FrameSize(64, 64),), out=tmp_path)
    dense = plan_matrix(options)
    sparse = plan_matrix(replace(options, form="sparse"))
    assert not [row for row in sparse.refused if row.verdict == "error"]
    assert {cell.plan.precision for cell in sparse.cells} == {"float32", "float16"}
    assert all(cell.plan.form == "sparse" for cell in sparse.cells)
    files, others = ({cell.plan.file for cell in each.cells} for each in (dense, sparse))
    assert not files & others
    assert {cell.recipe_sha256 for cell in dense.cells}.isdisjoint(
        cell.recipe_sha256 for cell in sparse.cells
    )
    assert any("ncnn: no sparse" in note for note in sparse.notes)
    assert any("onnx: no sparse int8" in note for note in sparse.notes)


def test_a_remark_has_the_figures() -> None:
    text = Saving(3, 1, 12_000, 4_000, 500).remark("so")
    assert text.startswith("3 of 4 weights are stored without their zeros, 12,000 bytes as 4,000")


@pytest.mark.parametrize(("after", "rest", "refused"), [(0, 9_000, False), (100, 9_000, True)])
def test_a_tenth_must_be_saved(after: int, rest: int, refused: bool) -> None:
    saving = Saving(1, 1, 1_000, after, rest)
    if refused:
        with pytest.raises(InputError, match=r"9\.0% off"):
            saving.remark("so")
    else:
        assert saving.remark("so")
