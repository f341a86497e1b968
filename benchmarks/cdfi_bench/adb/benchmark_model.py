"""Runs a user's own TFLite ``benchmark_model`` on a device."""

from __future__ import annotations

import signal
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cdfi_bench.adb.benchmark_model_output import (
    BenchmarkModelResult,
    parse_benchmark_model,
    unreadable,
)
from cdfi_bench.adb.errors import AdbError
from cdfi_bench.adb.job import Job
from cdfi_bench.adb.transfer import Progress, Upload, pull, push_all
from cdfi_bench.adb.workspace import Workspace


@dataclass(frozen=True)
class TfliteInput:
    """An input tensor: its shape, and its values as raw little-endian numbers."""

    shape: tuple[int, ...]
    values: Path | None = None


@dataclass(frozen=True)
class BenchmarkModelOptions:
    """How to run it; each field is the program's option of that name.

    Attributes:
        use_xnnpack: ``None`` leaves it to the program, which uses it since TensorFlow 2.6 or so.
        min_secs: It runs at least that long, whatever ``num_runs`` says.
        report_peak_memory_footprint: It looks every 50 ms then, which may cost some time.
        extra: Further options as they are, e.g. ``--gpu_precision_loss_allowed=false``.
    """

    num_threads: int = 1
    warmup_runs: int = 5
    num_runs: int = 50
    min_secs: float = 1.0
    use_xnnpack: bool | None = None
    use_gpu: bool = False
    use_nnapi: bool = False
    inputs: Mapping[str, TfliteInput] = field(default_factory=dict)
    report_peak_memory_footprint: bool = False
    extra: tuple[str, ...] = ()

    def arguments(self, graph: str, files: Mapping[str, str], output: str | None) -> list[str]:
        """The options, for a graph, inputs' files and an output's path on the device."""
        found = [
            f"--graph={graph}",
            f"--num_threads={self.num_threads}",
            f"--warmup_runs={self.warmup_runs}",
            f"--num_runs={self.num_runs}",
            f"--min_secs={self.min_secs:g}",
            f"--report_peak_memory_footprint={_flag(self.report_peak_memory_footprint)}",
        ]
        if self.use_xnnpack is not None:
            found.append(f"--use_xnnpack={_flag(self.use_xnnpack)}")
        found += ["--use_gpu=true"] if self.use_gpu else []
        found += ["--use_nnapi=true"] if self.use_nnapi else []
        if self.inputs:
            shapes = [",".join(map(str, each.shape)) for each in self.inputs.values()]
            found.append(f"--input_layer={','.join(self.inputs)}")
            found.append(f"--input_layer_shape={':'.join(shapes)}")
        if files:
            # A colon in a name, as in "serving_default_x:0", is doubled there.
            pairs = [f"{name.replace(':', '::')}:{path}" for name, path in files.items()]
            found.append(f"--input_layer_value_files={','.join(pairs)}")
        found += [f"--output_filepath={output}"] if output is not None else []
        return [*found, *self.extra]


def run_benchmark_model(
    workspace: Workspace,
    program: Path,
    graph: Path,
    options: BenchmarkModelOptions,
    *,
    output: Path | None = None,
    progress: Progress | None = None,
    return_limit: float = 120.0,
    stop: threading.Event | None = None,
) -> BenchmarkModelResult:
    """Push, run and read; ``output`` receives the raw values of the graph's output.

    A version that writes no outputs leaves ``output`` alone. ``stop``, once set, ends the program.

    Raises:
        AdbError: the program crashed, refused, or printed what cannot be read; the message has the
            end of its output.
        JobLostError, LinkLostError, DeviceFullError, InputError, TransferError: as elsewhere.
    """
    job = Job(workspace, "benchmark_model")
    uploads = [
        Upload(program, job.path("program"), executable=True),
        Upload(graph, job.path("graph.tflite")),
    ]
    files: dict[str, str] = {}
    for i, (name, each) in enumerate(options.inputs.items()):
        if each.values is not None:
            files[name] = job.path(f"input_{i}.raw")
            uploads.append(Upload(each.values, files[name]))
    push_all(workspace.adb, uploads, progress=progress, return_limit=return_limit)
    there = None if output is None else job.path("output.raw")
    arguments = options.arguments(job.path("graph.tflite"), files, there)
    job.start([job.path("program"), *arguments])
    code = job.wait(return_limit=return_limit, stop=stop)
    text = workspace.adb.check(f"cat {job.path('stdout')} {job.path('stderr')}")
    if code:
        raise _failed(program, code, text)
    result = parse_benchmark_model(text)
    if output is not None and there and not workspace.adb.shell(f"[ -f {there} ]").code:
        pull(workspace.adb, there, output, return_limit=return_limit)
    return result


def _failed(program: Path, code: int, text: str) -> AdbError:
    error = unreadable(f"it ended with {_how(code)}", text)
    fix = None
    if code in (126, 127):
        fix = f"check that {program.name} is built for this device (adb shell uname -m)"
    return AdbError(
        f"benchmark_model failed with {_how(code)}", expected="exit code 0", got=error.got, fix=fix
    )


def _how(code: int) -> str:
    if code <= 128:
        return f"exit code {code}"
    try:
        return f"signal {signal.Signals(code - 128).name}"
    except ValueError:
        return f"exit code {code}"


def _flag(value: bool) -> str:
    return "true" if value else "false"
