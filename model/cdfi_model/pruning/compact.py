"""From a pruned network to a narrower one: a spec, and on request its first weights."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cdfi_runtime.errors import InputError

from cdfi_model.checkpoints.weights import load_network, save_weights
from cdfi_model.kernel_unet_spec import KernelUNetSpec
from cdfi_model.network import InterpolationNetwork
from cdfi_model.pruning.budget import Budget, Costs, fit_to_budget
from cdfi_model.pruning.channel_graph import require_kernel_unet
from cdfi_model.pruning.compact_report import CompactReport, width_changes
from cdfi_model.pruning.dead_channels import remove_dead_channels
from cdfi_model.pruning.density_source import read_densities
from cdfi_model.pruning.slicing import slice_network, strongest_channels
from cdfi_model.pruning.widths import Rules, reshaped
from cdfi_model.spec_file import find_spec, write_spec

STRONGEST = "strongest"


@dataclass(frozen=True)
class Request:
    """What the command was asked for; see its options.

    Attributes:
        source: Weights, a density report (JSON) or a table of densities (CSV).
        origin: ``densities``, or ``channels`` that are zero.
        network: Registered network of a CSV; or ``spec``, its file.
        rules: Fields of :class:`~cdfi_model.pruning.widths.Rules`.
        budget: Fields of :class:`~cdfi_model.pruning.budget.Budget`.
        size: Width and height of the frame that MACs are of.
        name: Of the new network.
        init: ``strongest`` for weights from the source's strongest channels.
    """

    source: Path
    origin: str = "densities"
    network: str | None = None
    spec: Path | None = None
    rules: dict[str, Any] = field(default_factory=dict)
    budget: dict[str, int | None] = field(default_factory=dict)
    size: tuple[int, int] = (448, 256)
    name: str | None = None
    init: str | None = None


@dataclass(frozen=True)
class Compact:
    """A narrower network; ``network`` has its weights, if there are any."""

    spec: KernelUNetSpec
    report: CompactReport
    network: InterpolationNetwork | None
    notes: tuple[str, ...] = ()

    def weights_path(self, spec_file: Path) -> Path | None:
        """Where :meth:`save` writes weights; ``None`` if there are none."""
        return None if self.network is None else spec_file.with_suffix(".safetensors")

    def save(self, spec_file: Path) -> None:
        """Write the spec, and the weights beside it.

        Raises:
            OutputError: it cannot be written.
        """
        write_spec(spec_file, self.spec)
        path = self.weights_path(spec_file)
        if self.network is not None and path is not None:
            info = {"source": f"cdfi-model compact of {self.report.source}"}
            save_weights(path, self.network, info=info | {"rules": self.report.rules})


def compact_network(request: Request) -> Compact:
    """Make the narrower network that ``request`` asks for.

    Raises:
        InputError: options that contradict each other, densities that do not fit the network, or
            a budget that no width meets.
        ArtifactError: a source that cannot be read, or weights that are not finite.
    """
    width, height = request.size
    if request.origin == "channels":
        return _from_channels(request)
    if request.origin != "densities" or request.init not in (None, STRONGEST):
        raise InputError(
            "unknown choice",
            expected=f"--from densities or channels, --init {STRONGEST} or none",
            got=f"--from {request.origin}, --init {request.init}",
        )
    rules, budget = Rules(**request.rules), Budget(**request.budget)
    named = request.network is not None or request.spec is not None
    found = read_densities(
        request.source, find_spec(request.network, request.spec) if named else None
    )
    if request.init and found.network is None:
        raise InputError(
            "the strongest channels are those of weights",
            expected="a weights file as source",
            got=request.source.name,
        )
    costs = _costs(found.spec, height, width)
    scale = None
    if budget.limits:
        spec, scale = fit_to_budget(
            found.spec, found.densities, rules, budget, costs, name=request.name
        )
    else:
        spec = reshaped(found.spec, found.densities, rules, name=request.name)
    network = None
    if request.init and found.network is not None:
        channels = strongest_channels(found.network, spec)
        network = slice_network(found.network, spec, channels)
    asked = {**request.rules, **budget.limits, "init": request.init}
    report = _report(request, found.spec, spec, costs, asked, scale)
    return Compact(spec, report, network)


def _from_channels(request: Request) -> Compact:
    chosen = {k: v for k, v in request.rules.items() if getattr(Rules(), k, None) != v}
    limits = Budget(**request.budget).limits
    others = [*chosen, *limits, *(n for n in ("network", "spec", "init") if getattr(request, n))]
    if others:
        raise InputError(
            "removing zero channels leaves nothing to choose",
            expected="--from channels with weights, --name, --size and the outputs",
            got=", ".join(others),
        )
    network = load_network(request.source)
    before = require_kernel_unet(network.spec)
    costs = _costs(before, request.size[1], request.size[0])
    removed = remove_dead_channels(network, name=request.name)
    spec = require_kernel_unet(removed.network.spec)
    report = _report(request, before, spec, costs, {"from": "channels"}, None)
    note = f"removed {removed.removed} channels that add nothing to the result"
    kept = f"; {removed.constant} more are constant but not zero, and stay" * bool(removed.constant)
    return Compact(spec, report, removed.network, (note + kept,))


def _costs(spec: KernelUNetSpec, height: int, width: int) -> Costs:
    if height % spec.multiple or width % spec.multiple or not height or not width:
        raise InputError(
            "the network does not take frames of this size",
            expected=f"width and height as multiples of {spec.multiple}",
            got=f"{width}x{height}",
        )
    return Costs(spec, height, width)


def _report(
    request: Request,
    before: KernelUNetSpec,
    after: KernelUNetSpec,
    costs: Costs,
    rules: dict[str, Any],
    scale: float | None,
) -> CompactReport:
    return CompactReport(
        network=before.name,
        source=request.source.name,
        rules=rules,
        scale=scale,
        size=request.size,
        before=costs.of(before),
        after=costs.of(after),
        widths=width_changes(before, after),
        spec=after.to_json(),
    )
