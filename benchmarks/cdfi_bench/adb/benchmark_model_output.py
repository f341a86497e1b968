"""What TFLite's ``benchmark_model`` prints, from TensorFlow 1.14 to LiteRT."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from cdfi_bench.adb.errors import AdbError

TAIL_LINES = 15
NO_SAMPLES = "benchmark_model prints statistics, not the single times"

NUMBER = r"([-+.\deE]+|nan|inf)"
TIMINGS = re.compile(
    rf"Inference timings in us: Init: {NUMBER}, First inference: {NUMBER}, "
    rf"Warmup \(avg\): {NUMBER}, Inference \(avg\): {NUMBER}"
)
OLD_TIMINGS = re.compile(
    rf"Average inference timings in us: Warmup: {NUMBER}, Init: {NUMBER}, "
    rf"(?:no|with) stats: {NUMBER}"
)
COUNT = re.compile(r"^(.*?)(count=\d+ .*)$", re.MULTILINE)
PROFILE = ("(microseconds)", "(bytes)")  # a profile's own lines of counts
DELTA = re.compile(
    rf"(?:Memory footprint delta from the start of the tool|Peak memory footprint) \(MB\): "
    rf"init={NUMBER} overall={NUMBER}"
)
PEAK = re.compile(rf"Overall peak memory footprint \(MB\) via periodic monitoring: {NUMBER}")
APPLIED = re.compile(
    r"Explicitly applied (\S+) delegate, and the model graph will be (completely|partially) "
    r"executed by the delegate(?: w/ (\d+) delegate kernels)?"
)
NOT_APPLIED = re.compile(
    r"Though (\S+) delegate is explicitly applied, the model graph will not be executed"
)
DEFAULT_XNNPACK = "Created TensorFlow Lite XNNPACK delegate for CPU"
REPLACED = re.compile(r"Replacing (\d+) out of (\d+) node\(s\) with delegate \(([^)]+)\)")


@dataclass(frozen=True)
class Statistics:
    """Of times in microseconds; percentiles where the version prints them."""

    count: int
    first: float
    current: float
    minimum: float
    maximum: float
    average: float
    deviation: float
    median: float | None = None
    p5: float | None = None
    p95: float | None = None


@dataclass(frozen=True)
class DelegateUse:
    """What a delegate took of the graph: ``all``, ``part`` in so many kernels, or ``none``."""

    name: str
    extent: Literal["all", "part", "none"]
    kernels: int | None = None


@dataclass(frozen=True)
class BenchmarkModelResult:
    """One run; times in microseconds, memory in megabytes.

    There are no samples: the program prints statistics only, see ``NO_SAMPLES``.

    Attributes:
        init_us: Loading the model and making the interpreter.
        first_us: The first inference; ``None`` where the version does not print it.
        warm_up: Statistics of the warm-up, if any ran.
        inference: Statistics of the measured runs.
        memory_init_mb, memory_overall_mb: Growth of the resident set since the program's start.
        memory_peak_mb: Highest footprint, if asked for.
        delegates: What the delegates asked for really did.
        implicit_xnnpack: Whether XNNPACK took over without being asked.
        replaced: Nodes taken, nodes in all, and by which delegate, where it prints that.
    """

    init_us: float
    first_us: float | None
    warm_up: Statistics | None
    inference: Statistics
    memory_init_mb: float | None
    memory_overall_mb: float | None
    memory_peak_mb: float | None
    delegates: tuple[DelegateUse, ...]
    implicit_xnnpack: bool
    replaced: tuple[tuple[int, int, str], ...]

    @property
    def accelerator(self) -> str:
        """What ran the graph, in words for a report."""
        used = [
            each.name
            if each.extent == "all"
            else f"{each.name} in part" + (f" ({each.kernels} kernels)" if each.kernels else "")
            for each in self.delegates
            if each.extent != "none"
        ]
        if not used and self.implicit_xnnpack:
            return "XNNPACK"
        return ", ".join(used) or "CPU"


def parse_benchmark_model(output: str) -> BenchmarkModelResult:
    """Read what the program printed, with or without log prefixes.

    Raises:
        AdbError: the closing lines are missing or odd; the message has the output's end.
    """
    timings, old = TIMINGS.search(output), OLD_TIMINGS.search(output)
    found = timings or old
    if found is None:
        raise unreadable("it has no line of timings", output)
    counts = COUNT.findall(output[: found.start()])
    blocks = [
        _statistics(line) for prefix, line in counts if not any(each in prefix for each in PROFILE)
    ]
    if not blocks:
        raise unreadable("it has no line 'count=...'", output)
    if timings:
        init, first, _, average = (float(each) for each in timings.groups())
    else:
        _, init, average = (float(each) for each in found.groups())
        first = None
    inference = blocks[-1]
    # Both are printed with six digits.
    if abs(inference.average - average) > 1e-4 * abs(average):
        raise unreadable(f"its averages differ: {inference.average:g} and {average:g} us", output)
    delta, peak = DELTA.search(output), PEAK.search(output)
    return BenchmarkModelResult(
        init_us=init,
        first_us=first,
        warm_up=blocks[-2] if len(blocks) > 1 else None,
        inference=inference,
        memory_init_mb=float(delta.group(1)) if delta else None,
        memory_overall_mb=float(delta.group(2)) if delta else None,
        memory_peak_mb=float(peak.group(1)) if peak else None,
        delegates=_delegates(output),
        implicit_xnnpack=DEFAULT_XNNPACK in output,
        replaced=tuple((int(n), int(m), name) for n, m, name in REPLACED.findall(output)),
    )


def unreadable(why: str, output: str) -> AdbError:
    """An error with the end of what the program printed."""
    tail = "\n".join(f"    {line}" for line in output.strip().splitlines()[-TAIL_LINES:])
    return AdbError(
        f"benchmark_model's output cannot be read: {why}",
        expected="the line 'Inference timings in us: ...' after its lines 'count=...'",
        got=f"an output that ends with\n{tail}" if tail else "no output",
    )


def _statistics(line: str) -> Statistics:
    values = {k: float(v) for k, v in re.findall(rf"(\w+)={NUMBER}", line)}
    only = values.get("curr", 0.0)  # a single run is printed as its time alone
    return Statistics(
        count=int(values["count"]),
        first=values.get("first", only),
        current=only,
        minimum=values.get("min", only),
        maximum=values.get("max", only),
        average=values.get("avg", only),
        deviation=values.get("std", 0.0),
        median=values.get("median"),
        p5=values.get("p5"),
        p95=values.get("p95"),
    )


def _delegates(output: str) -> tuple[DelegateUse, ...]:
    used = [
        DelegateUse(name, "all" if how == "completely" else "part", int(n) if n else None)
        for name, how, n in APPLIED.findall(output)
    ]
    return (*used, *(DelegateUse(name, "none") for name in NOT_APPLIED.findall(output)))
