"""The training loop: plain, resumable at any saved step, the best average kept."""

from __future__ import annotations

import csv
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import torch
from cdfi_runtime.errors import CdfiError, InputError
from cdfi_runtime.files import ensure_folder
from torch import Tensor

from cdfi_model.checkpoints.weights import save_weights
from cdfi_model.data.pack import Pack
from cdfi_model.network import InterpolationNetwork, build_network
from cdfi_model.pyramid import PyramidNetwork
from cdfi_model.spec import NETWORKS
from cdfi_model.training.batches import Batch, training_batch, whole_batch
from cdfi_model.training.config import Stage, TrainConfig
from cdfi_model.training.losses import charbonnier, offset_loss
from cdfi_model.training.state import TrainState

CHECKPOINT = "checkpoint.pt"
BEST = "best.safetensors"
LOG = "log.csv"
_COLUMNS = ("step", "loss", "offset_loss", "learning_rate", "seconds_per_step", "val_psnr_db")


class Progress(NamedTuple):
    """What a caller may show after each step."""

    step: int
    total: int
    loss: float
    val_psnr_db: float | None


def train(
    config: TrainConfig, *, report: Callable[[Progress], None], stop_after: int | None = None
) -> Path:
    """Train by ``config``, going on from its checkpoint if there is one.

    Args:
        config: The run.
        report: Called after every step.
        stop_after: Stop (with a checkpoint) at this step, for a run in pieces.

    Returns:
        The weights file with the best validation PSNR.

    Raises:
        CdfiError: the loss is no number any more; the last checkpoint is untouched.
    """
    ensure_folder(config.out)
    pack, val_pack = Pack.open(config.pack), Pack.open(config.val_pack)
    state = TrainState(build_network(NETWORKS.get(config.network), seed=config.seed), config)
    checkpoint = config.out / CHECKPOINT
    if checkpoint.exists():
        state.load(checkpoint)
    last = min(config.total_steps, stop_after or config.total_steps)
    if state.step >= config.total_steps:
        raise InputError(
            "this run is complete",
            got=f"step {state.step} of {config.total_steps} in {checkpoint}",
            fix="add a stage to the config, or choose another 'out' folder",
        )
    while state.step < last:
        started = time.perf_counter()
        stage, through = config.stage_at(state.step)
        rate = learning_rate(config, state.step)
        loss, offsets = _step(state, config, stage, through, rate, pack)
        state.step += 1
        psnr = None
        if state.step % config.eval_every == 0 or state.step == config.total_steps:
            psnr = validate(state.average, val_pack)
            _keep_best(state, config, psnr)
        seconds = time.perf_counter() - started
        if state.step % 20 == 0 or psnr is not None:
            _log(config.out / LOG, (state.step, loss, offsets, rate, seconds, psnr))
        if state.step % config.save_every == 0 or state.step == last:
            state.save(checkpoint)
        report(Progress(state.step, config.total_steps, loss, psnr))
    return config.out / BEST


def learning_rate(config: TrainConfig, step: int) -> float:
    """Linear warm-up, then a cosine down to 1 % of the peak."""
    if step < config.warmup:
        return config.learning_rate * (step + 1) / config.warmup
    through = (step - config.warmup) / max(1, config.total_steps - config.warmup)
    return config.learning_rate * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * through)))


@torch.no_grad()
def validate(network: InterpolationNetwork, pack: Pack, batch: int = 8) -> float:
    """Mean PSNR in dB of the clipped middle frame over a pack (unrounded, data range 1)."""
    values = []
    for start in range(0, len(pack), batch):
        triplets = whole_batch(pack, range(start, min(start + batch, len(pack))))
        frame = network(triplets.frame0, triplets.frame2).clamp(0, 1)
        error = (frame - triplets.middle).square().mean((1, 2, 3)).clamp_min(1e-10)
        values.append(-10 * torch.log10(error))
    return float(torch.cat(values).mean())


def _step(
    state: TrainState,
    config: TrainConfig,
    stage: Stage,
    through: float,
    rate: float,
    pack: Pack,
) -> tuple[float, float]:
    batch = training_batch(pack, stage, seed=config.seed, step=state.step)
    for group in state.optimizer.param_groups:
        group["lr"] = rate
    with torch.autocast("cpu", torch.bfloat16, enabled=stage.precision == "bfloat16"):
        picture, motion = _losses(state.network, stage, batch)
    start, end = stage.offset_weight
    loss = picture + (start + (end - start) * through) * motion
    if not math.isfinite(loss.item()):
        raise CdfiError(
            f"the loss is no number any more at step {state.step}",
            got=str(loss.item()),
            fix="lower learning_rate, then run again: it goes on from the last checkpoint",
        )
    state.optimizer.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    torch.nn.utils.clip_grad_norm_(state.network.parameters(), config.gradient_clip)
    state.optimizer.step()
    state.update_average(config.ema)
    return loss.item(), motion.item()


def _losses(network: InterpolationNetwork, stage: Stage, batch: Batch) -> tuple[Tensor, Tensor]:
    if not isinstance(network, PyramidNetwork):
        return charbonnier(network(batch.frame0, batch.frame2), batch.middle), torch.zeros(())
    output = network.describe(batch.frame0, batch.frame2, taps=stage.taps)
    picture = charbonnier(output.frame, batch.middle)
    if stage.taps:
        picture = 0.8 * picture + 0.2 * charbonnier(output.warped, batch.middle)
    frames = (batch.frame0, batch.middle, batch.frame2)
    return picture, offset_loss(output.offsets, frames, batch.flow)


def _keep_best(state: TrainState, config: TrainConfig, psnr: float) -> None:
    if psnr <= state.best_psnr:
        return
    state.best_psnr = psnr
    info = {"step": state.step, "val_psnr_db": round(psnr, 4), "seed": config.seed}
    save_weights(config.out / BEST, state.average, info=info)


def _log(path: Path, row: tuple[int, float, float, float, float, float | None]) -> None:
    new = not path.exists()
    with path.open("a", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        if new:
            writer.writerow(_COLUMNS)
        writer.writerow(["" if value is None else f"{value:.6g}" for value in row])
