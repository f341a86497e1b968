"""ONNX and ORT files by the installed Android app, as users of the app will run them.

Chosen by ``--runner app``. ``android_demo/BENCHMARK.md`` is the contract with the app.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Event

import numpy as np
from cdfi_runtime.manifest import Manifest, manifest_path
from cdfi_runtime.runtimes import AUTO
from cdfi_runtime.samples.pair import sample_pair
from numpy.typing import NDArray

from cdfi_bench.adb.facts import DeviceFacts
from cdfi_bench.devices import DeviceOptions
from cdfi_bench.latency.collector import Collector
from cdfi_bench.latency.measurement import LatencyFailure, LatencyMeasurement, Samples
from cdfi_bench.latency.request import LatencyRequest, graph_frame
from cdfi_bench.phone.app_job import AppRun
from cdfi_bench.phone.app_output import fetch_output, fetch_result, pixels
from cdfi_bench.phone.app_result import AppResult
from cdfi_bench.phone.claim import Claim
from cdfi_bench.phone.conditions import conditions, throttled
from cdfi_bench.phone.ready import ready_phone
from cdfi_bench.phone.runner_result import NANO, samples_in
from cdfi_bench.phone.trust import distrust, look_after
from cdfi_bench.phone.way import WAYS, WaySpec
from cdfi_bench.report import BackendFacts

END_TO_END = "two RGB frames in memory to the RGB picture, in the app: packing, network, rounding"
NO_REFERENCE = "the app runs no reference in turn"
PROVIDERS = ("cpu", "xnnpack", "nnapi")
_DEFAULT = "cpu"

Planes = NDArray[np.float32]


@dataclass(frozen=True)
class AppWay:
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
        if (why := _cannot(request)) is not None:
            return LatencyFailure("skip", why)
        head = LatencyMeasurement(
            manifest=manifest,
            backend=_backend(request, None),
            size=size,
            samples=Samples(),
            end_to_end_path=END_TO_END,
            reference=None,
            no_reference=NO_REFERENCE,
        )
        frames = sample_pair(manifest, *size)
        height, width = frames[0].shape[2:]
        run = AppRun(claim.workspace, request.path.suffix, self.options.reconnect_s)
        try:
            collector.tell("pushing the artifact to the app")
            run.prepare()
            run.push(request.path, manifest_path(request.path), _rgb_files(frames, folder))
            collector.tell("waiting until it is cool and charged")
            with ready_phone(claim, self.options, stop) as (ready, fixed):
                collector.start(replace(head, invalid=distrust(self.facts, None, ready)))
                collector.tell("")
                run.begin(_extras(request, width, height))
                self._wait(run, collector, stop)
                after = look_after(claim)
            result = fetch_result(run, folder, manifest)
            output = fetch_output(run, folder, manifest, result)
            state = conditions(
                ready,
                after,
                fixed=fixed,
                frequency=((time * NANO, values) for time, values in result.frequency or ()),
                thermal=((time * NANO, _celsius(values)) for time, values in result.thermal or ()),
                reconnects=run.drops,
            )
        finally:
            run.remove()
        if request.strict and (why := _elsewhere(request, result)):
            return LatencyFailure("fail", f"would not run on '{request.accelerator}' alone: {why}")
        slowed = throttled(after)
        if slowed is None and result.app.thermal_status_after is not None:
            slowed = result.app.thermal_status_after > 0
        return replace(
            head,
            backend=_backend(request, result),
            samples=collector.samples,
            before_load_bytes=result.vm_hwm_before_load_bytes,
            peak_bytes=result.vm_hwm_bytes,
            output=output,
            conditions=state,
            invalid=distrust(self.facts, result.emulated, ready),
            throttled=slowed,
            ended=None if result.complete else "the app's run was ended on the phone",
        )

    def _wait(self, run: AppRun, collector: Collector, stop: Event) -> None:
        def take(lines: list[str]) -> None:
            for phase, seconds in samples_in(lines):
                collector.add(phase, seconds)

        run.wait(take, return_limit=self.options.reconnect_s, stop=stop)


def _cannot(request: LatencyRequest) -> str | None:
    if request.accelerator not in (AUTO, *PROVIDERS):
        return f"the app has no '{request.accelerator}', only {', '.join(PROVIDERS)}"
    if request.affinity is not None:
        return "an app cannot be kept to cores: leave --affinity out"
    return None


def _extras(request: LatencyRequest, width: int, height: int) -> dict[str, str | int | bool]:
    return {
        "provider": _DEFAULT if request.accelerator == AUTO else request.accelerator,
        "threads": request.threads or 0,
        "warmup": request.warm_up,
        "iterations": request.runs,
        "end_to_end": request.end_to_end,
        "sustained": math.ceil(request.sustained_s),
        "pair": True,
        "width": width,
        "height": height,
    }


def _rgb_files(frames: tuple[Planes, Planes], folder: Path) -> tuple[Path, Path]:
    """The frames as the app takes them. They are pictures, so nothing is lost by rounding."""
    paths = folder / "first.rgb", folder / "second.rgb"
    for path, planes in zip(paths, frames, strict=True):
        path.write_bytes(pixels(planes).tobytes())
    return paths


def _celsius(values: dict[str, float]) -> dict[str, float]:
    return {sensor: milli / 1000 for sensor, milli in values.items()}


def _backend(request: LatencyRequest, result: AppResult | None) -> BackendFacts:
    unknown = "not known: the run did not end"
    unmeasured = {}
    if request.threads is None:
        unmeasured["threads"] = "left to the runtime"
    if result is None or result.affinity is None:
        unmeasured["affinity"] = unknown if result is None else "the app cannot tell"
    actual, version = unknown, unknown
    if result is not None:
        part = result.app
        actual = part.provider_actual or unknown
        if part.provider_fallback is not None:
            actual += f" ({part.provider_fallback})"
        version = f"{result.version or 'unknown'}, app {part.version}"
    return BackendFacts(
        runtime="onnxruntime",
        version=version,
        accelerator_requested=request.accelerator,
        accelerator_actual=actual,
        threads=request.threads,
        affinity=None if result is None else result.affinity,
        unmeasured=unmeasured,
    )


def _elsewhere(request: LatencyRequest, result: AppResult) -> str | None:
    asked = _DEFAULT if request.accelerator == AUTO else request.accelerator
    part, nodes = result.app, result.provider_nodes
    if part.provider_actual != asked:
        return part.provider_fallback or f"it ran on {part.provider_actual}"
    if nodes is None:
        # On the CPU alone there is nowhere else to run.
        return None if asked == _DEFAULT else result.provider_nodes_reason or "it does not tell"
    left = sum(count for name, count in nodes.items() if name != asked)
    return f"{left} nodes ran elsewhere" if left else None


def _lacks(options: DeviceOptions) -> str | None:
    return None if options.app else "the installed app is only asked by --runner app"


WAYS.register(WaySpec("app", ("onnx", "ort"), _lacks, AppWay))
