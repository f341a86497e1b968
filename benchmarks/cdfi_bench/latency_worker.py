"""Measures one artifact; runs in a process of its own, so that its memory is its own."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

from cdfi_runtime.apart import Send
from cdfi_runtime.errors import MissingDependencyError
from cdfi_runtime.manifest import Manifest
from cdfi_runtime.memory import peak_bytes
from cdfi_runtime.runtimes import AUTO, choose_runtime, open_artifact
from cdfi_runtime.samples.pair import sample_pair

from cdfi_bench.evaluate import error_text
from cdfi_bench.latency_reference import reference_workload
from cdfi_bench.report import BackendFacts, Status
from cdfi_bench.rows import backend_facts

DEFAULT_SIZE = (448, 256)


@dataclass(frozen=True)
class LatencyRequest:
    """What to measure.

    Attributes:
        path: The artifact.
        size: ``(width, height)``; ``None`` takes the graph's own, or 448x256 if it is dynamic.
        runs: Measured runs.
        warm_up: Runs after the first one that are not kept.
        threads: CPU threads; ``None`` leaves it to the runtime.
        accelerator: What to run on; see :func:`cdfi_runtime.runtimes.open_artifact`.
        strict: Refuse to measure what does not run wholly on it.
    """

    path: Path
    size: tuple[int, int] | None
    runs: int
    warm_up: int
    threads: int | None
    accelerator: str = AUTO
    strict: bool = False


@dataclass(frozen=True)
class LatencyMeasurement:
    """What came out; times in seconds, memory in bytes (``None`` where it cannot be told)."""

    manifest: Manifest
    backend: BackendFacts
    size: tuple[int, int]
    load_s: float
    first_run_s: float
    samples_s: tuple[float, ...]
    reference_samples_s: tuple[float, ...]
    before_load_bytes: int | None
    peak_bytes: int | None


@dataclass(frozen=True)
class LatencyFailure:
    """Why nothing came out."""

    status: Status
    reason: str


def measure(_send: Send, request: LatencyRequest) -> LatencyMeasurement | LatencyFailure:
    """Measure, or say why it was not possible; raises nothing but an interruption."""
    try:
        return _measure(request)
    except MissingDependencyError as error:
        return LatencyFailure("skip", str(error))
    except Exception as error:  # whatever a broken file does to a runtime is a failed row
        return LatencyFailure("fail", error_text(error))


def _measure(request: LatencyRequest) -> LatencyMeasurement | LatencyFailure:
    spec = choose_runtime(request.path).spec
    importlib.import_module(spec.package)  # loading is measured without the library's import
    before_load = peak_bytes()
    start = perf_counter()
    session = open_artifact(
        request.path, spec.name, request.threads, request.accelerator, strict=request.strict
    )
    load_s = perf_counter() - start
    manifest = session.manifest
    own = manifest.size
    fixed = None if own.width is None or own.height is None else (own.width, own.height)
    size = request.size or fixed or DEFAULT_SIZE
    if fixed is not None and size != fixed:
        return LatencyFailure(
            "skip", f"the graph is fixed at {fixed[0]}x{fixed[1]}, not {size[0]}x{size[1]}"
        )
    frame0, frame2 = sample_pair(manifest, *size)

    def run() -> float:
        start = perf_counter()
        session.run(frame0, frame2)
        return perf_counter() - start

    first_run_s = run()
    for _ in range(request.warm_up):
        run()
    peak = peak_bytes()  # before the reference takes memory of its own
    reference = reference_workload(request.threads)
    samples, reference_samples = [], []
    for _ in range(request.runs):
        reference()  # not kept: brings its data back into the caches that the artifact took over
        start = perf_counter()
        reference()
        reference_samples.append(perf_counter() - start)
        samples.append(run())
    return LatencyMeasurement(
        manifest=manifest,
        backend=backend_facts(session, request.threads, request.accelerator),
        size=size,
        load_s=load_s,
        first_run_s=first_run_s,
        samples_s=tuple(samples),
        reference_samples_s=tuple(reference_samples),
        before_load_bytes=before_load,
        peak_bytes=peak,
    )
