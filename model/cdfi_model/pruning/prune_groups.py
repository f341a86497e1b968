"""Which parameters a pruning run penalises, and how many of their values are left."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from typing import TypeAlias

import torch
from cdfi_runtime.errors import InputError
from torch import nn

Named: TypeAlias = list[tuple[str, nn.Parameter]]


def choose(network: nn.Module, penalise: Sequence[str], fixed: Sequence[str]) -> Named:
    """Convolution weights whose names match ``penalise`` and not ``fixed``, in network order.

    Biases, activations' slopes and other vectors are never among them: they are few, and a zero
    there saves nothing.

    Args:
        network: Shared parameters come once, by their first name.
        penalise: Patterns; ``*`` stands for anything, dots included.
        fixed: The same.

    Raises:
        InputError: a pattern matches no parameter at all, or nothing is left to prune.
    """
    named = list(network.named_parameters())
    for pattern in (*penalise, *fixed):
        if not any(fnmatchcase(name, pattern) for name, _ in named):
            raise InputError(
                f"no parameter's name matches '{pattern}'",
                expected="a pattern of names such as " + ", ".join(_examples(named)),
                got=pattern,
                fix="cdfi-model info shows the network; * stands for anything",
            )
    chosen = [
        (name, weight)
        for name, weight in named
        if weight.ndim == 4
        and any(fnmatchcase(name, pattern) for pattern in penalise)
        and not any(fnmatchcase(name, pattern) for pattern in fixed)
    ]
    if not chosen:
        raise InputError(
            "there is nothing to prune",
            expected="at least one convolution weight that is penalised and not fixed",
            got=f"penalise = {list(penalise)}, fixed = {list(fixed)}",
        )
    return chosen


def density(weights: Iterable[torch.Tensor]) -> float:
    """Share of the values that are not zero, in [0, 1]."""
    counts = [(int(torch.count_nonzero(weight)), weight.numel()) for weight in weights]
    return sum(count for count, _ in counts) / sum(size for _, size in counts)


def _examples(named: Named) -> list[str]:
    return [name for name, weight in named if weight.ndim == 4][:2]
