"""The training loop on Lightning Fabric: one process or several, resumable at any saved step.

Several processes compute on shares of the batch that one process would take, and average their
gradients, so the number of processes changes the speed and not the run. Nothing in a step draws
from a global random generator: a batch follows from the seed and the step alone, and the rate
from the step, so that the checkpoint's weights, optimizer and step are all a resume needs.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from cdfi_runtime.errors import CdfiError, InputError
from cdfi_runtime.files import ensure_folder

from cdfi_model.checkpoints.weights import load_tensors, read_weights, save_weights
from cdfi_model.network import InterpolationNetwork, build_network
from cdfi_model.spec_file import find_spec
from cdfi_model.training.batches import Batch, share_of, training_batch
from cdfi_model.training.config import TrainConfig
from cdfi_model.training.devices import start_fabric
from cdfi_model.training.evaluation import psnr_sum, spread_rows
from cdfi_model.training.initialization import unit_variance
from cdfi_model.training.logs import RunLog, save_strips
from cdfi_model.training.losses.objective import Objective
from cdfi_model.training.losses.teacher import describe_teacher
from cdfi_model.training.prefetch import prefetch
from cdfi_model.training.sources import TripletSource, open_source
from cdfi_model.training.state import TrainState
from cdfi_model.training.warp_choice import training_warp

if TYPE_CHECKING:
    from lightning_fabric import Fabric

CHECKPOINT = "checkpoint.pt"
BEST = "best.safetensors"
SAMPLES = "samples"
_LOG_EVERY = 20


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
        report: Called after every step, in every process.
        stop_after: Stop (with a checkpoint) at this step, for a run in pieces.

    Returns:
        The weights file with the best validation PSNR.

    Raises:
        CdfiError: a device, folder or file that does not fit, a full disk, or a loss that is no
            number any more; the last checkpoint is untouched.
    """
    return _Run(config).go(report, stop_after)


def learning_rate(config: TrainConfig, step: int) -> float:
    """Linear warm-up, then a cosine down to 1 % of the peak, or halves."""
    if step < config.warmup:
        return config.learning_rate * (step + 1) / config.warmup
    if config.halve_every is not None:
        return config.learning_rate * 0.5 ** (step // config.halve_every)
    through = (step - config.warmup) / max(1, config.total_steps - config.warmup)
    return config.learning_rate * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * through)))


