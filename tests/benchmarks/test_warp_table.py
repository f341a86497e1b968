"""The table of measured warps: which cases, how rows merge, and one real measurement."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import pytest
from cdfi_bench.cli import app
from cdfi_bench.warp_table import ONNX, TORCH, merge, plan_cases
from cdfi_export.frame_size import FrameSize
from cdfi_model.warp.measurements import SHIPPED, MeasuredRow, MeasuredTable, load_measurements
from cdfi_runtime.command import run_app
from cdfi_runtime.errors import InputError, UnknownNameError

SIZE = FrameSize(64, 64)


def _row(**changes: Any) -> MeasuredRow:
    values: dict[str, Any] = {
        "network": "cdfi",
        "sampling": "truncate",
        "taps": 11,
        "dilation": 2,
        "channels": 63,
        "target": ONNX,
        "width": 64,
        "height": 64,
        "formulation": "gather",
        "min_opset": 18,
        "median_s": 2.0,
        "ratio_to_best": 1.0,
        "peak_mib": 100.0,
        "versions": {"onnxruntime": "1"},
        "date": datetime.date(2026, 1, 1),
    }
    return MeasuredRow(**(values | changes))


def _names(sampling: str | None, target: str) -> set[str]:
    cases = plan_cases(["compressed_adacof"], [target], [SIZE], [], sampling)
    return {case.formulation.name for case in cases}


def test_only_formulations_that_can_be_written_are_measured() -> None:
    either = {"gather", "gather_rows", "per_row", "per_tap"}
    assert _names(None, ONNX) == either
    assert _names("bilinear", ONNX) == {*either, "deform_conv"}
    assert _names("bilinear", TORCH) == either


def test_a_native_warp_is_measured_by_name_and_in_torch_only() -> None:
    cases = plan_cases(["compressed_adacof"], [ONNX, TORCH], [SIZE], ["fused"], None)
    assert [case.target for case in cases] == [TORCH]


def test_sizes_are_padded_and_the_sampling_is_replaced() -> None:
    (case,) = plan_cases(["cdfi"], [ONNX], [FrameSize(60, 33)], ["gather"], "bilinear")
    assert case.size == FrameSize(64, 64)
    assert case.spec.warp.sampling == "bilinear"


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ((["cdfo"], [ONNX], [SIZE], [], None), UnknownNameError, "compressed_adacof"),
        ((["cdfi"], ["phone"], [SIZE], [], None), InputError, TORCH),
        ((["cdfi"], [ONNX], [SIZE], ["magic"], None), UnknownNameError, "per_row"),
        ((["cdfi"], [ONNX], [SIZE], [], "cubic"), InputError, "bilinear"),
        ((["cdfi"], [ONNX], [SIZE], ["deform_conv"], None), InputError, "--formulation"),
    ],
)
def test_bad_arguments_are_refused(arguments: Any, error: Any, text: str) -> None:
    with pytest.raises(error, match=text):
        plan_cases(*arguments)


def test_a_new_row_replaces_the_old_and_ratios_are_counted_anew() -> None:
    table = merge(MeasuredTable(), [_row(), _row(formulation="per_tap", median_s=6.0)])
    assert [row.ratio_to_best for row in table.rows] == [1.0, 3.0]
    other = _row(width=128)
    table = merge(table, [_row(median_s=12.0), other])
    ratios = {(row.width, row.formulation): row.ratio_to_best for row in table.rows}
    assert ratios == {(64, "gather"): 2.0, (64, "per_tap"): 1.0, (128, "gather"): 1.0}


def test_the_shipped_table_is_measured_and_consistent() -> None:
    table = load_measurements(SHIPPED)
    assert {row.target for row in table.rows} == {ONNX, TORCH}
    assert merge(MeasuredTable(), table.rows) == table


@pytest.mark.slow
def test_a_measurement_ends_up_in_the_table(tmp_path: Path) -> None:
    out = tmp_path / "measured.json"
    arguments = ["warp", "--network", "compressed_adacof", "--size", "32x32", "--runs", "2"]
    arguments += ["--formulation", "gather", "--target", ONNX, "--target", TORCH]
    with pytest.raises(SystemExit) as caught:
        run_app(app, [*arguments, "--out", str(out)])
    assert caught.value.code == 0
    rows = load_measurements(out).rows
    assert [(row.target, row.formulation) for row in rows] == [(ONNX, "gather"), (TORCH, "gather")]
    for row in rows:
        assert 0 < row.median_s < 60
        assert (row.taps, row.channels, row.sampling, row.runs) == (5, 3, "truncate", 2)
        assert row.peak_mib is None or row.peak_mib > 20
