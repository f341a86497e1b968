"""The command ``cdfi-bench latency``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from cdfi_runtime.errors import InputError
from cdfi_runtime.files import ensure_folder
from cdfi_runtime.runtimes import AUTO

if TYPE_CHECKING:
    from cdfi_bench.devices import DeviceOptions
    from cdfi_bench.gallery import Case
    from cdfi_bench.latency.parity import OutputParity
    from cdfi_bench.latency.report import Job
    from cdfi_bench.latency.request import LatencyRequest

_APP = "app"  # a bundle in a folder of that name is ./app
_PHASES, _DEVICES, _PARITY = "How long", "Devices", "Parity"


def latency(
    artifacts: Annotated[
        list[Path], typer.Argument(help="Artifacts, or folders of artifacts with their manifests.")
    ],
    device: Annotated[
        list[str] | None,
        typer.Option(
            help="local, adb, or adb:SERIAL; may be repeated. Phones are measured at once.",
            rich_help_panel=_DEVICES,
        ),
    ] = None,
    size: Annotated[
        list[str] | None,
        typer.Option(help="Frame size as WxH; may be repeated. The graph's own if left out."),
    ] = None,
    runs: Annotated[
        int, typer.Option(min=1, help="Measured runs of the burst.", rich_help_panel=_PHASES)
    ] = 30,
    warm_up: Annotated[
        int, typer.Option(min=0, help="Runs before them.", rich_help_panel=_PHASES)
    ] = 3,
    end_to_end: Annotated[
        int,
        typer.Option(
            min=0, help="Runs from frames to picture; 0 for none.", rich_help_panel=_PHASES
        ),
    ] = 10,
    sustained: Annotated[
        float,
        typer.Option(
            min=0, help="Seconds of runs back to back, 300 or more.", rich_help_panel=_PHASES
        ),
    ] = 0,
    threads: Annotated[
        int | None,
        typer.Option(min=1, help="CPU threads; the runtime's choice if not."),
    ] = None,
    affinity: Annotated[
        str | None, typer.Option(help="Cores to keep to, e.g. 0,4-7; the system's choice if not.")
    ] = None,
    accelerator: Annotated[
        str, typer.Option(help="Provider, delegate or device of the runtime, e.g. cuda, xnnpack.")
    ] = AUTO,
    strict: Annotated[
        bool, typer.Option("--strict", help="Fail what does not run wholly on --accelerator.")
    ] = False,
    parity: Annotated[
        bool,
        typer.Option(help="Compare the picture of each run with torch.", rich_help_panel=_PARITY),
    ] = True,
    weights: Annotated[
        list[Path] | None,
        typer.Option(
            help="Weights an artifact was exported from; may be repeated. Without them the same "
            "file on this machine is the reference.",
            rich_help_panel=_PARITY,
        ),
    ] = None,
    runner: Annotated[
        Path | None,
        typer.Option(
            help="Bundle to push, as made by cdfi-bench runner; made if left out. The word app "
            "runs ONNX files in the installed Android app.",
            rich_help_panel=_DEVICES,
        ),
    ] = None,
    benchmark_model: Annotated[
        Path | None,
        typer.Option(
            help="Your own TFLite benchmark_model for the device, for .tflite artifacts.",
            rich_help_panel=_DEVICES,
        ),
    ] = None,
    cool_down: Annotated[
        float,
        typer.Option(
            min=0,
            help="Seconds to wait at most for a phone that is hot or low on battery.",
            rich_help_panel=_DEVICES,
        ),
    ] = 300,
    reconnect: Annotated[
        float,
        typer.Option(
            min=0,
            help="Seconds to wait at most for a phone whose link is lost.",
            rich_help_panel=_DEVICES,
        ),
    ] = 120,
    fixed_performance: Annotated[
        bool,
        typer.Option(
            "--fixed-performance",
            help="Have Android 11 and newer hold its clocks steady meanwhile.",
            rich_help_panel=_DEVICES,
        ),
    ] = False,
    out: Annotated[Path, typer.Option("--out", help="Folder for the reports.")] = Path("reports"),
) -> None:
    """Time artifacts here or on phones over adb, in turn with a fixed convolution as the yardstick.

    Load, first run, warm-up, burst, frames to picture and, on request, a sustained phase; each row
    has the parity of the picture that was made meanwhile. An interruption keeps what was measured.
    """
    from cdfi_export.frame_size import FrameSize

    from cdfi_bench.devices import DeviceOptions
    from cdfi_bench.finish import finish
    from cdfi_bench.latency.affinity import parse_cores
    from cdfi_bench.latency.report import latency_report
    from cdfi_bench.latency.request import LatencyRequest
    from cdfi_bench.rows import expand_artifacts

    parsed = [FrameSize.parse(text) for text in size or ()]
    sizes: list[tuple[int, int] | None] = [(each.width, each.height) for each in parsed]
    requests = [
        LatencyRequest(
            path,
            each,
            runs,
            warm_up,
            threads,
            accelerator,
            strict,
            parse_cores(affinity) if affinity else None,
            end_to_end,
            sustained,
        )
        for path in expand_artifacts(artifacts)
        for each in sizes or [None]
    ]
    in_app = runner == Path(_APP)
    options = DeviceOptions(
        None if in_app else runner,
        benchmark_model,
        cool_down,
        reconnect,
        fixed_performance=fixed_performance,
        app=in_app,
    )
    ensure_folder(out)
    cases: list[Case] = []
    compare = _output_parity(weights or [], threads) if parity else None
    with _jobs(device or ["local"], options, requests) as jobs:
        report = latency_report(jobs, compare, cases.append)
    finish(report, out, cases)


def _output_parity(weights: list[Path], threads: int | None) -> OutputParity:
    from cdfi_runtime.errors import MissingDependencyError

    from cdfi_bench.latency.parity import OutputParity
    from cdfi_bench.references import References

    try:
        return OutputParity(References(weights, threads=threads), threads)
    except MissingDependencyError:
        return OutputParity(None, threads)


@contextmanager
def _jobs(
    names: Sequence[str], options: DeviceOptions, requests: list[LatencyRequest]
) -> Iterator[list[Job]]:
    """The devices opened, each with a bar of its own; they are closed at the end in any case."""
    from cdfi_bench.devices import DEVICES
    from cdfi_bench.latency.collector import planned_units
    from cdfi_bench.latency.report import Job
    from cdfi_bench.progress import progress_bars

    if len(set(names)) < len(names):
        raise InputError("a device is named twice", got=", ".join(names))
    with ExitStack() as closing:
        opened = []
        for text in names:
            kind, _, which = text.partition(":")
            spec = DEVICES.get(kind)
            device = spec.open(which or None, options)
            closing.callback(device.close)
            opened.append((spec, device))
        bars = closing.enter_context(progress_bars("runs"))
        total = sum(map(planned_units, requests))
        jobs = []
        for spec, device in opened:
            bar = bars(device.info.name, total)
            jobs.append(Job(device, spec.shares_this_machine, requests, bar.advance, bar.tell))
        yield jobs
