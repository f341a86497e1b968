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

from cdfi_model.checkpoints.weights import (
    WeightsFile,
    load_tensors,
    network_of,
    read_weights,
    save_weights,
)
from cdfi_model.network import InterpolationNetwork, build_network
from cdfi_model.spec_file import find_spec
from cdfi_model.training.batches import Batch, share_of, training_batch
from cdfi_model.training.config import TrainConfig
from cdfi_model.training.devices import start_fabric
from cdfi_model.training.evaluation import shared_mean_psnr, spread_rows
from cdfi_model.training.initialization import unit_variance
from cdfi_model.training.logs import RunLog, save_strips
from cdfi_model.training.losses.objective import Objective
from cdfi_model.training.losses.teacher import describe_teacher
from cdfi_model.training.optimizers import training_optimizer
from cdfi_model.training.prefetch import prefetch
from cdfi_model.training.schedule import learning_rate
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
    """What a caller may show after each step; ``note`` is a line on what just ended, or empty."""

    step: int
    total: int
    loss: float
    val_psnr_db: float | None
    note: str = ""


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
    return Run(config).go(report, stop_after)


class Run:
    """One process's part of a run.

    What another kind of run than plain training does differently, it replaces: ``_optimizer_of``,
    ``_begin_step``, ``_end_step``, ``_evaluation_is_due``, ``_finished``, ``_keep``.
    """

    zeros_stay = False
    fix_complete = "add a stage to the config, or choose another 'out' folder"

    def __init__(self, config: TrainConfig) -> None:
        self._config = config
        self._checkpoint = config.out / CHECKPOINT
        self._fabric: Fabric = start_fabric(config)
        device = self._fabric.device
        ensure_folder(config.out)
        self._source = open_source(config.pack, flow=config.needs_flow)
        self._val: TripletSource = open_source(config.val_pack, val=True, flow=False)
        start = None if config.start is None else read_weights(config.start)
        network = self._network(start)
        optimizer = self._optimizer_of(network)
        self._state = TrainState(network, optimizer, zeros_stay=self.zeros_stay)
        objective = Objective(network, config.losses, device)
        self._objective, self._optimizer = self._fabric.setup(objective, optimizer)
        self._state.average.to(device)
        if self._checkpoint.exists():
            self._state.load(self._checkpoint)
        self._info: dict[str, Any] = {"warp": network.formulation}
        if start is not None:
            self._info["start_sha256"] = start.sha256
            self._state.started_from(start.sha256)
        if config.losses.teacher and config.losses.teacher_weight:
            self._info["teacher"] = describe_teacher(
                config.losses.teacher, config.losses.teacher_weight
            )

    def _network(self, start: WeightsFile | None) -> InterpolationNetwork:
        config = self._config
        if config.spec is None and config.start is not None and start is not None:
            network = network_of(start, config.start.name)
        else:
            network = build_network(find_spec(config.network, config.spec), seed=config.seed)
            if config.start is not None and start is not None:
                load_tensors(network, start.tensors, config.start.name)
        network.formulation = training_warp(config.warp, network, self._fabric.device.type)
        if config.initialization == "unit_variance" and not self._checkpoint.exists():
            batch = self._whole_batch(0)  # of all processes: they must start alike
            unit_variance(network, batch.frame0, batch.frame2, seed=config.seed)
        return network

    def _optimizer_of(self, network: InterpolationNetwork) -> torch.optim.Optimizer:
        return training_optimizer(network, self._config)

    def _begin_step(self) -> None:
        """Before a step, in every process."""

    def _end_step(self, loss: float) -> None:
        """After a step that counted, before its evaluation and checkpoint, in every process."""

    def _note(self, psnr: float) -> str:
        return f"step {self._state.step}: {psnr:.2f} dB on val"

    def _evaluation_is_due(self) -> bool:
        return self._state.step % self._config.eval_every == 0 or self._finished()

    def _finished(self) -> bool:
        """Whether no further step is wanted."""
        return self._state.step >= self._config.total_steps

    @property
    def step(self) -> int:
        """Steps done so far, in this process or before it."""
        return self._state.step

    @property
    def complete(self) -> bool:
        """Whether :meth:`go` has nothing left to do."""
        return self._finished()

    def go(self, report: Callable[[Progress], None], stop_after: int | None) -> Path:
        """The steps that are left, at most up to step ``stop_after``; see :func:`train`."""
        config, state = self._config, self._state
        last = min(config.total_steps, stop_after or config.total_steps)
        if self._finished():
            raise InputError(
                "this run is complete",
                got=f"step {state.step} of {config.total_steps} in {self._checkpoint}",
                fix=self.fix_complete,
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
            while state.step < last and not self._finished():
                self._begin_step()
                batch, seconds = _timed(batches)
                waited, counted = waited + seconds, counted + 1
                rate = learning_rate(config, state.step)
                loss, offsets = self._step(batch, rate)
                state.step += 1
                self._end_step(loss)
                spent = time.perf_counter() - since
                psnr = None
                if self._evaluation_is_due():
                    psnr = self._evaluate(log is not None)
                if log is not None:
                    if state.step % _LOG_EVERY == 0 or psnr is not None:
                        values = (loss, offsets, rate, spent / counted, waited / spent, psnr)
                        log.add(state.step, values)
                    ended = state.step == last or self._finished()
                    if state.step % config.save_every == 0 or ended:
                        state.save(self._checkpoint)
                if state.step % _LOG_EVERY == 0 or psnr is not None:
                    since, waited, counted = time.perf_counter(), 0.0, 0
                note = "" if psnr is None else self._note(psnr)
                report(Progress(state.step, config.total_steps, loss, psnr, note))

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
        """Mean PSNR in dB of the averaged weights, which the first process then may keep."""
        psnr = self._measure()
        self._keep(psnr, first)
        self._state.best_psnr = max(psnr, self._state.best_psnr)
        if first and self._config.strips:
            shown = spread_rows(len(self._val), self._config.strips)
            path = self._config.out / SAMPLES / f"step_{self._state.step:06d}.png"
            save_strips(path, self._state.average, self._val, shown)
        return psnr

    def _measure(self) -> float:
        """Mean PSNR in dB of the averaged weights, the same in every process."""
        limit = self._config.val_limit
        return shared_mean_psnr(self._fabric, self._state.average, self._val, limit)

    def _keep(self, psnr: float, first: bool) -> None:
        """Write the averaged weights if they are wanted; called in every process."""
        if first and psnr > self._state.best_psnr:
            config, step = self._config, self._state.step
            info = {"step": step, "val_psnr_db": round(psnr, 4), "seed": config.seed}
            save_weights(config.out / BEST, self._state.average, info=info | self._info)


def _timed(batches: Iterator[Batch]) -> tuple[Batch, float]:
    started = time.perf_counter()
    batch = next(batches)
    return batch, time.perf_counter() - started
