"""A pruning run: the training loop with OBProx-SG, its phases and its penalty.

The loop's promises hold here too: several processes take the steps of one, and a run that is
killed goes on from its checkpoint to the same bytes. What this adds to the checkpoint is in
``state.extra``; the phase and the penalty travel with the optimizer.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import torch
from cdfi_runtime.errors import GateError, InputError

from cdfi_model.checkpoints.weights import save_weights
from cdfi_model.network import InterpolationNetwork
from cdfi_model.pruning.group_lasso import ChannelProxSG, GroupLasso
from cdfi_model.pruning.obprox import OBProxSG, Phase
from cdfi_model.pruning.prune_config import PruneConfig
from cdfi_model.pruning.prune_groups import choose, density
from cdfi_model.pruning.prune_penalty import next_penalty
from cdfi_model.pruning.prune_report import Begin, Epoch, PruneReport, layer_densities
from cdfi_model.training.loop import Progress, Run

PRUNED = "pruned.safetensors"


def prune(
    config: PruneConfig,
    *,
    report: Callable[[Progress], None],
    stop_after: int | None = None,
) -> PruneReport | None:
    """Prune by ``config``, going on from its checkpoint if there is one.

    Args:
        config: The run.
        report: Called after every step, in every process.
        stop_after: Stop (with a checkpoint) at this step, for a run in pieces.

    Returns:
        The run's report, which lies beside the weights too; ``None`` before an epoch has ended.

    Raises:
        GateError: the epochs are over and the target density is not reached; the weights and the
            report are written all the same.
        CdfiError: as :func:`cdfi_model.training.loop.train`.
    """
    run = PruneRun(config)
    run.go(report, stop_after)
    made = run.made
    if made is not None and made.complete and made.target_reached is False:
        raise GateError(
            "the target density was not reached",
            expected=f"at most {config.target_density:g} of the penalised weights",
            got=f"{made.density:.4f} after {config.epochs} epochs; weights and report are written",
            fix="raise --penalty, --penalty-growth or --epochs and choose another --out folder",
        )
    return made


class PruneRun(Run):
    """One process's part of a pruning run."""

    zeros_stay = True
    fix_complete = "choose another --out folder"

    def __init__(self, config: PruneConfig) -> None:
        self._pruning = config
        self._prox: OBProxSG
        self._channels: GroupLasso | None = None
        self.made: PruneReport | None = None
        super().__init__(config.training())
        fresh: dict[str, Any] = {
            "epochs": [],
            "epoch_start": 0,
            "loss_sum": 0.0,
            # Step at which penalised steps ended; None before.
            "pruned_at": None,
            "begin": None,
        }
        self._extra = self._state.extra
        for key, value in fresh.items():
            self._extra.setdefault(key, value)
        self._refuse_other_values()

    @property
    def target_reached(self) -> bool | None:
        """Whether the last epoch ended at the target density or below; ``None`` without either."""
        target, epochs = self._pruning.target_density, self._extra["epochs"]
        return epochs[-1]["density"] <= target if epochs and target is not None else None

    def _refuse_other_values(self) -> None:
        """The optimizer's state brings these back, so that other ones would silently not act."""
        config = self._pruning
        wanted = {
            "penalty": config.first_penalty,
            "eps": config.smallest,
            "weights": [name for name, _ in self._chosen],
        }
        begun = self._extra.setdefault("values", wanted)
        changed = [key for key in wanted if wanted[key] != begun[key]]
        if changed:
            raise InputError(
                f"the run in this folder began with other values of {', '.join(changed)}",
                got=", ".join(f"{key} {wanted[key]} for {begun[key]}" for key in changed),
                fix="name the same again, or choose another --out folder",
            )

    def _optimizer_of(self, network: InterpolationNetwork) -> torch.optim.Optimizer:
        config = self._pruning
        if config.structure == "channels":
            self._prox = prox = ChannelProxSG(network, config.rate, penalty=config.first_penalty)
            self._channels = prox.channels
            own = {id(each) for each in self._channels.tensors()}
            self._chosen = [pair for pair in network.named_parameters() if id(pair[1]) in own]
            self._names = {name for name, _ in self._chosen}
            return prox
        self._chosen = choose(network, config.penalise, config.fixed)
        self._names = {name for name, _ in self._chosen}
        free = [p for name, p in network.named_parameters() if name not in self._names]
        self._prox = OBProxSG(
            [{"params": [p for _, p in self._chosen]}, {"params": free, "penalty": 0.0}],
            config.rate,
            penalty=config.first_penalty,
            eps=config.smallest,
        )
        return self._prox

    def _density(self) -> float:
        if self._channels is not None:
            return self._channels.density()
        return density(weight for _, weight in self._chosen)

    def _begin_step(self) -> None:
        if self._extra["begin"] is None:
            self._extra["begin"] = {"density": self._density(), "val_psnr_db": self._measure()}
        self._prox.phase = self._phase()

    def _phase(self) -> Phase:
        if self._extra["pruned_at"] is not None:
            return "support"
        done = len(self._extra["epochs"])
        if self._channels is not None:
            return "proximal"
        return "proximal" if done < self._pruning.proximal else "orthant"

    def _end_step(self, loss: float) -> None:
        config, extra, step = self._pruning, self._extra, self._state.step
        extra["loss_sum"] += loss
        if extra["pruned_at"] is None:
            target = config.target_density
            # Proximal steps let weights come back: only the orthant phase's density counts, where
            # there is one.
            counts = self._prox.phase == "orthant" or self._channels is not None
            reached = target is not None and counts and self._density() <= target
            if reached or step >= config.epochs * config.epoch_steps:
                extra["pruned_at"] = step

    def _finished(self) -> bool:
        config, pruned_at = self._pruning, self._extra["pruned_at"]
        settling = config.settle_epochs * config.epoch_steps
        return pruned_at is not None and self._state.step >= pruned_at + settling

    def _evaluation_is_due(self) -> bool:
        extra, step = self._extra, self._state.step
        full = step - extra["epoch_start"] >= self._pruning.epoch_steps
        return full or step == extra["pruned_at"] or self._finished()

    def _keep(self, psnr: float, first: bool) -> None:
        """End the epoch; the latest weights are kept, for it is their zeros that are wanted."""
        config, extra, step = self._pruning, self._extra, self._state.step
        now = self._density()
        group = self._prox.param_groups[0]
        epochs: list[dict[str, Any]] = extra["epochs"]
        before = epochs[-1]["density"] if epochs else extra["begin"]["density"]
        epochs.append(
            {
                "epoch": len(epochs) + 1,
                "step": step,
                "phase": group["phase"],
                "penalty": group["penalty"],
                "loss": extra["loss_sum"] / (step - extra["epoch_start"]),
                "density": now,
                "val_psnr_db": psnr,
            }
        )
        extra["epoch_start"], extra["loss_sum"] = step, 0.0
        if extra["pruned_at"] is None:
            group["penalty"] = next_penalty(
                group["penalty"],
                (before, now),
                target=config.target_density,
                epochs_left=config.epochs - len(epochs),
                growth=config.growth,
            )
        self.made = self._report()
        if first:
            info: dict[str, Any] = {
                "step": step,
                "val_psnr_db": round(psnr, 4),
                "density": round(now, 6),
            }
            info |= {
                "seed": config.seed,
                "pruned": "OBProx-SG" if self._channels is None else "group lasso",
            }
            save_weights(config.out / PRUNED, self._state.average, info=info | self._info)
            self.made.write(config)

    def _note(self, psnr: float) -> str:
        epoch = self._extra["epochs"][-1]
        return (
            f"epoch {epoch['epoch']} ({epoch['phase']}, penalty {epoch['penalty']:.3g}): "
            f"loss {epoch['loss']:.4f}, density {epoch['density']:.4f}, {psnr:.2f} dB on val"
        )

    def _report(self) -> PruneReport:
        config, extra = self._pruning, self._extra
        epochs = tuple(Epoch(**epoch) for epoch in extra["epochs"])
        layers = layer_densities(list(self._state.average.named_parameters()), self._names)
        return PruneReport(
            network=self._state.network.spec.name,
            complete=self._finished(),
            target_reached=self.target_reached,
            begin=Begin(sha256=extra["start_sha256"], **extra["begin"]),
            density=epochs[-1].density,
            val_psnr_db=epochs[-1].val_psnr_db,
            parameters=sum(layer.size for layer in layers),
            nonzero=sum(layer.nonzero for layer in layers),
            epochs=epochs,
            layers=layers,
            config=config,
            versions={"torch": version("torch"), "lightning-fabric": version("lightning-fabric")},
        )
