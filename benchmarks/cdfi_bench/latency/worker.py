"""Measures one artifact; runs in a process of its own, so that its memory is its own."""

from __future__ import annotations

import importlib
import os
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from cdfi_runtime.apart import Send
from cdfi_runtime.errors import InputError, MissingDependencyError
from cdfi_runtime.frames import round_to_uint8, to_network
from cdfi_runtime.images import read_image, write_image
from cdfi_runtime.memory import peak_bytes
from cdfi_runtime.middle import raw_middle
from cdfi_runtime.runtimes import Session, choose_runtime, open_artifact
from cdfi_runtime.samples.pair import sample_pair
from numpy.typing import NDArray

from cdfi_bench.evaluate import error_text
from cdfi_bench.latency.collector import Phase
from cdfi_bench.latency.measurement import LatencyFailure, LatencyMeasurement, Samples
from cdfi_bench.latency.reference import DESCRIPTION, reference_workload
from cdfi_bench.latency.request import LatencyRequest, graph_frame
from cdfi_bench.rows import backend_facts

END_TO_END = "two PNG files to the 8-bit picture in memory: decoding, padding, network, rounding"
Planes = NDArray[np.float32]


def measure(send: Send, request: LatencyRequest) -> LatencyMeasurement | LatencyFailure:
    """Measure, or say why it was not possible; raises nothing but an interruption.

    Sends the measurement without samples once the artifact is open, then each sample as
    ``(phase, seconds)``. The result's samples are left to who collects them.
    """
    try:
        return _measure(send, request)
    except MissingDependencyError as error:
        return LatencyFailure("skip", str(error))
    except Exception as error:  # whatever a broken file does to a runtime is a failed row
        return LatencyFailure("fail", error_text(error))


def _measure(send: Send, request: LatencyRequest) -> LatencyMeasurement | LatencyFailure:
    if request.affinity is not None:
        keep_to(request.affinity)
    spec = choose_runtime(request.path).spec
    importlib.import_module(spec.package)  # loading is measured without the library's import
    before_load = peak_bytes()
    start = perf_counter()
    session = open_artifact(
        request.path, spec.name, request.threads, request.accelerator, strict=request.strict
    )
    load_s = perf_counter() - start
    manifest = session.manifest
    size = graph_frame(request, manifest.size.width, manifest.size.height)
    if isinstance(size, str):
        return LatencyFailure("skip", size)
    emulated = f"the runtime '{spec.name}' computes what the real one would, not as fast"
    head = LatencyMeasurement(
        manifest=manifest,
        backend=backend_facts(session, request.threads, request.accelerator, request.affinity),
        size=size,
        samples=Samples(),
        end_to_end_path=END_TO_END,
        reference=DESCRIPTION,
        before_load_bytes=before_load,
        invalid=(emulated,) if spec.emulated else (),
    )
    send(head)
    send(("load", load_s))
    peak, output = _run_phases(send, request, session, sample_pair(manifest, *size))
    return replace(head, peak_bytes=peak, output=output)


def keep_to(cores: tuple[int, ...]) -> None:
    """Keep this process, and the threads it starts later, to some cores.

    Raises:
        InputError: the system cannot, or has no such core.
    """
    if not hasattr(os, "sched_setaffinity"):
        raise InputError("this system cannot keep a process to cores", fix="leave out --affinity")
    try:
        os.sched_setaffinity(0, cores)
    except (OSError, ValueError) as error:
        raise InputError(
            "this process cannot be kept to these cores",
            expected=f"some of {sorted(os.sched_getaffinity(0))}",
            got=f"{sorted(cores)}: {error}",
        ) from error


def _run_phases(
    send: Send, request: LatencyRequest, session: Session, frames: tuple[Planes, Planes]
) -> tuple[int | None, Planes]:
    def timed(phase: Phase, run: Callable[[], Any]) -> Any:
        start = perf_counter()
        result = run()
        send((phase, perf_counter() - start))
        return result

    def network() -> Planes:
        return session.run(*frames)

    output = timed("first", network)
    for _ in range(request.warm_up):
        timed("warm_up", network)
    peak = peak_bytes()  # before the reference takes memory of its own
    reference = reference_workload(request.threads)
    for _ in range(request.runs):
        reference()  # not kept: brings its data back into the caches that the artifact took over
        timed("reference", reference)
        output = timed("burst", network)
    if request.end_to_end:
        with tempfile.TemporaryDirectory() as folder:
            whole = _end_to_end(session, frames, Path(folder))
            whole()
            for _ in range(request.end_to_end):
                timed("end_to_end", whole)
    end = perf_counter() + request.sustained_s
    while perf_counter() < end:
        timed("sustained", network)
    return peak, output


def _end_to_end(
    session: Session, frames: tuple[Planes, Planes], folder: Path
) -> Callable[[], NDArray[np.uint8]]:
    paths = [folder / "frame0.png", folder / "frame2.png"]
    for path, planes in zip(paths, frames, strict=True):
        write_image(path, round_to_uint8(planes[0].transpose(1, 2, 0)))

    def run() -> NDArray[np.uint8]:
        first, last = (to_network(read_image(path)) for path in paths)
        return round_to_uint8(raw_middle(session, first, last)[0].transpose(1, 2, 0))

    return run
