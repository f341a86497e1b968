"""``cdfi-bench fused``: ratios, limits, exit codes and its JSON; times are left to benchmarks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cdfi_bench import fused, fused_report
from cdfi_bench.cli import app
from cdfi_bench.fused_artifacts import FusedFacts
from cdfi_bench.fused_report import FusedReport, FusedRow, make_row, peak
from cdfi_bench.sgemm import OPERATIONS
from cdfi_runtime.command import run_app
from pydantic import ValidationError

FACTS = FusedFacts(
    weights="random weights, seed 0",
    warps={"fused": "fused", "portable": "gather"},
    conv_macs=OPERATIONS,  # a frame of two matrix products
    level="avx2",
    remarks=(),
)
# Of the fused frames the first two are those of the rounds that eager ran in.
SAMPLES = {
    "fused": [1.0, 1.2, 9.0],
    "cut": [1.0, 1.0, 8.0],
    "eager": [5.5, 5.5],
    "sgemm numpy": [0.4, 0.6, 0.5],
    "sgemm onnxruntime": [0.3, 0.4, 0.5],
}
GOOD = {**SAMPLES, "sgemm onnxruntime": [0.5, 0.5, 0.5]}


def row(samples: dict[str, list[float]] = GOOD, **changes: Any) -> FusedRow:
    given: dict[str, Any] = {
        "network": "cdfi",
        "size": (448, 256),
        "memory": {"fused": peak((1280, 720), 1_400_000_000)},
        "threads": 1,
    }
    given |= changes
    network, size = given.pop("network"), given.pop("size")
    return make_row(network, size, FACTS, samples, eager="per_row", **given)


def missed(made: FusedRow) -> list[str]:
    assert made.verdict.status in ("fail", "pass")
    return [gate.measure for gate in made.verdict.gates if not gate.held]


def test_ratios_are_of_medians_over_common_rounds() -> None:
    made = row(SAMPLES)
    assert made.fused_to_cut == pytest.approx(1.2)
    assert made.frames["fused"].median_s == 1.2
    assert made.frames["eager"].to_fused == pytest.approx(5.5 / 1.1)
    assert made.frames["eager"].warp == "per_row"
    assert made.frames["cut"].warp is None


def test_the_quickest_library_gives_the_bound() -> None:
    made = row(SAMPLES)
    quick, slow = made.products["onnxruntime"], made.products["numpy"]
    assert quick.bound_s == pytest.approx(0.8)
    assert quick.gflops == pytest.approx(1e-9 * OPERATIONS / 0.4)
    assert quick.frame_to_bound == pytest.approx(1.2 / 0.8)
    assert slow.frame_to_bound == pytest.approx(1.2 / 1.0)
    assert made.frame_to_bound == quick.frame_to_bound


def test_limits_are_those_of_the_issue() -> None:
    limits = (fused_report.MOST_OF_CUT, fused_report.LEAST_EAGER, fused_report.MOST_OF_BOUND)
    assert (*limits, fused_report.MOST_BYTES) == (1.15, 4.0, 1.6, 1.5e9)


FUSED = [1.0, 1.0, 1.0]


@pytest.mark.parametrize(
    ("changed", "memory_bytes", "expected"),
    [
        ({}, 1_500_000_000, []),
        ({"cut": [1 / 1.16] * 3}, 1, ["fused / cut"]),
        ({"eager": [3.9]}, 1, ["eager / fused"]),
        ({"sgemm numpy": [0.5 / 1.61] * 3}, 1, ["frame / sgemm bound"]),
        ({}, 1_500_000_001, ["peak GB at 1280x720"]),
        ({}, None, ["peak GB at 1280x720"]),
        ({"cut": [], "eager": []}, 1, ["fused / cut", "eager / fused"]),
    ],
)
def test_each_limit_decides(
    changed: dict[str, list[float]], memory_bytes: int | None, expected: list[str]
) -> None:
    samples = {"fused": FUSED, "cut": FUSED, "eager": [4.0], "sgemm numpy": [0.5] * 3}
    made = row(samples | changed, memory={"fused": peak((1280, 720), memory_bytes)})
    assert missed(made) == expected
    assert made.verdict.status == ("fail" if expected else "pass")


def test_memory_of_another_size_does_not_count() -> None:
    made = row(memory={"fused": peak((640, 360), 1)})
    assert "peak GB at 1280x720" in missed(made)


@pytest.mark.parametrize(
    "change", [{"network": "adacof"}, {"size": (640, 352)}, {"threads": 2}], ids=str
)
def test_other_measurements_have_no_limits(change: dict[str, Any]) -> None:
    assert row(**change).verdict.status == "skip"


Taken = Callable[..., FusedRow | None]


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> Callable[[dict[str, Taken]], None]:
    """Let each network's measurement give a made row, or raise."""

    def prepare(outcomes: dict[str, Taken]) -> None:
        def take(self: fused.Measurement, _advance: object = None) -> None:
            self.made = outcomes[self.request.network]()  # type: ignore[attr-defined]

        monkeypatch.setattr(fused.Measurement, "take", take)
        monkeypatch.setattr(fused.Measurement, "row", lambda self: getattr(self, "made", None))

    return prepare


