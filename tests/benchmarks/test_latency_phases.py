"""Phases of a measurement, their statistics, and the parity of the picture made meanwhile."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import Any

import numpy as np
import pytest
from cdfi_bench.devices.local import LocalDevice
from cdfi_bench.latency.affinity import parse_cores
from cdfi_bench.latency.collector import Collector, planned_units
from cdfi_bench.latency.measurement import (
    INTERRUPTED,
    LatencyFailure,
    LatencyMeasurement,
    Samples,
)
from cdfi_bench.latency.parity import OutputParity
from cdfi_bench.latency.report import Job, latency_report, latency_row
from cdfi_bench.latency.request import LatencyRequest, graph_frame
from cdfi_bench.latency.statistics import THROTTLED, slowdown, timing
from cdfi_bench.references import References
from cdfi_runtime.errors import InputError

REQUEST = LatencyRequest(Path("x.onnx"), (64, 48), runs=4, warm_up=2, threads=1)


def measured(request: LatencyRequest) -> tuple[LatencyMeasurement, list[float]]:
    units: list[float] = []
    result = LocalDevice().measure(Collector(request, units.append), Event())
    assert isinstance(result, LatencyMeasurement), result
    return result, units


@pytest.fixture
def measurement(tint: Any, make_artifact: Any) -> LatencyMeasurement:
    return measured(replace(REQUEST, path=make_artifact(tint, size=(64, 48))))[0]


def test_every_phase_is_measured_as_often_as_asked(tint: Any, make_artifact: Any) -> None:
    request = replace(REQUEST, path=make_artifact(tint), end_to_end=3, sustained_s=0.3)
    result, units = measured(request)
    samples = result.samples
    assert len(samples.burst_s) == len(samples.reference_s) == 4
    assert len(samples.end_to_end_s) == 3
    # It ends with the first run after the time is over.
    assert sum(samples.sustained_s[:-1]) <= 0.3 and len(samples.sustained_s) > 3
    assert samples.load_s and samples.first_run_s
    # Decoding two pictures and rounding one comes on top of the network.
    assert min(samples.end_to_end_s) > min(samples.burst_s)
    assert sum(units) == pytest.approx(1 + 2 + 4 + 3 + sum(samples.sustained_s))
    assert planned_units(request) == pytest.approx(1 + 2 + 4 + 3 + 0.3)
    section = timing(result, request)
    assert section.complete and section.valid and section.planned_runs == 4
    assert section.end_to_end and section.end_to_end.samples_s == samples.end_to_end_s
    assert section.sustained and section.sustained.slowdown == slowdown(samples.sustained_s)
    assert result.output is not None and result.output.shape == (1, 3, 48, 64)


def test_what_was_not_asked_for_is_null_with_the_reason(measurement: LatencyMeasurement) -> None:
    section = timing(measurement, REQUEST)
    assert section.end_to_end is None and section.sustained is None and section.throttled is None
    assert section.unmeasured["sustained"] == "not asked for"


def test_cores_are_kept_to(tint: Any, make_artifact: Any) -> None:
    core = max(os.sched_getaffinity(0))
    request = replace(REQUEST, path=make_artifact(tint), affinity=(core,))
    result, _ = measured(request)
    assert result.backend.affinity == (core,)
    failed = LocalDevice().measure(
        Collector(replace(request, affinity=(9999,)), lambda _: None), Event()
    )
    assert isinstance(failed, LatencyFailure) and "9999" in failed.reason


@pytest.mark.parametrize(
    ("text", "cores"), [("0", (0,)), ("4-6,0", (0, 4, 5, 6)), ("1,1-2", (1, 2))]
)
def test_cores_on_the_command_line(text: str, cores: tuple[int, ...]) -> None:
    assert parse_cores(text) == cores


@pytest.mark.parametrize("text", ["", "a", "1-", "3-1", "-1", "0x3", "1..2"])
def test_other_words_are_no_cores(text: str) -> None:
    with pytest.raises(InputError, match="no cores"):
        parse_cores(text)


def test_a_sustained_phase_that_slows_down_was_throttled(measurement: LatencyMeasurement) -> None:
    def of(samples: list[float], told: bool | None = None) -> bool | None:
        result = replace(
            measurement,
            samples=replace(measurement.samples, sustained_s=tuple(samples)),
            throttled=told,
        )
        return timing(result, replace(REQUEST, sustained_s=60)).throttled

    steady = [1.0] * 9
    slow = [1.0] * 6 + [THROTTLED + 0.01] * 3
    assert of(steady) is False and of(slow) is True
    assert of([1.0, 9.0]) is None, "two runs show nothing"
    assert of(steady, told=True) is True, "the device said so"
    assert of(slow, told=False) is True, "whatever it says"


def test_an_end_before_the_end_keeps_the_samples(measurement: LatencyMeasurement) -> None:
    collector = Collector(REQUEST, lambda _: None)
    failure = collector.ended("the phone fell")
    assert isinstance(failure, LatencyFailure) and failure.reason == "the phone fell"
    collector.start(replace(measurement, samples=Samples(), output=None))
    for phase, seconds in (("load", 1.0), ("first", 2.0), ("reference", 0.5), ("burst", 3.0)):
        collector.add(phase, seconds)  # type: ignore[arg-type]
    result = collector.ended("the phone fell")
    assert isinstance(result, LatencyMeasurement)
    row = latency_row(LocalDevice(), REQUEST, result, OutputParity(None))
    assert row.verdict.status == "fail"
    assert row.verdict.reason == "partial, 1 of 4 runs measured: the phone fell"
    assert row.timing is not None and not row.timing.complete
    assert row.timing.samples_s == (3.0,) and row.timing.ratio == 6.0
    assert row.parity is None and row.unmeasured["parity"] == "the phone fell"
    by_user = latency_row(LocalDevice(), REQUEST, replace(result, ended=INTERRUPTED), None)
    assert by_user.verdict.status == "skip"


def test_times_that_mean_nothing_are_marked(measurement: LatencyMeasurement) -> None:
    result = replace(measurement, invalid=("the processor is emulated",))
    row = latency_row(LocalDevice(), REQUEST, result, None)
    assert row.timing is not None and not row.timing.valid
    assert row.timing.invalid_because == ("the processor is emulated",)
    assert row.verdict.status == "pass" and "times are not valid" in row.verdict.reason


def test_the_picture_is_held_to_the_gates(tint: Any, make_artifact: Any) -> None:
    path = make_artifact(tint, size=(64, 48))
    result, _ = measured(replace(REQUEST, path=path))
    known = OutputParity(References([tint.weights]))
    good = known.of(path, result)
    assert good.parity is not None and good.parity.reference.startswith("torch")
    assert good.parity.max_abs < 1e-5 and good.gates and all(gate.held for gate in good.gates)
    assert good.quality is not None and good.quality.psnr_db is not None
    # Without its weights the same file, run here, is the reference.
    same = OutputParity(References([])).of(path, result)
    assert same.parity is not None and "the same file here" in same.parity.reference
    assert result.output is not None
    for bad in (result.output + 0.01, result.output * np.nan, result.output[..., :-1]):
        row = latency_row(LocalDevice(), REQUEST, replace(result, output=bad), known)
        assert row.verdict.status == "fail", row.verdict
        assert "PSNR dB" in row.verdict.reason or "max abs" in row.verdict.reason
    none = known.of(path, replace(result, output=None))
    assert none.parity is None and not none.gates and none.reason


def test_fixed_graphs_are_measured_at_their_own_size_only() -> None:
    free = replace(REQUEST, size=None)
    assert graph_frame(free, None, None) == (448, 256)
    assert graph_frame(free, 64, 48) == (64, 48)
    assert graph_frame(REQUEST, None, None) == (64, 48)
    refused = graph_frame(REQUEST, 64, 32)
    assert isinstance(refused, str) and "fixed at 64x32, not 64x48" in refused


def test_devices_that_do_not_share_this_machine_run_at_once(
    measurement: LatencyMeasurement,
) -> None:
    """Each of two devices waits for the other: one after the other they would never end."""
    meet = [Event(), Event()]

    class Remote:
        def __init__(self, own: int) -> None:
            self.info = LocalDevice().info
            self.own = own

        def measure(self, _collector: Collector, _stop: Event) -> LatencyMeasurement:
            meet[self.own].set()
            assert meet[1 - self.own].wait(20), "the other device never started"
            return replace(measurement, samples=Samples(burst_s=(1.0 + self.own,)))

        def close(self) -> None: ...

    jobs = [Job(Remote(own), False, [REQUEST], lambda _: None) for own in (0, 1)]
    rows = latency_report(jobs, None).rows
    assert [row.timing.median_s for row in rows if row.timing] == [1.0, 2.0]


def test_a_device_that_breaks_costs_the_others_nothing(measurement: LatencyMeasurement) -> None:
    class Broken:
        info = LocalDevice().info

        def measure(self, _collector: Collector, _stop: Event) -> LatencyMeasurement:
            raise RuntimeError("odd device")

        def close(self) -> None: ...

    class Good(Broken):
        def measure(self, _collector: Collector, _stop: Event) -> LatencyMeasurement:
            return measurement

    jobs = [Job(device(), False, [REQUEST], lambda _: None) for device in (Broken, Good)]
    broken, good = latency_report(jobs, None).rows
    assert broken.verdict.status == "fail" and "odd device" in broken.verdict.reason
    assert good.verdict.status == "pass"
