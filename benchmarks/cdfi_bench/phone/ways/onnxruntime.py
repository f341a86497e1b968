"""ONNX and ORT files by the runner in ``runtime/runner``, pushed with ONNX Runtime's library."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

import numpy as np
from cdfi_runtime.errors import ArtifactError, CdfiError, InputError
from cdfi_runtime.manifest import Manifest

from cdfi_bench.adb.errors import AdbError
from cdfi_bench.adb.facts import DeviceFacts
from cdfi_bench.adb.job import Job
from cdfi_bench.adb.transfer import pull
from cdfi_bench.devices import DeviceOptions
from cdfi_bench.latency.collector import Collector
from cdfi_bench.latency.measurement import LatencyFailure, LatencyMeasurement, Samples
from cdfi_bench.latency.reference import DESCRIPTION
from cdfi_bench.latency.request import LatencyRequest, graph_frame
from cdfi_bench.phone.claim import Claim
from cdfi_bench.phone.conditions import conditions, throttled
from cdfi_bench.phone.ready import ready_phone
from cdfi_bench.phone.runner_job import FOLDER, OUTPUT, RESULT, RunnerJob
from cdfi_bench.phone.runner_result import NANO, RunnerResult, read_runner_result, samples_in
from cdfi_bench.phone.trust import distrust, look_after
from cdfi_bench.phone.way import WAYS, WaySpec
from cdfi_bench.report import BackendFacts

if TYPE_CHECKING:
    from cdfi_bench.bundle.folder import Bundle

END_TO_END = "two raw float32 files to the 8-bit picture in memory: reading, network, rounding"
_REFUSED = 3  # the runner's exit code when the runtime does not take the file


@dataclass(frozen=True)
class RunnerWay:
    """See :class:`cdfi_bench.phone.way.Way`."""

    facts: DeviceFacts
    options: DeviceOptions

    def measure(
        self, claim: Claim, collector: Collector, manifest: Manifest, folder: Path, stop: Event
    ) -> LatencyMeasurement | LatencyFailure:
        """See :class:`cdfi_bench.phone.way.Way`."""
        request = collector.request
        size = graph_frame(request, manifest.size.width, manifest.size.height)
        if isinstance(size, str):
            return LatencyFailure("skip", size)
        bundle = self._bundle(collector.tell)
        run = RunnerJob(request, manifest, size, bundle)
        head = _head(run)
        job = Job(claim.workspace, FOLDER)
        try:
            collector.tell("pushing the runner and the artifact")
            run.push(claim, folder)
            collector.tell("waiting until it is cool and charged")
            with ready_phone(claim, self.options, stop) as (ready, fixed):
                collector.start(replace(head, invalid=distrust(self.facts, None, ready)))
                collector.tell("")
                job.start(run.command(claim, job))
                code = _wait(job, collector, self.options, stop)
                after = look_after(claim)
            result, output = _fetch(claim, job, folder, code)
            state = conditions(
                ready,
                after,
                fixed=fixed,
                frequency=((time * NANO, values) for time, values in result.frequency or ()),
                thermal=((time * NANO, _celsius(values)) for time, values in result.thermal or ()),
                reconnects=job.drops,
            )
        finally:
            claim.remove(FOLDER)
        backend = _backend(result, run)
        if request.strict and (why := _fallback(result, run)):
            return LatencyFailure("fail", f"would not run on '{request.accelerator}' alone: {why}")
        return replace(
            head,
            backend=backend,
            samples=_samples(result, collector.samples),
            before_load_bytes=result.vm_hwm_before_load_bytes,
            peak_bytes=result.vm_hwm_bytes,
            output=output,
            conditions=state,
            invalid=distrust(self.facts, result.emulated, ready),
            throttled=throttled(after),
            ended=None if result.complete else f"the runner was {result.stopped}",
        )

    def _bundle(self, tell: Callable[[str], None]) -> Bundle:
        from cdfi_bench.bundle.build import BundleRequest, build_bundle
        from cdfi_bench.bundle.folder import open_bundle

        abi = self.facts.abi
        if self.options.runner is None:
            if abi is None:
                raise InputError("the device does not tell its ABI", fix="name a --runner bundle")
            return build_bundle(BundleRequest(abi), tell=tell)
        bundle = open_bundle(self.options.runner)
        if abi is not None and bundle.abi != abi:
            raise InputError(
                "the runner is for other devices",
                expected=f"a bundle for {abi}, which is what {self.facts.serial} runs",
                got=f"{self.options.runner} for {bundle.abi}",
                fix=f"cdfi-bench runner --abi {abi}, or leave out --runner",
            )
        return bundle


def _head(run: RunnerJob) -> LatencyMeasurement:
    unknown = "not known: the run did not end"
    return LatencyMeasurement(
        manifest=run.manifest,
        backend=_facts(run.request, run.bundle.version, unknown, None),
        size=run.size,
        samples=Samples(),
        end_to_end_path=END_TO_END,
        reference=DESCRIPTION,
    )


def _wait(job: Job, collector: Collector, options: DeviceOptions, stop: Event) -> int:
    def take(lines: list[str]) -> None:
        for phase, seconds in samples_in(lines):
            collector.add(phase, seconds)

    return job.wait(take, return_limit=options.reconnect_s, stop=stop)


def _fetch(
    claim: Claim, job: Job, folder: Path, code: int
) -> tuple[RunnerResult, np.ndarray[tuple[int, ...], np.dtype[np.float32]] | None]:
    patience = claim.options.reconnect_s
    local = folder / RESULT
    if claim.adb.shell(f"[ -f {job.path(RESULT)} ]").code:
        raise AdbError(
            "the runner on the device ended without a result",
            expected="exit code 0 and a result",
            got=f"exit code {code}: {job.output_tail() or 'no output'}",
        )
    pull(claim.adb, job.path(RESULT), local, return_limit=patience)
    result = read_runner_result(local)
    if code == _REFUSED or result.stopped == "error":
        raise ArtifactError(
            "ONNX Runtime on the device refuses the artifact",
            got=result.error or job.output_tail(),
            fix="copy or export it again; its format may be newer than the runtime of the bundle",
        )
    if result.output_shape is None or not result.complete:
        return result, None
    raw = folder / OUTPUT
    pull(claim.adb, job.path(OUTPUT), raw, return_limit=patience)
    values = np.fromfile(raw, "<f4")
    if values.size != int(np.prod(result.output_shape)):
        raise CdfiError(
            "the device handed back another picture than it says",
            expected=f"{result.output_shape}",
            got=f"{values.size} values",
        )
    return result, values.reshape(result.output_shape)


def _samples(result: RunnerResult, collected: Samples) -> Samples:
    """As collected: the file of samples is what the result is made from."""
    load = None if result.load_ns is None else result.load_ns * NANO
    first = None if result.first_run_ns is None else result.first_run_ns * NANO
    return replace(collected, load_s=load, first_run_s=first)


def _celsius(values: dict[str, float]) -> dict[str, float]:
    return {sensor: milli / 1000 for sensor, milli in values.items()}


def _backend(result: RunnerResult, run: RunnerJob) -> BackendFacts:
    nodes = result.provider_nodes
    if nodes is None:
        actual = f"not known: {result.provider_nodes_reason or 'the runtime does not tell'}"
    elif len(nodes) == 1:
        actual = next(iter(nodes))
    else:
        total = sum(nodes.values())
        actual = ", ".join(f"{name} ({count} of {total} nodes)" for name, count in nodes.items())
    return _facts(run.request, result.version or run.bundle.version, actual, result.affinity)


def _facts(
    request: LatencyRequest, version: str, actual: str, affinity: tuple[int, ...] | None
) -> BackendFacts:
    unmeasured = {}
    if request.threads is None:
        unmeasured["threads"] = "left to the runtime"
    if affinity is None:
        unmeasured["affinity"] = "not known: the run did not end"
    return BackendFacts(
        runtime="onnxruntime",
        version=version,
        accelerator_requested=request.accelerator,
        accelerator_actual=actual,
        threads=request.threads,
        affinity=affinity,
        unmeasured=unmeasured,
    )


def _fallback(result: RunnerResult, run: RunnerJob) -> str | None:
    asked, nodes = run.provider, result.provider_nodes
    if nodes is None:
        return result.provider_nodes_reason or "the runtime does not tell where it ran"
    left = sum(count for name, count in nodes.items() if name != asked)
    return f"{left} nodes ran elsewhere" if left else None


def _lacks(options: DeviceOptions) -> str | None:
    return "the app was asked for by --runner app" if options.app else None


WAYS.register(WaySpec("onnxruntime", ("onnx", "ort"), _lacks, RunnerWay))
