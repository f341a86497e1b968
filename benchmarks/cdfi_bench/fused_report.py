"""The report of ``cdfi-bench fused``: samples, what follows from them, and the verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Literal

from pydantic import Field

from cdfi_bench.fused_artifacts import CUT, EAGER, FUSED, INT8, PORTABLE, FusedFacts
from cdfi_bench.fused_rounds import SGEMM
from cdfi_bench.gates import at_least, at_most, verdict
from cdfi_bench.report import RunInfo, Verdict
from cdfi_bench.report_device import DeviceInfo
from cdfi_bench.section import Section
from cdfi_bench.sgemm import OPERATIONS

# What issue 5 holds CDFI to, on one core. The goal beyond the bound's limit is 1.3.
LIMITED_NETWORK = "cdfi"
LIMITED_SIZE, LIMITED_MEMORY_SIZE, LIMITED_THREADS = (448, 256), (1280, 720), 1
MOST_OF_CUT = 1.15
LEAST_EAGER = 4.0
MOST_OF_BOUND = 1.6
MOST_BYTES = 1.5e9

_MISSING = "not measured in this run"


class Series(Section):
    """One variant's frames, in the order measured."""

    warp: str | None = Field(description="formulation; null where the warp is cut out")
    samples_s: tuple[float, ...] = Field(min_length=1)
    median_s: float = Field(ge=0)
    to_fused: float = Field(
        description="this variant's median over that of the fused graph, in the same rounds"
    )


class Product(Section):
    """One library's matrix products, and the fused frame as a ratio to the bound they give."""

    samples_s: tuple[float, ...] = Field(min_length=1, description="1024 x 1024 x 1024, float32")
    gflops: float = Field(gt=0, description="by the median")
    bound_s: float = Field(description="the frame's convolutions at that rate")
    frame_to_bound: float


class Peak(Section):
    """Peak resident memory of a process of its own that runs two frames."""

    width: int
    height: int
    peak_bytes: int | None


class FusedRow(Section):
    """One network."""

    network: str
    weights: str
    width: int
    height: int
    level: str = Field(description="instruction set of the native library")
    conv_macs: int = Field(description="of convolutions and matrix products; no sampling")
    remarks: tuple[str, ...] = Field(default=(), description="of the int8 export")
    frames: dict[str, Series] = Field(
        description="fused; cut: the same graph without its warps; eager: torch with grid_sample; "
        "portable: exported with --warp auto; int8: fused"
    )
    fused_to_cut: float | None
    products: dict[str, Product] = Field(description="by library")
    frame_to_bound: float | None = Field(description="to the quickest library's bound")
    memory: dict[str, Peak] = Field(description="by variant")
    verdict: Verdict


class FusedReport(Section):
    """The whole report."""

    schema_version: Literal[1] = 1
    kind: Literal["fused"] = "fused"
    run: RunInfo
    device: DeviceInfo
    threads: int
    clock: Literal["CPU time", "wall-clock time"]
    rows: tuple[FusedRow, ...]


def make_row(
    network: str,
    size: tuple[int, int],
    facts: FusedFacts,
    samples: Mapping[str, Sequence[float]],
    memory: Mapping[str, Peak],
    *,
    eager: str,
    threads: int,
) -> FusedRow:
    """The row that follows from what was measured.

    Args:
        network: Its registered name.
        size: ``(width, height)`` of the frames.
        facts: Of the files.
        samples: Seconds as :func:`cdfi_bench.fused_rounds.run_rounds` sends them; ``fused`` has
            some. A variant that ran in fewer rounds is compared over those rounds only.
        memory: Peaks by variant.
        eager: The formulation that torch ran.
        threads: CPU threads.
    """
    fused = samples[FUSED]
    warps = {**facts.warps, EAGER: eager}
    frames = {
        name: _series(taken, fused, warps.get(name))
        for name in (FUSED, CUT, EAGER, PORTABLE, INT8)
        if (taken := samples.get(name))
    }
    products = {
        name.removeprefix(SGEMM): _product(taken, fused, facts.conv_macs)
        for name, taken in samples.items()
        if name.startswith(SGEMM) and taken
    }
    to_cut = 1 / frames[CUT].to_fused if CUT in frames else None
    to_bound = max((item.frame_to_bound for item in products.values()), default=None)
    figures = {"fused_to_cut": to_cut, "frame_to_bound": to_bound}
    to_eager = frames[EAGER].to_fused if EAGER in frames else None
    return FusedRow(
        network=network,
        weights=facts.weights,
        width=size[0],
        height=size[1],
        level=facts.level,
        conv_macs=facts.conv_macs,
        remarks=facts.remarks,
        frames=frames,
        products=products,
        memory=dict(memory),
        verdict=_verdict(network, size, threads, to_cut, to_eager, to_bound, memory.get(FUSED)),
        fused_to_cut=to_cut,
        frame_to_bound=to_bound,
        unmeasured={name: _MISSING for name, value in figures.items() if value is None},
    )


def peak(size: tuple[int, int], peak_bytes: int | None) -> Peak:
    """The report's section for a reading of :func:`cdfi_bench.fused_rounds.peak_of_frame`."""
    reasons = {"peak_bytes": "this system does not tell a process its peak memory"}
    return Peak(
        width=size[0],
        height=size[1],
        peak_bytes=peak_bytes,
        unmeasured=reasons if peak_bytes is None else {},
    )


def _series(taken: Sequence[float], fused: Sequence[float], warp: str | None) -> Series:
    return Series(
        warp=warp,
        samples_s=tuple(taken),
        median_s=median(taken),
        to_fused=_ratio(taken, fused),
        unmeasured={"warp": "cut out"} if warp is None else {},
    )


def _product(taken: Sequence[float], fused: Sequence[float], macs: int) -> Product:
    per_operation = median(taken) / OPERATIONS
    bound_s = 2 * macs * per_operation
    return Product(
        samples_s=tuple(taken),
        gflops=1e-9 / per_operation,
        bound_s=bound_s,
        frame_to_bound=_ratio(fused, taken) * OPERATIONS / (2 * macs),
    )


def _ratio(first: Sequence[float], second: Sequence[float]) -> float:
    """Of the medians, over the rounds in which both ran: the first ones."""
    both = min(len(first), len(second))
    return median(first[:both]) / median(second[:both])


def _verdict(
    network: str,
    size: tuple[int, int],
    threads: int,
    to_cut: float | None,
    to_eager: float | None,
    to_bound: float | None,
    memory: Peak | None,
) -> Verdict:
    limited = (LIMITED_NETWORK, LIMITED_SIZE, LIMITED_THREADS)
    if (network, size, threads) != limited:
        width, height = LIMITED_SIZE
        return Verdict(
            status="skip",
            reason=f"the limits are for {LIMITED_NETWORK} at {width}x{height} on one thread",
        )
    there = memory is not None and (memory.width, memory.height) == LIMITED_MEMORY_SIZE
    held = memory.peak_bytes if memory is not None and there else None
    wide, high = LIMITED_MEMORY_SIZE
    held_gb = None if held is None else held / 1e9
    gates = (
        at_most("fused / cut", to_cut, MOST_OF_CUT),
        at_least("eager / fused", to_eager, LEAST_EAGER),
        at_most("frame / sgemm bound", to_bound, MOST_OF_BOUND),
        at_most(f"peak GB at {wide}x{high}", held_gb, MOST_BYTES / 1e9),
    )
    return verdict(gates, passed="all limits held")