class _Run:
    """One process's part of a run."""

    def __init__(self, config: TrainConfig) -> None:
        self._config = config
        self._checkpoint = config.out / CHECKPOINT
        self._fabric: Fabric = start_fabric(config)
        device = self._fabric.device
        ensure_folder(config.out)
        self._source = open_source(config.pack, flow=config.needs_flow)
        self._val: TripletSource = open_source(config.val_pack, val=True, flow=False)
        self._state = TrainState(self._network(), config)
        objective = Objective(self._state.network, config.losses, device)
        self._objective, self._optimizer = self._fabric.setup(objective, self._state.optimizer)
        self._state.average.to(device)
        if self._checkpoint.exists():
            self._state.load(self._checkpoint)
        self._info: dict[str, Any] = {"warp": self._state.network.formulation}
        if config.losses.teacher and config.losses.teacher_weight:
            self._info["teacher"] = describe_teacher(
                config.losses.teacher, config.losses.teacher_weight
            )

    def _network(self) -> InterpolationNetwork:
        config = self._config
        network = build_network(find_spec(config.network, config.spec), seed=config.seed)
        if config.start is not None and not self._checkpoint.exists():
            load_tensors(network, read_weights(config.start).tensors, config.start.name)
        network.formulation = training_warp(config.warp, network, self._fabric.device.type)
        if config.initialization == "unit_variance" and not self._checkpoint.exists():
            batch = self._whole_batch(0)  # of all processes: they must start alike
            unit_variance(network, batch.frame0, batch.frame2, seed=config.seed)
        return network

    def go(self, report: Callable[[Progress], None], stop_after: int | None) -> Path:
        config, state = self._config, self._state
        last = min(config.total_steps, stop_after or config.total_steps)
        if state.step >= config.total_steps:
            raise InputError(
                "this run is complete",
                got=f"step {state.step} of {config.total_steps} in {self._checkpoint}",
                fix="add a stage to the config, or choose another 'out' folder",
            )
        if not self._fabric.is_global_zero:
            self._steps(report, last, None)
            return config.out / BEST
        for leftover in config.out.rglob(".*.part.*"):  # of a run that was killed while saving
            leftover.unlink(missing_ok=True)
        warp = state.network.formulation
        log = RunLog(config.out, state.step, warp=warp, tensorboard=config.tensorboard)
        with closing(log):
            self._steps(report, last, log)
        return config.out / BEST

    def _steps(self, report: Callable[[Progress], None], last: int, log: RunLog | None) -> None:
        config, state = self._config, self._state
        with prefetch(self._batch, range(state.step, last), config.prefetch) as batches:
            since, waited, counted = time.perf_counter(), 0.0, 0
            while state.step < last:
                batch, seconds = _timed(batches)
                waited, counted = waited + seconds, counted + 1
                rate = learning_rate(config, state.step)
                loss, offsets = self._step(batch, rate)
                state.step += 1
                spent = time.perf_counter() - since
                psnr = None
                if state.step % config.eval_every == 0 or state.step == config.total_steps:
                    psnr = self._evaluate(log is not None)
                if log is not None:
                    if state.step % _LOG_EVERY == 0 or psnr is not None:
                        values = (loss, offsets, rate, spent / counted, waited / spent, psnr)
                        log.add(state.step, values)
                    if state.step % config.save_every == 0 or state.step == last:
                        state.save(self._checkpoint)
                if state.step % _LOG_EVERY == 0 or psnr is not None:
                    since, waited, counted = time.perf_counter(), 0.0, 0
                report(Progress(state.step, config.total_steps, loss, psnr))

    def _batch(self, step: int) -> Batch:
        """This process's share. Each makes the whole batch, for the draws depend on each other."""
        fabric = self._fabric
        return share_of(self._whole_batch(step), fabric.global_rank, fabric.world_size)

    def _whole_batch(self, step: int) -> Batch:
        config = self._config
        stage = config.stage_at(step)[0]
        return training_batch(
            self._source,
            stage,
            seed=config.seed,
            step=step if stage.distinct is None else step % stage.distinct,
            transpose=config.transpose,
            colour=config.colour,
        )

    def _step(self, batch: Batch, rate: float) -> tuple[float, float]:
        config, state, fabric = self._config, self._state, self._fabric
        stage, through = config.stage_at(state.step)
        for group in state.optimizer.param_groups:
            group["lr"] = rate
        batch = Batch(*(tensor.to(fabric.device) for tensor in batch))
        half = stage.precision == "bfloat16"
        start, end = stage.offset_weight
        with torch.autocast(fabric.device.type, torch.bfloat16, enabled=half):
            terms = self._objective(batch, stage.taps, max(start, end) > 0)
        loss = terms.picture + (start + (end - start) * through) * terms.offsets
        values = fabric.all_reduce(torch.stack((loss, terms.offsets)).detach())
        assert isinstance(values, torch.Tensor)
        mean, offsets = values.tolist()
        if not math.isfinite(mean):
            raise CdfiError(
                f"the loss is no number any more at step {state.step}",
                got=str(mean),
                fix="lower learning_rate, then run again: it goes on from the last checkpoint",
            )
        self._optimizer.zero_grad(set_to_none=True)
        fabric.backward(loss)
        torch.nn.utils.clip_grad_norm_(state.network.parameters(), config.gradient_clip)
        self._optimizer.step()
        state.update_average(config.ema)
        return mean, offsets

    def _evaluate(self, first: bool) -> float:
        """Mean PSNR in dB of the averaged weights; the first process keeps the best of them."""
        config, state, fabric = self._config, self._state, self._fabric
        rows = spread_rows(len(self._val), config.val_limit)
        share = rows[fabric.global_rank :: fabric.world_size]
        total = torch.tensor(psnr_sum(state.average, self._val, share), dtype=torch.float64)
        # Single precision on the device: not every back end reduces float64.
        reduced = fabric.all_reduce(total.float().to(fabric.device), reduce_op="sum")
        assert isinstance(reduced, torch.Tensor)
        psnr = float(reduced) / len(rows)
        better = psnr > state.best_psnr
        state.best_psnr = max(psnr, state.best_psnr)
        if not first:
            return psnr
        if better:
            info = {"step": state.step, "val_psnr_db": round(psnr, 4), "seed": config.seed}
            save_weights(config.out / BEST, state.average, info=info | self._info)
        if config.strips:
            shown = spread_rows(len(self._val), config.strips)
            path = config.out / SAMPLES / f"step_{state.step:06d}.png"
            save_strips(path, state.average, self._val, shown)
        return psnr


def _timed(batches: Iterator[Batch]) -> tuple[Batch, float]:
    started = time.perf_counter()
    batch = next(batches)
    return batch, time.perf_counter() - started