def run_command(*arguments: str) -> int:
    with pytest.raises(SystemExit) as end:
        run_app(app, ["fused", *arguments])
    assert isinstance(end.value.code, int)
    return end.value.code


BAD = {**GOOD, "cut": [0.5] * 3}


def test_a_missed_limit_fails_the_gate_only(measured: Callable[..., None]) -> None:
    measured({"cdfi": lambda: row(BAD)})
    assert run_command("cdfi") == 0
    assert run_command("cdfi", "--gate") == 1
    measured({"cdfi": lambda: row(GOOD | {"cut": [1.1] * 3})})
    assert run_command("cdfi", "--gate") == 0


def test_a_gate_that_decides_nothing_is_no_pass(measured: Callable[..., None]) -> None:
    measured({"cdfi_mobile": lambda: row(network="cdfi_mobile")})
    assert run_command("cdfi_mobile") == 0
    assert run_command("cdfi_mobile", "--gate") == 2


def test_an_unknown_network_is_refused_before_anything_runs() -> None:
    assert run_command("cdfj") == 2


def test_what_was_finished_is_kept(measured: Callable[..., None], tmp_path: Path) -> None:
    def interrupted() -> FusedRow:
        raise KeyboardInterrupt

    out = tmp_path / "new" / "fused.json"
    measured({"cdfi": row, "cdfi_mobile": interrupted})
    assert run_command("cdfi", "cdfi_mobile", "--out", str(out)) == 130
    report = FusedReport.model_validate_json(out.read_text(encoding="utf-8"))
    assert [each.network for each in report.rows] == ["cdfi"]


def test_an_interrupted_network_gives_the_row_of_its_rounds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What processes sent before the interruption is enough for a row."""

    def apart(function: Any, *_args: object, on_message: Callable[[Any], None]) -> FusedFacts:
        if function is fused.write_variants:
            return FACTS
        for name in ("fused", "cut", "sgemm numpy"):
            on_message((name, 1.0))
        raise KeyboardInterrupt

    monkeypatch.setattr(fused, "run_apart", apart)
    request = fused.FusedRequest("cdfi", fused.FrameSize(448, 256), None, 7, 1)
    measurement = fused.Measurement(request)
    assert measurement.row() is None
    with pytest.raises(KeyboardInterrupt):
        measurement.take()
    made = measurement.row()
    assert made is not None
    assert made.fused_to_cut == 1.0
    assert "eager" not in made.frames
    assert made.verdict.status == "fail"


def test_json_comes_back_whole(measured: Callable[..., None], tmp_path: Path) -> None:
    out = tmp_path / "fused.json"
    made = row({key: taken for key, taken in GOOD.items() if key != "cut"})
    measured({"cdfi": lambda: made})
    assert run_command("cdfi", "--out", str(out)) == 0
    report = FusedReport.model_validate_json(out.read_text(encoding="utf-8"))
    assert report.rows == (made,)
    assert (report.kind, report.clock, report.threads) == ("fused", "CPU time", 1)
    assert report.run.tools["torch"] and report.device.cores >= 1
    with pytest.raises(ValidationError, match="null fields"):
        FusedReport.model_validate(
            report.model_dump() | {"rows": [made.model_dump() | {"unmeasured": {}}]}
        )
