"""Many cells: what is planned, made, found again and measured."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cdfi_export import matrix, run
from cdfi_export.format_spec import FORMATS, FormatSpec, GraphRequest, WrittenGraph
from cdfi_export.frame_size import FrameSize
from cdfi_export.ledger import LEDGER, read_ledger
from cdfi_export.matrix import Cell, plan_matrix
from cdfi_export.options import ExportOptions
from cdfi_export.run import reference_of, run_cell, with_speed
from cdfi_runtime.errors import ArtifactError, InputError, OutputError, UnknownNameError

SIZE = FrameSize(64, 64)


@pytest.fixture
def options(tiny_weights: Path, tmp_path: Path) -> ExportOptions:
    return ExportOptions(weights=tiny_weights, sizes=(SIZE,), out=tmp_path / "out", threads=1)


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch, tiny_run: Any) -> list[str]:
    """Cells run in this process with graphs from an earlier run; the files that were made."""
    files: list[str] = []

    def direct(function: Any, *args: Any, on_message: Any = None) -> Any:
        return function(on_message, *args)

    def copy(request: GraphRequest, path: Path) -> WrittenGraph:
        files.append(request.manifest.artifact.file)
        source = "tiny_64x64.onnx" if request.size else "tiny_dynamic.onnx"
        path.write_bytes((tiny_run.out / source).read_bytes())
        return WrittenGraph({"Conv": 3}, ("a remark",))

    monkeypatch.setattr(run, "run_apart", direct)
    _patch(monkeypatch, export=copy)
    return files


def _patch(monkeypatch: pytest.MonkeyPatch, **changes: Any) -> FormatSpec:
    spec = replace(FORMATS.get("onnx"), **changes)
    monkeypatch.setitem(FORMATS._entries, "onnx", spec)
    return spec


def _only(options: ExportOptions) -> Cell:
    (cell,) = plan_matrix(options, ("onnx",), ()).cells
    return cell


def test_all_is_every_format_in_every_precision_with_the_reference_first(
    options: ExportOptions,
) -> None:
    planned_all = plan_matrix(options)
    cells, left_out = planned_all.cells, {row.format for row in planned_all.refused}
    expected = {
        (spec.name, name)
        for spec in FORMATS.all()
        for name in spec.precisions
        if spec.name not in left_out
    }
    assert {"onnx", "ort"} <= {name for name, _ in expected}
    planned = [(cell.plan.format.name, cell.plan.precision) for cell in cells]
    assert len(planned) == len(set(planned)) and set(planned) == expected
    assert planned[0] == matrix.REFERENCE
    assert len({cell.plan.file for cell in cells}) == len(cells)
    for cell in cells:
        assert (cell.options.format, cell.options.precision) == (
            cell.plan.format.name,
            cell.plan.precision,
        )


def test_all_without_a_size_takes_the_typical_one(options: ExportOptions) -> None:
    cells = plan_matrix(replace(options, sizes=())).cells
    assert {str(cell.plan.size) for cell in cells} == {"448x256"}


def test_formats_of_fixed_size_are_left_out_of_dynamic_cells(options: ExportOptions) -> None:
    planned = plan_matrix(replace(options, dynamic=True))
    left_out = {row.format for row in planned.refused}
    for spec in (spec for spec in FORMATS.all() if spec.name not in left_out):
        mine = [cell for cell in planned.cells if cell.plan.format.name == spec.name]
        kinds = 1 + spec.dynamic
        assert len(mine) == kinds * len(spec.precisions)
        assert any(spec.name in text for text in planned.notes) != spec.dynamic


def test_formats_that_are_not_installed_are_skipped_by_all_only(
    options: ExportOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = _patch(monkeypatch, packages=("no-such-package-xyz",), extra="strange")
    planned = plan_matrix(options)
    (row,) = [row for row in planned.refused if row.format == spec.name]
    assert row.verdict == "skip" and row.failure is not None
    assert row.failure.fix == "pip install 'cdfi-mobile[strange]'"
    assert spec.name not in {cell.plan.format.name for cell in planned.cells}
    (cell,) = plan_matrix(options, (spec.name,), ()).cells
    assert cell.plan.format is spec


def test_sizes_that_pad_to_the_same_graph_are_one_cell(options: ExportOptions) -> None:
    asked = replace(options, sizes=(FrameSize(62, 61), SIZE, FrameSize(128, 64)))
    files = [cell.plan.file for cell in plan_matrix(asked, ("onnx",), ()).cells]
    assert files == ["tiny_64x64.onnx", "tiny_128x64.onnx"]


def test_a_precision_that_one_format_lacks_is_a_row(
    options: ExportOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    _patch(monkeypatch, precisions=("float32",))
    planned = plan_matrix(options, ("onnx", "litert"), ("int8",))
    assert [cell.plan.format.name for cell in planned.cells] == ["litert"]
    (row,) = planned.refused
    assert (row.format, row.verdict) == ("onnx", "error")
    assert row.failure is not None and "precision" in row.failure.problem


def test_nothing_that_can_be_made_is_an_error(options: ExportOptions) -> None:
    with pytest.raises(InputError, match="precision"):
        plan_matrix(options, ("onnx",), ("float8",))
    with pytest.raises(UnknownNameError, match="onnx"):
        plan_matrix(options, ("onyx",), ())
    assert not options.out.exists()


def test_an_unchanged_cell_is_found_and_not_made(
    options: ExportOptions, made: list[str], recorder: Any
) -> None:
    cell = _only(options)
    row, found = run_cell(cell, recorder)
    assert (row.verdict, found, made) == ("pass", False, ["tiny_64x64.onnx"])
    assert row.bytes == (options.out / row.file).stat().st_size
    again, found = run_cell(_only(options), recorder)
    assert (again, found, len(made)) == (row, True, 1)
    _, found = run_cell(cell, recorder, force=True)
    assert (found, len(made)) == (False, 2)


@pytest.mark.parametrize("change", ["artifact", "manifest", "gone", "ledger"])
def test_what_does_not_lie_there_as_recorded_is_made_again(
    change: str, options: ExportOptions, made: list[str], recorder: Any
) -> None:
    row, _ = run_cell(_only(options), recorder)
    path = options.out / row.file
    if change == "artifact":
        path.write_bytes(path.read_bytes() + b"x")
    elif change == "manifest":
        path.with_name(path.name + ".manifest.json").unlink()
    elif change == "gone":
        path.unlink()
    else:
        (options.out / LEDGER).write_text("{ no ledger")
    again, found = run_cell(_only(options), recorder)
    assert (again.verdict, found, len(made)) == ("pass", False, 2)


def test_the_recipe_follows_what_an_artifact_is_made_from(
    options: ExportOptions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cdfi_export import recipe
    from cdfi_model.checkpoints.weights import load_network, save_weights

    base = _only(options).recipe_sha256
    assert _only(replace(options, out=tmp_path / "else", threads=2)).recipe_sha256 == base
    assert options.weights is not None
    network = load_network(options.weights)
    next(network.parameters()).data.add_(1e-3)
    save_weights(tmp_path / "other.safetensors", network)
    changed = {
        "weights": replace(options, weights=tmp_path / "other.safetensors"),
        "size": replace(options, sizes=(FrameSize(128, 64),)),
        "opset": replace(options, opset=20),
        "warp": replace(options, warp="per_tap"),
        "pairs": replace(options, verify_pairs=1),
    }
    hashes = {name: _only(item).recipe_sha256 for name, item in changed.items()}
    monkeypatch.setattr(recipe, "_code_digest", lambda: "another code")
    hashes["code"] = _only(options).recipe_sha256
    monkeypatch.undo()
    monkeypatch.setattr(recipe, "_version", lambda _package: "99")
    hashes["tools"] = _only(options).recipe_sha256
    assert len({base, *hashes.values()}) == 1 + len(hashes)


def test_data_counts_by_its_content(options: ExportOptions, tmp_path: Path) -> None:
    import shutil

    from cdfi_export import recipe
    from cdfi_runtime.samples import sample_triplet

    data = tmp_path / "data" / "scene"
    data.mkdir(parents=True)
    for source, name in zip(sample_triplet(), ("im1.png", "im2.png", "im3.png"), strict=True):
        shutil.copy(source, data / name)
    asked = replace(options, verify_data=data.parent)
    before = _only(asked).recipe_sha256
    assert before != _only(options).recipe_sha256
    shutil.copy(data / "im1.png", data / "im3.png")
    recipe._digest.cache_clear()
    assert _only(asked).recipe_sha256 != before


def test_a_lasting_failure_is_remembered_and_others_are_tried_again(
    options: ExportOptions, made: list[str], recorder: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for error, remembered in ((OutputError("full"), False), (ArtifactError("no such op"), True)):

        def fails(_request: GraphRequest, _path: Path, error: Exception = error) -> WrittenGraph:
            made.append("tried")
            raise error

        _patch(monkeypatch, export=fails)
        made.clear()
        for _ in range(2):
            row, found = run_cell(_only(options), recorder)
            assert row.verdict == "error" and row.failure is not None
            assert str(row.failure.error()) == str(error)
        assert (found, len(made)) == (remembered, 1 if remembered else 2)


def test_a_defect_is_a_row_and_its_traceback_is_shown(
    options: ExportOptions, recorder: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "_export", _breaks)
    row, _ = run_cell(_only(options), recorder)
    assert row.verdict == "error" and row.failure is not None
    assert "ZeroDivisionError: by nothing" in row.failure.problem
    assert "in _breaks" in "\n".join(recorder.notes)


def _breaks(_send: Any, _options: ExportOptions) -> None:
    raise ZeroDivisionError("by nothing")


def test_a_converter_that_crashes_is_a_row_and_leaves_nothing(
    options: ExportOptions, recorder: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "_export", _crashes)
    row, _ = run_cell(_only(options), recorder)
    assert row.verdict == "error" and row.failure is not None
    assert "SIGSEGV" in str(row.failure.error())
    assert [path.name for path in options.out.iterdir()] == [LEDGER]


def _crashes(_send: Any, options: ExportOptions) -> None:
    import os
    import signal

    from cdfi_export.staging import staging

    options.out.mkdir()
    with staging(options.out) as stage:
        (stage / "half").write_bytes(b"half")
        os.kill(os.getpid(), signal.SIGSEGV)


def test_speed_is_measured_once_against_the_reference(
    options: ExportOptions, recorder: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    reference, _ = run_cell(_only(options), recorder)
    assert reference_of([reference], "64x64") == reference
    assert reference_of([reference], "128x64") is None
    timed = with_speed(reference, options.out, reference, 1)
    assert timed.speed is not None and timed.speed.ratio == 1.0
    assert timed.speed.load_s is not None and timed.speed.load_s > 0
    assert timed.speed.frame_s is not None and timed.speed.frame_s > 0
    assert read_ledger(options.out).rows == (timed,)

    def again(*_args: Any) -> Any:
        raise AssertionError("measured again")

    monkeypatch.setattr(run, "time_artifact", again)
    assert with_speed(timed, options.out, reference, 1) == timed
    with pytest.raises(AssertionError, match="measured again"):
        with_speed(timed, options.out, reference, 2)
    with pytest.raises(AssertionError, match="measured again"):
        with_speed(timed, options.out, None, 1)


@pytest.mark.usefixtures("made")
def test_the_ledger_is_json_that_says_what_is_missing(
    options: ExportOptions, recorder: Any
) -> None:
    row, _ = run_cell(_only(options), recorder)
    timed = with_speed(row, options.out, None, 1)
    assert timed.speed is not None and timed.speed.ratio is None
    assert timed.speed.reason is not None and "ONNX" in timed.speed.reason
    content = json.loads((options.out / LEDGER).read_text())
    assert content["rows"][0]["speed"]["reason"] == timed.speed.reason
    assert row.psnr_db is not None and content["rows"][0]["psnr_db"] == row.psnr_db
