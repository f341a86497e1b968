"""Noise fails no build and a slower artifact does: on recorded runs, so that nothing is timed."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cdfi_bench.compare.latency import judge, latency_check
from cdfi_bench.compare.noise import Series, Slowdown, block_length, slowdown
from cdfi_bench.compare.report import Check
from cdfi_bench.compare.thresholds import LatencyLimits
from cdfi_bench.report import Row
from cdfi_bench.report_file import read_report

GOLDEN = Path(__file__).parents[1] / "golden"
LIMITS = LatencyLimits()
ROUNDS = range(20)


@cache
def recorded() -> list[dict[str, Series]]:
    """Rounds on a busy machine: an artifact, the same again, and one of 1.5 times its work."""
    raw = json.loads((GOLDEN / "latency_noise.json").read_text())
    return [
        {
            name: Series(*([raw["unit_s"] * each for each in run[of]] for of in run))
            for name, run in each_round.items()
        }
        for each_round in raw["rounds"]
    ]


def result(base: Series, new: Series) -> str:
    return judge(slowdown(base, new, LIMITS.run_to_run), LIMITS)[0]


@pytest.mark.parametrize("index", ROUNDS)
def test_two_runs_of_the_same_artifact_never_fail(index: int) -> None:
    each = recorded()[index]
    assert result(each["base"], each["again"]) != "fail"
    assert result(each["again"], each["base"]) != "fail"


@pytest.mark.parametrize("index", ROUNDS)
def test_half_as_much_work_again_always_fails(index: int) -> None:
    each = recorded()[index]
    assert result(each["base"], each["slower"]) == "fail"
    assert result(each["slower"], each["base"]) == "better"


def test_any_run_of_the_same_artifact_may_be_the_base_of_any_other() -> None:
    runs = [each[name] for each in recorded() for name in ("base", "again")]
    found = [result(base, new) for base in runs[::3] for new in runs[1::3]]
    assert len(found) > 150 and "fail" not in found
    assert found.count("warn") < 0.1 * len(found)


def test_the_recorded_machine_is_busy_enough_to_mislead_plain_times() -> None:
    medians = [np.median(each[name].samples_s) for each in recorded() for name in ("base", "again")]
    assert max(medians) > 1.3 * min(medians)


def runs(count: int, factor: float = 1.0, deviation: float = 0.01, seed: int = 0) -> Series:
    random = np.random.default_rng(seed)
    reference = 0.01 * np.exp(deviation * random.standard_normal(count))
    samples = 0.04 * factor * np.exp(deviation * random.standard_normal(count))
    return Series(samples.tolist(), reference.tolist())


def test_estimate_and_interval_hold_the_truth() -> None:
    found = slowdown(runs(40), runs(40, 1.2, seed=1), 0.01)
    assert found.low < 1.2 < found.high and found.estimate == pytest.approx(1.2, rel=0.02)
    assert found == slowdown(runs(40), runs(40, 1.2, seed=1), 0.01)
    back = slowdown(runs(40, 1.2, seed=1), runs(40), 0.01)
    assert back.estimate == pytest.approx(1 / found.estimate)


def test_few_samples_noise_and_runs_that_differ_widen_the_interval() -> None:
    def width(count: int = 40, deviation: float = 0.05, run_to_run: float = 0.0) -> float:
        found = slowdown(
            runs(count, deviation=deviation), runs(count, deviation=deviation, seed=1), run_to_run
        )
        return found.high / found.low

    assert width(12) - 1 > 1.5 * (width() - 1)
    assert width(deviation=0.1) - 1 > 1.5 * (width() - 1)
    assert width(run_to_run=0.05) > width() > 1


def test_samples_that_hang_together_are_not_taken_for_independent() -> None:
    slow = np.exp(0.3 * np.repeat(np.random.default_rng(0).standard_normal(25), 8))
    together = Series((0.04 * slow).tolist(), [0.01] * 200)
    mixed = Series(np.random.default_rng(4).permutation(together.samples_s).tolist(), [0.01] * 200)
    wide, narrow = (slowdown(runs(200), each, 0.0) for each in (together, mixed))
    assert wide.high / wide.low > 1.15 * (narrow.high / narrow.low)
    assert block_length(100) == 10


def test_a_core_that_is_shared_meanwhile_is_no_slower_artifact() -> None:
    base = runs(30)
    busy = np.where(np.arange(30) % 30 < 22, 2.0, 1.0)
    shared = runs(30, seed=5)
    assert shared.reference_s is not None
    stolen = Series(
        (busy * shared.samples_s).tolist(), (busy * np.asarray(shared.reference_s)).tolist()
    )
    assert result(base, stolen) == "pass"
    assert result(Series(base.samples_s, base.reference_s), runs(30, 1.5)) == "fail"


@pytest.mark.parametrize(
    ("estimate", "low", "statistics", "expected"),
    [
        (1.5, 1.2, (1.4, 1.5, 1.6), "fail"),
        (1.5, 0.9, (1.4, 1.5, 1.6), "warn"),  # unsure
        (1.5, 1.2, (0.9, 1.5, 1.6), "warn"),  # not in all
        (1.2, 1.05, (1.1, 1.2, 1.3), "warn"),
        (1.2, 0.95, (1.1, 1.2, 1.3), "pass"),
        (1.05, 1.01, (1.04, 1.05, 1.06), "pass"),
        (0.8, 0.7, (0.7, 0.8, 0.9), "better"),
        (0.8, 0.7, (0.7, 0.8, 1.1), "pass"),
    ],
)
def test_verdicts(
    estimate: float, low: float, statistics: tuple[float, ...], expected: str
) -> None:
    found = Slowdown(estimate, low, estimate**2 / low, statistics)
    assert judge(found, LIMITS)[0] == expected


@pytest.fixture
def row() -> Row:
    """A recorded row, given thirty steady samples."""
    return with_timing(read_report(GOLDEN / "report_v1_latency.json").rows[0], runs(30))


def with_timing(row: Row, series: Series | None = None, **changes: Any) -> Row:
    timing = row.timing
    assert timing is not None
    if series is not None:
        changes |= {"samples_s": tuple(series.samples_s), "planned_runs": len(series.samples_s)}
        changes["reference_samples_s"] = tuple(series.reference_s or ())
    return row.model_copy(update={"timing": timing.model_copy(update=changes)})


def with_section(row: Row, name: str, **changes: Any) -> Row:
    return row.model_copy(update={name: getattr(row, name).model_copy(update=changes)})


def check(base: Row, new: Row) -> Check:
    found = latency_check(base, new, LIMITS)
    assert found is not None
    return found


def test_a_slower_row_fails_with_estimate_and_interval(row: Row) -> None:
    found = check(row, with_timing(row, runs(30, 1.5)))
    assert found.result == "fail" and found.change == pytest.approx(1.5, rel=0.02)
    assert found.low is not None and found.high is not None
    assert found.low < 1.5 < found.high and len(found.by_statistic) == 3
    assert "slower than 1.3 times" in found.reason
    assert check(row, row).result == "pass"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"valid": False, "invalid_because": ("emulated",)}, "not valid: emulated"),
        ({"complete": False}, "partial: 30 of 30"),
        ({"throttled": True}, "throttled"),
        ({"samples_s": (0.04,) * 5, "reference_samples_s": (0.01,) * 5}, "5 runs, 10 are needed"),
        ({"samples_s": (), "tool_statistics_s": {"avg": 1.0}}, "keeps no samples"),
        ({"samples_s": (0.0,) * 30}, "not positive"),
        ({"reference_samples_s": (0.01,) * 29}, "not one time of the reference for each"),
        ({"reference": "another convolution"}, "reference: "),
    ],
)
def test_times_that_say_nothing_decide_nothing(
    row: Row, changes: dict[str, Any], said: str
) -> None:
    slow = with_timing(row, runs(30, 9.0))
    for base, new in ((row, with_timing(slow, **changes)), (with_timing(row, **changes), slow)):
        found = check(base, new)
        assert found.result == "not compared"
        assert found.reason.startswith("not compared: ") and said in found.reason


@pytest.mark.parametrize(
    ("section", "changes", "said"),
    [
        ("device", {"cpu": "another"}, "other device: cpu"),
        ("device", {"cores": 99}, "other device: cores"),
        ("backend", {"threads": 7}, "threads: "),
        ("backend", {"affinity": (0,)}, "affinity: "),
        ("backend", {"accelerator_actual": "gpu"}, "accelerator actual: "),
    ],
)
def test_other_circumstances_are_not_compared(
    row: Row, section: str, changes: dict[str, Any], said: str
) -> None:
    slow = with_section(with_timing(row, runs(30, 9.0)), section, **changes)
    found = check(row, slow)
    assert found.result == "not compared" and said in found.reason


def test_plain_times_warn_on_the_same_machine_and_never_fail(row: Row) -> None:
    none = {"reference": None, "reference_samples_s": (), "ratio": None}
    base = with_timing(row, **none)
    slow = with_timing(with_timing(row, runs(30, 9.0)), **none)
    found = check(base, slow)
    assert found.result == "warn" and "there is no reference" in found.reason
    assert found.unit == "s"
    elsewhere = with_section(slow, "device", memory_bytes=1)
    assert "two machines" in check(base, elsewhere).reason


def test_rows_without_times_have_no_such_check() -> None:
    row = read_report(GOLDEN / "report_v1_parity.json").rows[0]
    assert latency_check(row, row, LIMITS) is None
