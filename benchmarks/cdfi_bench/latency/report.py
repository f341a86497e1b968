"""``cdfi-bench latency``: artifacts on devices, as rows with latency and parity."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from threading import Event
from typing import Any

from cdfi_bench.devices import Device
from cdfi_bench.environment import device_info, run_info
from cdfi_bench.evaluate import error_text
from cdfi_bench.gates import verdict
from cdfi_bench.latency.collector import Collector
from cdfi_bench.latency.measurement import INTERRUPTED, LatencyFailure, LatencyMeasurement
from cdfi_bench.latency.parity import Compared, OutputParity
from cdfi_bench.latency.request import LatencyRequest
from cdfi_bench.latency.statistics import timing
from cdfi_bench.memory import memory
from cdfi_bench.report import InputFacts, Report, Row, Verdict
from cdfi_bench.rows import artifact_facts, make_row, padding_text, undecided_row

_POLL_S = 0.2


@dataclass(frozen=True)
class Job:
    """A device and what to measure on it.

    Attributes:
        device: Opened.
        alone: Nothing else may be measured meanwhile.
        advance: Told how many more units (:func:`collector.planned_units`) are done.
    """

    device: Device
    alone: bool
    requests: Sequence[LatencyRequest]
    advance: Callable[[float], None]


def latency_report(jobs: Sequence[Job], parity: OutputParity | None) -> Report:
    """One row for each request, device by device; failures are rows too.

    Devices that do not share this machine are measured at once, after those that do. An
    interruption ends the measuring and keeps what there is, marked partial.

    Args:
        jobs: Devices with their requests.
        parity: Compares outputs with a reference; ``None`` leaves parity out.
    """
    run, stop = run_info(), Event()
    results = _Results(parity)
    try:
        for job in jobs:
            if job.alone:
                _measure_all(job, results, stop)
        _measure_at_once([job for job in jobs if not job.alone], results, stop)
    except KeyboardInterrupt:
        stop.set()
    rows = [row for job in jobs for row in results.rows(job)]
    return Report(
        kind="latency",
        run=run,
        device=device_info(),
        interrupted=stop.is_set(),
        rows=tuple(rows),
    )


class _Results:
    def __init__(self, parity: OutputParity | None) -> None:
        self._parity = parity
        self._found: dict[
            int, list[tuple[LatencyRequest, LatencyMeasurement | LatencyFailure]]
        ] = {}

    def add(
        self, job: Job, request: LatencyRequest, result: LatencyMeasurement | LatencyFailure
    ) -> None:
        self._found.setdefault(id(job), []).append((request, result))

    def rows(self, job: Job) -> list[Row]:
        # Only now: torch beside a measurement would disturb it.
        found = self._found.get(id(job), [])
        return [latency_row(job.device, *each, self._parity) for each in found]


def _measure_all(job: Job, results: _Results, stop: Event) -> None:
    for request in job.requests:
        if stop.is_set():
            return
        collector = Collector(request, job.advance)
        try:
            results.add(job, request, job.device.measure(collector, stop))
        except KeyboardInterrupt:
            results.add(job, request, collector.ended(INTERRUPTED))
            raise
        except Exception as error:  # one device's trouble must not cost the others their rows
            results.add(job, request, collector.ended(error_text(error)))


def _measure_at_once(jobs: Sequence[Job], results: _Results, stop: Event) -> None:
    if not jobs:
        return
    with ThreadPoolExecutor(max_workers=len(jobs)) as threads:
        waiting: set[Future[None]] = {
            threads.submit(_measure_all, job, results, stop) for job in jobs
        }
        try:
            while waiting:  # in short steps: an interruption must reach this thread
                done, waiting = wait(waiting, timeout=_POLL_S)
                for each in done:
                    each.result()
        except KeyboardInterrupt:
            stop.set()  # each thread tidies up its device; the block waits for them
            raise


def latency_row(
    device: Device,
    request: LatencyRequest,
    result: LatencyMeasurement | LatencyFailure,
    parity: OutputParity | None,
) -> Row:
    """The report's row on one result."""
    subject = request.path.name
    if isinstance(result, LatencyFailure):
        return undecided_row("latency", subject, result.status, result.reason, device=device.info)
    reasons = {"conditions": f"a device of the kind '{device.info.kind}' does not tell its state"}
    compared = Compared(reason="not asked for")
    if parity is not None:
        compared = parity.of(request.path, result)
    why_not = dict.fromkeys(("parity", "quality"), compared.reason)
    return make_row(
        "latency",
        subject,
        _verdict(result, request, verdict(compared.gates, passed="measured")),
        reasons=reasons | why_not,
        device=device.info,
        artifact=artifact_facts(result.manifest),
        input=InputFacts(
            image_set="sample",
            images=1,
            sizes=(result.size,),
            cropped=False,
            padding=padding_text(result.manifest),
            data_sha256=None,
            unmeasured={"data_sha256": "the sample frames cropped or mirrored to the size"},
        ),
        backend=result.backend,
        parity=compared.parity,
        quality=compared.quality,
        timing=timing(result, request),
        memory=memory(result.before_load_bytes, result.peak_bytes),
        conditions=result.conditions,
    )


def _verdict(result: LatencyMeasurement, request: LatencyRequest, decided: Verdict) -> Verdict:
    told: dict[str, Any] = {}
    if result.ended is not None:
        measured = f"{len(result.samples.burst_s)} of {request.runs} runs measured"
        told["status"] = "skip" if result.ended == INTERRUPTED else "fail"
        told["reason"] = f"partial, {measured}: {result.ended}"
        if decided.status == "fail":
            told["reason"] += f"; {decided.reason}"
            told["status"] = "fail"
    elif result.invalid:
        told["reason"] = f"{decided.reason}; times are not valid: {'; '.join(result.invalid)}"
    return decided.model_copy(update=told)
