"""The choice of a warp formulation by measurement."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
from cdfi_model.spec import NETWORKS
from cdfi_model.warp import WARPS
from cdfi_model.warp.auto import allowed_formulations, choose_formulation
from cdfi_model.warp.measurements import MeasuredTable, load_measurements
from cdfi_runtime.errors import ArtifactError, InputError
from pydantic import ValidationError

ROW = {
    "network": "cdfi",
    "sampling": "truncate",
    "taps": 11,
    "dilation": 2,
    "channels": 63,
    "target": "onnxruntime-cpu",
    "width": 448,
    "height": 256,
    "formulation": "gather",
    "min_opset": 18,
    "median_s": 2.0,
    "ratio_to_best": 1.0,
    "peak_mib": 900.0,
    "versions": {"onnxruntime": "1.31"},
    "date": "2025-01-31",
}


def table(*rows: dict[str, object]) -> MeasuredTable:
    return MeasuredTable.model_validate({"rows": [{**ROW, **row} for row in rows]})


def choose(network: str, measured: MeasuredTable, **changes: object) -> tuple[str, str]:
    arguments = {"target": "onnxruntime-cpu", "width": 448, "height": 256, "opset": 18, **changes}
    choice = choose_formulation(NETWORKS.get(network), table=measured, **arguments)  # type: ignore[arg-type]
    return choice.name, choice.reason


def test_the_quickest_row_wins_and_says_so() -> None:
    measured = table({}, {"formulation": "per_row", "median_s": 1.5}, {"formulation": "per_tap"})
    name, reason = choose("cdfi", measured)
    assert name == "per_row"
    assert "quickest of 3 measured on onnxruntime-cpu for cdfi at 448x256: 1.5 s" in reason


def test_the_nearest_size_counts() -> None:
    small = {"width": 64, "height": 64, "formulation": "per_tap", "median_s": 0.1}
    measured = table({}, small)
    assert choose("cdfi", measured)[0] == "gather"
    assert choose("cdfi", measured, width=96, height=64)[0] == "per_tap"


def test_only_rows_of_the_target_count() -> None:
    measured = table({"formulation": "per_row"}, {"target": "torch-cpu", "median_s": 0.1})
    assert choose("cdfi", measured)[0] == "per_row"
    assert choose("cdfi", measured, target="torch-cpu", opset=None)[0] == "gather"


def test_formulations_above_the_opset_are_left_out() -> None:
    adacof: dict[str, object] = {
        "network": "adacof",
        "sampling": "bilinear",
        "taps": 3,
        "dilation": 1,
        "channels": 3,
    }
    adacof["offsets"] = "shared"
    quick = {**adacof, "formulation": "deform_conv", "min_opset": 19, "median_s": 0.1}
    measured = table({**adacof, "formulation": "per_row"}, quick)
    assert choose("cdfi_mobile", measured, opset=18)[0] == "per_row"
    assert choose("cdfi_mobile", measured, opset=19)[0] == "deform_conv"
    assert choose("cdfi_mobile", measured, opset=None)[0] == "per_row"


def test_an_unmeasured_network_takes_rows_of_its_class() -> None:
    measured = table(
        {"formulation": "per_tap"},
        {"network": "adacof_plus", "channels": 3, "formulation": "per_row", "median_s": 9.0},
    )
    name, reason = choose("compressed_adacof_plus", measured)
    assert name == "per_row"
    assert "for adacof_plus" in reason


def test_own_rows_come_before_those_of_the_class() -> None:
    like = {"channels": 3, "network": "adacof_plus", "formulation": "per_row", "median_s": 0.1}
    own = {"channels": 3, "network": "compressed_adacof_plus", "width": 64}
    assert choose("compressed_adacof_plus", table(like, own))[0] == "gather"


def test_without_rows_the_default_order_holds() -> None:
    assert choose("cdfi", table()) == (
        "gather",
        "cdfi or its like was not measured on onnxruntime-cpu: the default order",
    )
    assert choose("cdfi_mobile", table(), opset=19)[0] == "unfold"
    assert choose("cdfi_mobile", table(), opset=None)[0] == "unfold"


def test_allowed_formulations_fit_the_sampling() -> None:
    for spec in NETWORKS.all():
        for opset in (None, 18, 19):
            names = allowed_formulations(spec, opset)
            assert names
            assert all(WARPS.get(name).fits(spec.warp) for name in names)
            assert opset == 19 or "deform_conv" not in names
            assert "fused" not in names


def test_a_further_formulation_comes_last(monkeypatch: pytest.MonkeyPatch) -> None:
    extra = dataclasses.replace(WARPS.get("gather"), name="a_new_one")
    monkeypatch.setattr(type(WARPS), "all", lambda self: (*map(self.get, self.names()), extra))
    assert allowed_formulations(NETWORKS.get("cdfi"), 18)[-1] == "a_new_one"


def test_the_shipped_table_loads_and_decides_for_every_network() -> None:
    known = set(WARPS.names())
    assert all(row.formulation in known for row in load_measurements().rows)
    for spec in NETWORKS.all():
        for target, opset in (("onnxruntime-cpu", 18), ("torch-cpu", None), ("other", None)):
            choice = choose_formulation(spec, target=target, width=448, height=256, opset=opset)
            assert choice.name in allowed_formulations(spec, opset)
            assert choice.reason


def test_saving_and_loading(tmp_path: Path) -> None:
    path = tmp_path / "measured.json"
    measured = table({}, {"peak_mib": None, "peak_reason": "not measured here"})
    measured.save(path)
    assert load_measurements(path) == measured


@pytest.mark.parametrize(
    "row",
    [
        {"extra": 1},
        {"median_s": 0},
        {"sampling": "round"},
        {"peak_mib": None},
        {"peak_reason": "-"},
    ],
    ids=str,
)
def test_rows_are_strict(row: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        table(row)


@pytest.mark.parametrize(
    "text",
    ["text", "[]", json.dumps({"schema_version": 2, "rows": []}), '{"rows": [{}]}'],
)
def test_a_broken_table_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "measured.json"
    path.write_text(text)
    with pytest.raises(ArtifactError, match=r"measured\.json"):
        load_measurements(path)


def test_a_missing_table_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError):
        load_measurements(tmp_path / "none.json")
