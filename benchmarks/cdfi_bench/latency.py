"""``cdfi-bench latency``: how long one frame takes here, as a ratio to a fixed workload."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from cdfi_runtime.apart import ProcessDiedError, run_apart

from cdfi_bench.environment import device_info, run_info
from cdfi_bench.latency_reference import DESCRIPTION
from cdfi_bench.latency_worker import (
    LatencyFailure,
    LatencyMeasurement,
    LatencyRequest,
    measure,
)
from cdfi_bench.memory import memory
from cdfi_bench.progress import Advance, no_progress
from cdfi_bench.report import InputFacts, Report, Row, Timing, Verdict
from cdfi_bench.rows import artifact_facts, make_row, padding_text, undecided_row


def latency_report(requests: Sequence[LatencyRequest], *, advance: Advance = no_progress) -> Report:
    """One row for each request, measured one after the other; failures are rows too.

    Args:
        requests: Artifacts and how to measure them.
        advance: Told how many requests were finished.
    """
    run = run_info()
    rows = []
    for request in requests:
        rows.append(_row(request))
        advance(1)
    return Report(kind="latency", run=run, device=device_info(), rows=tuple(rows))


def measure_apart(request: LatencyRequest) -> LatencyMeasurement | LatencyFailure:
    """Measure in a process of its own; its death is a failure like any other."""
    try:
        return run_apart(measure, request)
    except ProcessDiedError as error:
        return LatencyFailure("fail", str(error))


def _row(request: LatencyRequest) -> Row:
    subject, result = request.path.name, measure_apart(request)
    if isinstance(result, LatencyFailure):
        return undecided_row("latency", subject, result.status, result.reason)
    return make_row(
        "latency",
        subject,
        Verdict(status="pass", reason="measured; latency has no gate"),
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
        timing=timing(result, request.warm_up),
        memory=memory(result.before_load_bytes, result.peak_bytes),
    )


def timing(result: LatencyMeasurement, warm_up: int) -> Timing:
    """The report's section; percentiles are interpolated linearly between samples."""
    samples = result.samples_s
    median, p90, p99 = (float(value) for value in np.percentile(samples, (50, 90, 99)))
    reference = float(np.median(result.reference_samples_s))
    return Timing(
        load_s=result.load_s,
        first_run_s=result.first_run_s,
        warm_up=warm_up,
        samples_s=samples,
        min_s=min(samples),
        median_s=median,
        p90_s=p90,
        p99_s=p99,
        reference=DESCRIPTION,
        reference_samples_s=result.reference_samples_s,
        reference_median_s=reference,
        ratio=median / reference,
    )
