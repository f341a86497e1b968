"""The whole way from a baseline to a narrower network that is as good, stage by stage.

Each stage is the run that its own command makes, in a folder of its own, and goes on from its
checkpoint; what is complete is not run again. So a way that was interrupted is gone on with by the
same command, and a stage may as well have been run by itself (by several processes, elsewhere).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import torch
from cdfi_runtime.errors import GateError, InputError
from cdfi_runtime.files import ensure_folder, write_text

from cdfi_model.checkpoints.sparse import sparse_bytes
from cdfi_model.checkpoints.weights import network_of, read_weights
from cdfi_model.cost import count_macs
from cdfi_model.pruning.compact import STRONGEST, Compact, Request, compact_network
from cdfi_model.pruning.compress_config import (
    BASELINE,
    COMPACT,
    PRUNED,
    RETRAINED,
    CompressPlan,
)
from cdfi_model.pruning.compress_report import CompressReport, CompressStage
from cdfi_model.pruning.density import density_of_file
from cdfi_model.pruning.density_report import density_csv
from cdfi_model.pruning.prune_run import PRUNED as PRUNED_FILE
from cdfi_model.pruning.prune_run import PruneRun
from cdfi_model.training.evaluation import psnr_sum, spread_rows
from cdfi_model.training.loop import BEST, Progress, Run
from cdfi_model.training.sources import TripletSource, open_source

# Told the stage and its steps, or (with None) that a stage without steps has begun.
Tell = Callable[[str, Progress | None], None]


def compress(plan: CompressPlan, *, tell: Tell) -> CompressReport:
    """Run what is left of ``plan`` and report on all of it.

    Raises:
        InputError: started by several processes.
        GateError: the last network is not small or not good enough; everything is written.
        CdfiError: as the stages' own commands.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise InputError(
            "compress is one process",
            got="several, started by torchrun",
            fix="run the stages' own commands by torchrun; compress goes on from their folders",
        )
    config = plan.config
    val = open_source(config.val_pack, val=True, flow=False)
    steps: dict[str, int] = {}
    if plan.baseline is not None:
        steps[BASELINE] = _go(Run(plan.baseline), BASELINE, tell)
    pruning = PruneRun(plan.prune)
    steps[PRUNED] = _go(pruning, PRUNED, tell)
    pruned = plan.prune.out / PRUNED_FILE
    tell("density", None)
    _write_densities(pruned, plan)
    tell(COMPACT, None)
    compact = _compact(pruned, plan)
    steps[RETRAINED] = _go(Run(plan.retrain), RETRAINED, tell)
    files = {BASELINE: plan.weights, PRUNED: pruned}
    if plan.start is not None:
        files[COMPACT] = plan.start
    files[RETRAINED] = plan.retrain.out / BEST
    tell("measuring", None)
    stages = tuple(_stage(name, file, steps.get(name), plan, val) for name, file in files.items())
    report = _report(plan, stages, len(spread_rows(len(val), config.val_limit)), pruning)
    report.write(config.out)
    assert compact.spec.name == stages[-1].network
    if report.verdict == "fail":
        raise GateError("the compressed network misses its gate", got=report.outcome())
    return report


def _go(run: Run, name: str, tell: Tell) -> int:
    if not run.complete:
        run.go(lambda progress: tell(name, progress), None)
    return run.step


def _write_densities(pruned: Path, plan: CompressPlan) -> None:
    width, height = plan.config.compact.size
    report = density_of_file(pruned, height, width)
    folder = ensure_folder(plan.spec.parent)
    write_text(folder / "density.json", report.model_dump_json(indent=2) + "\n")
    write_text(folder / "density.csv", density_csv(report))


def _compact(pruned: Path, plan: CompressPlan) -> Compact:
    step = plan.config.compact
    made = compact_network(
        Request(
            source=pruned,
            rules={key: getattr(step, key) for key in ("strategy", "law", "floor", "round_to")},
            budget={key: getattr(step, key) for key in ("parameters", "macs", "bytes")},
            size=step.size,
            name=step.name,
            init=STRONGEST if step.init == "strongest" else None,
        )
    )
    made.save(plan.spec)
    write_text(plan.spec.with_suffix(".json"), made.report.model_dump_json(indent=2) + "\n")
    return made


@torch.no_grad()
def _stage(
    name: str, file: Path, steps: int | None, plan: CompressPlan, val: TripletSource
) -> CompressStage:
    weights = read_weights(file)
    network = network_of(weights, file.name).eval()
    rows = spread_rows(len(val), plan.config.val_limit)
    width, height = plan.config.compact.size
    parameters = network.count_parameters()
    size = sum(each.numel() * each.element_size() for each in network.parameters())
    sparse = sparse_bytes(network.state_dict())
    inside = file.is_relative_to(plan.config.out)
    return CompressStage(
        name=name,  # type: ignore[arg-type]
        weights=str(file.relative_to(plan.config.out)) if inside else str(file),
        sha256=weights.sha256,
        network=network.spec.name,
        parameters=parameters,
        nonzero=sum(int(torch.count_nonzero(each)) for each in network.parameters()),
        macs=count_macs(network, height, width),
        bytes=size,
        sparse_bytes=sparse if sparse < size else None,
        val_psnr_db=psnr_sum(network, val, rows) / len(rows),
        steps=steps,
    )


def _report(
    plan: CompressPlan, stages: tuple[CompressStage, ...], held_out: int, pruning: PruneRun
) -> CompressReport:
    first, last = stages[0], stages[-1]
    fewer = first.parameters / last.parameters
    lost = first.val_psnr_db - last.val_psnr_db
    gate = plan.config.gate
    verdict: Literal["pass", "fail"] | None = None
    if gate is not None:
        verdict = "pass" if fewer >= gate.fewer_parameters and lost <= gate.lost_db else "fail"
    return CompressReport(
        size=plan.config.compact.size,
        held_out=held_out,
        init=plan.config.compact.init,
        target_reached=pruning.target_reached,
        stages=stages,
        fewer_parameters=fewer,
        lost_db=lost,
        gate=gate,
        verdict=verdict,
    )
