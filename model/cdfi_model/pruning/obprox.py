"""OBProx-SG: an optimizer whose weights become exactly zero.

Chen et al., "Orthant Based Proximal Stochastic Gradient Method for l1-Regularized Optimization",
arXiv 2004.03639. It minimises f(x) + lambda |x|_1 in two phases. Proximal steps (equation 4) find
the support: a gradient step on f, then soft thresholding. Orthant steps (equations 6 to 9) then
stay on the face of the orthant that the weights are in: what is zero stays zero, the penalty is
smooth there, and what would leave the orthant is projected to zero, which makes many more zeros
than thresholds of the size of a learning rate do.

A third phase is ours: ``support`` steps follow the gradient of f alone on what is not zero, to win
back what the penalty's shrinking cost. A run that stops at the published algorithm's end never
enters it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import torch
from cdfi_runtime.errors import InputError
from torch import Tensor

Phase: TypeAlias = Literal["proximal", "orthant", "support"]
_PHASES = ("proximal", "orthant", "support")


@dataclass(frozen=True)
class Setting:
    """One published setting; see :data:`SETTINGS`.

    Attributes:
        name: Its name on command lines.
        learning_rate: Of both phases.
        penalty: lambda, the weight of the l1 norm.
        proximal_epochs: Epochs before the orthant phase (Np); all later ones belong to it.
        eps: Magnitude below which an orthant step makes a weight zero.
    """

    name: str
    learning_rate: float
    penalty: float
    proximal_epochs: int
    eps: float


SETTINGS = {
    setting.name: setting
    for setting in (
        # The repository's README; it gives no learning rate, the other one's is taken.
        Setting("readme", 1e-2, 1e-4, 2, 1e-4),
        # The long version of the paper; it gives no eps.
        Setting("long_version", 1e-2, 1e-4, 10, 0.0),
    )
}


class OBProxSG(torch.optim.Optimizer):
    """Stochastic gradient steps towards weights that are exactly zero.

    Each parameter group may have its own ``lr``, ``penalty`` and ``eps``; one with ``penalty=0``
    takes plain gradient steps in every phase. The phase belongs to the groups, so a checkpoint of
    the optimizer holds it. Steps depend on the gradients alone: processes that share them (DDP)
    stay alike, and a gradient scaler may leave steps out.

    Args:
        params: Parameters, or groups of them.
        lr: Step size, positive.
        penalty: lambda, not negative.
        eps: In orthant steps weights of a smaller magnitude become zero; not negative.

    Raises:
        InputError: a value out of range.
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-2,
        *,
        penalty: float = 1e-4,
        eps: float = 0.0,
    ) -> None:
        super().__init__(params, {"lr": lr, "penalty": penalty, "eps": eps, "phase": "proximal"})
        for group in self.param_groups:
            _check("lr", group["lr"], above_zero=True)
            _check("penalty", group["penalty"])
            _check("eps", group["eps"])

    @property
    def phase(self) -> Phase:
        """Which steps are taken now."""
        phase: Phase = self.param_groups[0]["phase"]
        return phase

    @phase.setter
    def phase(self, phase: Phase) -> None:
        if phase not in _PHASES:
            raise InputError("unknown phase", expected=" or ".join(_PHASES), got=str(phase))
        for group in self.param_groups:
            group["phase"] = phase

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """One step on all parameters that have a gradient; returns what ``closure`` returned."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            phase = group["phase"] if group["penalty"] > 0 else "proximal"
            for weight in group["params"]:
                if weight.grad is None:
                    continue
                if weight.grad.is_sparse:
                    raise InputError("sparse gradients are not supported", got="an embedding's")
                if phase == "orthant":
                    _orthant_step(weight, group["lr"], group["penalty"], group["eps"])
                elif phase == "support":
                    _support_step(weight, group["lr"])
                else:
                    _proximal_step(weight, group["lr"], group["penalty"])
        return loss


def soft_threshold(values: Tensor, threshold: float) -> Tensor:
    """The proximal operator of ``threshold * |x|_1``: towards zero by ``threshold``, not past."""
    return values.sign() * (values.abs() - threshold).clamp_min(0)


def _proximal_step(weight: Tensor, rate: float, penalty: float) -> None:
    assert weight.grad is not None
    weight.sub_(weight.grad, alpha=rate)
    if penalty:
        weight.copy_(soft_threshold(weight, rate * penalty))


def _orthant_step(weight: Tensor, rate: float, penalty: float, eps: float) -> None:
    assert weight.grad is not None
    orthant = weight.sign()
    weight.sub_(weight.grad + penalty * orthant, alpha=rate)
    # Written so that NaN is kept: a broken gradient must not pass for a zero.
    outside = (weight * orthant <= 0) | (weight.abs() < eps)
    weight.masked_fill_(outside | (orthant == 0), 0)


def _support_step(weight: Tensor, rate: float) -> None:
    assert weight.grad is not None
    zero = weight == 0
    weight.sub_(weight.grad, alpha=rate).masked_fill_(zero, 0)


def _check(name: str, value: float, *, above_zero: bool = False) -> None:
    good = value > 0 if above_zero else value >= 0
    if not good:
        raise InputError(
            f"OBProx-SG cannot work with this {name}",
            expected="a positive number" if above_zero else "zero or more",
            got=str(value),
        )
