"""Budgets: the widest network that the densities allow within parameters, MACs or bytes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from cdfi_runtime.errors import InputError

from cdfi_model.cost import count_macs
from cdfi_model.kernel_unet_spec import KernelUNetSpec
from cdfi_model.network import build_network
from cdfi_model.pruning.channel_graph import convolutions
from cdfi_model.pruning.layer_macs import layer_macs
from cdfi_model.pruning.widths import Rules, require_densities, reshaped

BYTES_OF_A_PARAMETER = 4  # float32, as our weights files
_HALVINGS = 40


@dataclass(frozen=True)
class Budget:
    """Upper limits; ``None`` is no limit.

    Attributes:
        parameters: Of the network.
        macs: Multiply-accumulates of one frame, sampling included.
        bytes: Of the parameters in float32.
    """

    parameters: int | None = None
    macs: int | None = None
    bytes: int | None = None

    @property
    def limits(self) -> dict[str, int]:
        """What is limited, by name."""
        found = {"parameters": self.parameters, "macs": self.macs, "bytes": self.bytes}
        return {name: limit for name, limit in found.items() if limit is not None}


class Costs:
    """What any reshaped form of a network costs, without building it.

    Args:
        spec: The network; reshaped forms have its levels, heads and columns.
        height: Frame height in pixels that MACs are of, a multiple of ``spec.multiple``.
        width: Frame width, likewise.
    """

    def __init__(self, spec: KernelUNetSpec, height: int, width: int) -> None:
        network = build_network(spec, seed=0)
        macs = layer_macs(network, height, width)
        layers = convolutions(spec)
        self._pixels = {layer.name: macs[layer.name] // layer.weights for layer in layers}
        in_layers = sum(layer.weights + layer.outputs for layer in layers)
        self._elsewhere = network.count_parameters() - in_layers  # slopes of PReLU
        # Each pixel of each moved channel is sampled F * F times, four corners at a time.
        samples = count_macs(network, height, width) - sum(macs.values())
        self._samples = samples // spec.warp_channels

    def of(self, spec: KernelUNetSpec) -> dict[str, int]:
        """``parameters``, ``macs`` and ``bytes`` of a reshaped form."""
        layers = convolutions(spec)
        parameters = self._elsewhere + sum(layer.weights + layer.outputs for layer in layers)
        macs = sum(self._pixels.get(layer.name, self._full) * layer.weights for layer in layers)
        return {
            "parameters": parameters,
            "macs": macs + self._samples * spec.warp_channels,
            "bytes": BYTES_OF_A_PARAMETER * parameters,
        }

    @property
    def _full(self) -> int:
        """Pixels of a frame: a shortcut that only the reshaped form needs works at full size."""
        return self._pixels["encoder.0.convs.0"]


def fit_to_budget(
    spec: KernelUNetSpec,
    densities: Mapping[str, float],
    rules: Rules,
    budget: Budget,
    costs: Costs,
    *,
    name: str | None = None,
) -> tuple[KernelUNetSpec, float]:
    """The widest form within ``budget``, all densities multiplied by one factor.

    Widths never shrink when the factor grows, so it is found by bisection. It may be over 1: a
    budget can leave room for more than the densities ask for, up to the network's own widths.

    Args:
        spec: The network that was pruned.
        densities: Of its convolutions.
        rules: How widths follow.
        budget: All limits hold.
        costs: Of ``spec``.
        name: See :func:`~cdfi_model.pruning.widths.reshaped`.

    Returns:
        The new spec, and the factor.

    Raises:
        InputError: not even the narrowest form fits.
    """
    require_densities(spec, densities)

    def form(scale: float) -> KernelUNetSpec:
        return reshaped(spec, densities, rules, scale=scale, name=name)

    def fits(scale: float) -> bool:
        cost = costs.of(form(scale))
        return all(cost[what] <= limit for what, limit in budget.limits.items())

    if not fits(0.0):
        raise _too_small(budget, costs.of(form(0.0)), rules)
    whole = 1.0 / min((density for density in densities.values() if density > 0), default=1.0)
    scale = _largest(fits, whole)
    return form(scale), scale


def _largest(fits: Callable[[float], bool], whole: float) -> float:
    if fits(whole):
        return whole
    low, high = 0.0, whole
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low


def _too_small(budget: Budget, smallest: Mapping[str, int], rules: Rules) -> InputError:
    missed = {name: limit for name, limit in budget.limits.items() if smallest[name] > limit}
    return InputError(
        "no form of this network is within the budget",
        expected=", ".join(f"at least {smallest[name]:,} {name}" for name in missed),
        got=", ".join(f"{limit:,} {name}" for name, limit in missed.items()),
        fix="allow more"
        if rules.floor == rules.round_to == 1
        else f"allow more, or less than floor {rules.floor} and round-to {rules.round_to}",
    )
