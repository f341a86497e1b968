"""``cdfi-bench warp``: measure the warp formulations, for the table by which ``auto`` chooses.

Each formulation is measured inside a whole network of random weights, since what it costs depends
on what runs before and after it. Every measurement is a process of its own.
"""

from __future__ import annotations

import dataclasses
import datetime
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from cdfi_export.frame_size import FrameSize
from cdfi_model.spec import NETWORKS, NetworkSpec, Sampling
from cdfi_model.warp import WARPS, WarpFormulation
from cdfi_model.warp.measurements import MeasuredRow, MeasuredTable
from cdfi_runtime.errors import CdfiError, InputError

from cdfi_bench.environment import device_info
from cdfi_bench.warp_probe import ProbeRequest, ProbeResult

if TYPE_CHECKING:
    from cdfi_model.network import InterpolationNetwork

TORCH = "torch-cpu"
ONNX = "onnxruntime-cpu"
TARGETS = (ONNX, TORCH)
PATIENCE_S = 20.0
_NO_PEAK = "the system does not tell a process its peak memory"


@dataclass(frozen=True)
class WarpCase:
    """One measurement: ``spec`` with one formulation on one target at one size."""

    spec: NetworkSpec
    target: str
    size: FrameSize
    formulation: WarpFormulation

    def __str__(self) -> str:
        warp = f"{self.formulation.name} ({self.spec.warp.sampling})"
        return f"{self.spec.name} {warp} {self.size} on {self.target}"


def plan_cases(
    networks: Sequence[str],
    targets: Sequence[str],
    sizes: Sequence[FrameSize],
    formulations: Sequence[str],
    sampling: str | None,
) -> list[WarpCase]:
    """Every combination that can be written.

    Args:
        networks: Registered networks.
        targets: Of :data:`TARGETS`.
        sizes: Padded to each network's multiple.
        formulations: Registered ones; empty for all.
        sampling: ``truncate`` or ``bilinear``, instead of the networks' own.

    Raises:
        UnknownNameError: a network or formulation that is not registered.
        InputError: an unknown target or sampling, or nothing is left to measure.
    """
    for target in targets:
        if target not in TARGETS:
            raise InputError("unknown target", expected=" or ".join(TARGETS), got=target)
    # Native ones by name only: the table decides for machines that may not have their library.
    wanted = [WARPS.get(name) for name in formulations]
    wanted = wanted or [item for item in WARPS.all() if not item.native]
    cases = []
    for name in networks:
        spec = NETWORKS.get(name)
        if sampling is not None:
            spec = _with_sampling(spec, sampling)
        cases += [
            WarpCase(spec, target, size.padded(spec.multiple), formulation)
            for target in targets
            for size in sizes
            for formulation in wanted
            if formulation.fits(spec.warp)
            and not (formulation.onnx_only if target == TORCH else formulation.native)
        ]
    if not cases:
        raise InputError(
            "no formulation is left to measure",
            expected="a formulation that knows the network's sampling and target",
            got=", ".join(formulations),
            fix="leave --formulation out to measure all that do",
        )
    return cases


def _with_sampling(spec: NetworkSpec, sampling: str) -> NetworkSpec:
    known: tuple[Sampling, ...] = get_args(Sampling)
    for name in known:
        if name == sampling:
            return dataclasses.replace(spec, warp=dataclasses.replace(spec.warp, sampling=name))
    raise InputError("unknown sampling", expected=" or ".join(known), got=sampling)


def measure_cases(
    cases: Sequence[WarpCase],
    *,
    runs: int,
    threads: int,
    begin: Callable[[WarpCase], None],
    failed: Callable[[WarpCase, str], None],
) -> Iterator[MeasuredRow]:
    """Measure ``cases`` one after the other; one that fails is reported and leaves no row.

    Args:
        cases: As from :func:`plan_cases`.
        runs: Timed runs of each; one only where a frame takes :data:`PATIENCE_S`.
        threads: CPU threads.
        begin: Called before each case.
        failed: Called with the reason.
    """
    with tempfile.TemporaryDirectory() as folder:
        for case in cases:
            begin(case)
            try:
                file = _write(case, Path(folder))
                result = _run_probe(case, file, runs, threads)
            except CdfiError as error:
                failed(case, str(error))
                continue
            yield _row(case, result, threads)


