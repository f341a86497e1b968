"""TFLite files by the user's own ``benchmark_model``, a program of TensorFlow's for each device."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from threading import Event

import numpy as np
from cdfi_runtime.errors import ArtifactError
from cdfi_runtime.manifest import Manifest, TensorInfo, load_manifest
from cdfi_runtime.runtimes import AUTO
from numpy.typing import NDArray

from cdfi_bench.adb.benchmark_model import (
    BenchmarkModelOptions,
    TfliteInput,
    run_benchmark_model,
)
from cdfi_bench.adb.benchmark_model_output import NO_SAMPLES, BenchmarkModelResult
from cdfi_bench.adb.facts import DeviceFacts
from cdfi_bench.devices import DeviceOptions
from cdfi_bench.latency.collector import Collector
from cdfi_bench.latency.measurement import LatencyFailure, LatencyMeasurement, Samples
from cdfi_bench.latency.request import LatencyRequest, graph_frame
from cdfi_bench.phone.claim import Claim
from cdfi_bench.phone.conditions import conditions, throttled
from cdfi_bench.phone.ready import ready_phone
from cdfi_bench.phone.trust import distrust, look_after
from cdfi_bench.phone.way import WAYS, WaySpec
from cdfi_bench.report import BackendFacts

MICRO = 1e-6
_ABLE = (AUTO, "cpu", "xnnpack", "gpu", "nnapi")
_FOLDER = "benchmark_model"


@dataclass(frozen=True)
class BenchmarkModelWay:
    """See :class:`cdfi_bench.phone.way.Way`."""

    facts: DeviceFacts
    options: DeviceOptions

    def measure(
        self, claim: Claim, collector: Collector, manifest: Manifest, folder: Path, stop: Event
    ) -> LatencyMeasurement | LatencyFailure:
        """See :class:`cdfi_bench.phone.way.Way`."""
        request, path = collector.request, collector.request.path
        if manifest.artifact.portable is not None:  # the program knows no operators of ours
            path = path.with_name(manifest.artifact.portable)
            manifest = load_manifest(path)
        size = graph_frame(request, manifest.size.width, manifest.size.height)
        if isinstance(size, str):
            return LatencyFailure("skip", size)
        asked = request.accelerator
        if asked not in _ABLE:
            able = ", ".join(_ABLE)
            return LatencyFailure("skip", f"benchmark_model has no '{asked}', only {able}")
        assert self.options.benchmark_model is not None
        raw = folder / "output.raw"
        raw.unlink(missing_ok=True)
        try:
            with ready_phone(claim, self.options) as (ready, fixed):
                result = run_benchmark_model(
                    claim.workspace,
                    self.options.benchmark_model,
                    path,
                    _options(request, manifest, size, folder),
                    output=raw,
                    return_limit=self.options.reconnect_s,
                    stop=stop,
                )
                after = look_after(claim)
        finally:
            claim.remove(_FOLDER)
        if request.strict and (why := _left(result, asked)):
            return LatencyFailure("fail", f"would not run on '{asked}' alone: {why}")
        return LatencyMeasurement(
            manifest=manifest,
            backend=_backend(result, request),
            size=size,
            samples=Samples(
                load_s=result.init_us * MICRO,
                first_run_s=None if result.first_us is None else result.first_us * MICRO,
            ),
            end_to_end_path="",
            reference=None,
            no_reference=f"{NO_SAMPLES}, and runs no reference in turn",
            peak_bytes=None if result.memory_peak_mb is None else int(result.memory_peak_mb * 1e6),
            output=_picture(raw, manifest.outputs[0], request.path.name, size),
            tool_statistics_s=_statistics(result),
            conditions=conditions(
                ready, after, fixed=fixed, frequency=(), thermal=(), reconnects=0
            ),
            invalid=distrust(self.facts, None, ready),
            throttled=throttled(after),
        )


def _options(
    request: LatencyRequest, manifest: Manifest, size: tuple[int, int], folder: Path
) -> BenchmarkModelOptions:
    from cdfi_runtime.samples.pair import sample_pair

    inputs = {}
    for tensor, planes in zip(manifest.inputs, sample_pair(manifest, *size), strict=True):
        _require_float32(tensor, request.path.name)
        values = planes.transpose(0, 2, 3, 1) if tensor.layout == "NHWC" else planes
        path = folder / f"input_{tensor.name.replace('/', '_').replace(':', '_')}.raw"
        path.write_bytes(np.ascontiguousarray(values, "<f4").tobytes())
        inputs[tensor.name] = TfliteInput(tuple(values.shape), path)
    asked = request.accelerator
    return BenchmarkModelOptions(
        num_threads=request.threads or -1,  # its own word for: whatever the runtime takes
        warmup_runs=request.warm_up,
        num_runs=request.runs,
        min_secs=0.0,
        report_peak_memory_footprint=True,
        use_xnnpack={"xnnpack": True, "cpu": False}.get(asked),
        use_gpu=asked == "gpu",
        use_nnapi=asked == "nnapi",
        inputs=inputs,
    )


def _require_float32(tensor: TensorInfo, file: str) -> None:
    if tensor.dtype != "float32":
        raise ArtifactError(
            f"{file} has tensors that are not fed here", expected="float32", got=tensor.dtype
        )


def _picture(
    raw: Path, tensor: TensorInfo, file: str, size: tuple[int, int]
) -> NDArray[np.float32] | None:
    """``(1, 3, H, W)``; ``None`` if this version of the program writes no outputs."""
    if not raw.is_file():
        return None
    _require_float32(tensor, file)
    values = np.fromfile(raw, "<f4")
    sides = [each for each in tensor.shape if isinstance(each, int)]
    shape = tuple(sides) if len(sides) == len(tensor.shape) else (1, 3, size[1], size[0])
    if values.size != int(np.prod(shape)):
        raise ArtifactError(
            "benchmark_model handed back another picture than the manifest says",
            expected=f"{shape}",
            got=f"{values.size} values",
        )
    planes = values.reshape(shape)
    return np.ascontiguousarray(planes.transpose(0, 3, 1, 2) if tensor.layout == "NHWC" else planes)


def _statistics(result: BenchmarkModelResult) -> dict[str, float]:
    own = result.inference
    values = {
        "min": own.minimum,
        "max": own.maximum,
        "mean": own.average,
        "deviation": own.deviation,
        "median": own.median,
        "p5": own.p5,
        "p95": own.p95,
    }
    return {name: value * MICRO for name, value in values.items() if value is not None} | {
        "count": own.count
    }


def _backend(result: BenchmarkModelResult, request: LatencyRequest) -> BackendFacts:
    unmeasured = {"affinity": "benchmark_model does not tell"}
    if request.threads is None:
        unmeasured["threads"] = "left to the runtime"
    return BackendFacts(
        runtime="litert",
        version="of benchmark_model, which does not tell",
        accelerator_requested=request.accelerator,
        accelerator_actual=result.accelerator,
        threads=request.threads,
        affinity=None,
        unmeasured=unmeasured,
    )


def _left(result: BenchmarkModelResult, asked: str) -> str | None:
    if asked in (AUTO, "cpu"):
        return None
    took = [each for each in result.delegates if each.name.lower().startswith(asked)]
    if took and all(each.extent == "all" for each in took):
        return None
    return f"it ran on {result.accelerator}"


def _lacks(options: DeviceOptions) -> str | None:
    if options.benchmark_model is None:
        return "give your own TFLite benchmark_model for the device by --benchmark-model FILE"
    return None


WAYS.register(WaySpec("benchmark_model", ("litert",), _lacks, BenchmarkModelWay))