def merge(table: MeasuredTable, rows: Iterable[MeasuredRow]) -> MeasuredTable:
    """``table`` with ``rows`` in place of older ones of the same case; ratios counted anew."""
    by_case = {_key(row): row for row in (*table.rows, *rows)}
    merged = []
    for _, group in groupby(sorted(by_case.values(), key=_key), key=lambda row: _key(row)[:-1]):
        members = list(group)
        best = min(row.median_s for row in members)
        merged += [
            row.model_copy(update={"ratio_to_best": round(row.median_s / best, 3)})
            for row in members
        ]
    return MeasuredTable(rows=tuple(merged))


def _key(row: MeasuredRow) -> tuple[object, ...]:
    return (
        row.network,
        row.sampling,
        row.taps,
        row.dilation,
        row.offsets,
        row.channels,
        row.target,
        row.width * row.height,
        row.width,
        row.threads,
        row.formulation,
    )


def _network(case: WarpCase) -> InterpolationNetwork:
    from cdfi_model.network import build_network

    network = build_network(case.spec, seed=0).eval()
    network.formulation = case.formulation.name
    return network


def _write(case: WarpCase, folder: Path) -> Path:
    """The file that the probe opens."""
    from cdfi_export.describe import UNKNOWN_SHA256, draft_manifest
    from cdfi_export.format_spec import FORMATS, GraphRequest
    from cdfi_export.plan import Plan
    from cdfi_export.source import OWN_LICENSE, Source
    from cdfi_model.checkpoints.weights import save_weights
    from cdfi_model.warp.auto import Choice

    network = _network(case)
    if case.target == TORCH:
        weights = folder / "network.safetensors"
        save_weights(weights, network)
        return weights
    onnx = FORMATS.get("onnx")
    path = folder / "network.onnx"
    source = Source(network, UNKNOWN_SHA256, OWN_LICENSE, "random weights")
    opset, precision = case.formulation.min_opset, onnx.precisions[0]
    warp = Choice(case.formulation.name, "to be measured")
    draft = draft_manifest(source, Plan(path.name, onnx, precision, case.size, opset, warp))
    onnx.export(GraphRequest(network, case.size, opset, precision, source.license, draft), path)
    return path


def _run_probe(case: WarpCase, file: Path, runs: int, threads: int) -> ProbeResult:
    request = ProbeRequest(
        file=str(file),
        formulation=case.formulation.name,
        width=case.size.width,
        height=case.size.height,
        runs=runs,
        threads=threads,
        patience_s=PATIENCE_S,
    )
    command = [sys.executable, "-m", "cdfi_bench.warp_probe", json.dumps(asdict(request))]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise InputError(
            f"{case} could not be measured",
            got=f"exit code {done.returncode}: {last}",
            fix="a negative code is a signal, -9 mostly for lack of memory: try a smaller size",
        )
    return ProbeResult(**json.loads(done.stdout.splitlines()[-1]))


def _row(case: WarpCase, result: ProbeResult, threads: int) -> MeasuredRow:
    warp = case.spec.warp
    return MeasuredRow(
        network=case.spec.name,
        sampling=warp.sampling,
        taps=warp.taps,
        dilation=warp.dilation,
        offsets=warp.offsets,
        channels=case.spec.warp_channels,
        target=case.target,
        width=case.size.width,
        height=case.size.height,
        formulation=case.formulation.name,
        min_opset=case.formulation.min_opset,
        median_s=float(f"{result.median_s:.4g}"),
        ratio_to_best=1.0,
        peak_mib=result.peak_mib,
        peak_reason=_NO_PEAK if result.peak_mib is None else None,
        runs=result.runs,
        threads=threads,
        cpu=device_info().cpu,
        versions={result.runtime: result.version},
        date=datetime.datetime.now(datetime.UTC).date(),
    )
