"""Densities of layers to widths: each convolution asks for one, neighbours settle on one.

A convolution of density d asks for ``int(sqrt(d) * width)`` channels on either side (law ``sqrt``,
the CDFI paper's long version: about as many weights as were not zero), or for ``int(d * width)``
(law ``linear``). What shares a width seldom agrees. The long version takes the ``min`` or the
``max`` of the neighbours. ``readers`` leaves the width to those who read it, the greediest of them.

``readers`` with ``linear`` comes closest to what was published: from the densities of AdaCoF's
layers it gives 27 of compressed AdaCoF's 48 widths exactly and the others within 2 channels
(2,419,457 parameters, published 2,452,094). ``min`` and ``max`` with ``linear`` miss by up to 86
and 98 channels, where a skip connection joins layers of far densities, and all three with ``sqrt``
by more than 100 (4.6 to 6.8 million parameters). The test suite lists every width of each.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from cdfi_runtime.errors import InputError

from cdfi_model.kernel_unet_spec import KernelUNetSpec
from cdfi_model.pruning.channel_graph import Convolution, Slot, convolutions, slot_widths

Strategy = Literal["min", "max", "readers"]
Law = Literal["sqrt", "linear"]
STRATEGIES: tuple[Strategy, ...] = ("min", "max", "readers")
LAWS: tuple[Law, ...] = ("sqrt", "linear")
_FUZZ = 1e-9  # 0.29 * 100 is 28.999...


@dataclass(frozen=True)
class Rules:
    """How widths follow from densities.

    Attributes:
        strategy: Who decides where neighbours disagree.
        law: What a density means for a width.
        floor: No width is smaller, unless it was before.
        round_to: Widths are rounded to the nearest multiple of this, up rather than to nothing;
            none grows over what it was.
    """

    strategy: Strategy = "min"
    law: Law = "sqrt"
    floor: int = 1
    round_to: int = 1

    def __post_init__(self) -> None:
        for name, known in (("strategy", STRATEGIES), ("law", LAWS)):
            if getattr(self, name) not in known:
                raise InputError(
                    f"unknown {name}",
                    expected=f"one of {', '.join(known)}",
                    got=getattr(self, name),
                )
        if min(self.floor, self.round_to) < 1:
            raise InputError(
                "floor and rounding are numbers of channels",
                expected="1 or more",
                got=f"floor {self.floor}, round-to {self.round_to}",
            )

    def admit(self, wanted: int, width: int) -> int:
        """The width that comes of ``wanted`` where there was ``width``."""
        step = self.round_to
        rounded = (max(wanted, self.floor) + step // 2) // step * step
        smallest = -(-self.floor // step) * step
        return min(max(rounded, smallest), width)


def reshaped(
    spec: KernelUNetSpec,
    densities: Mapping[str, float],
    rules: Rules,
    *,
    scale: float = 1.0,
    name: str | None = None,
) -> KernelUNetSpec:
    """``spec`` with the widths that ``densities`` ask for.

    Args:
        spec: The network that was pruned.
        densities: Of every convolution by its name, in [0, 1].
        rules: How to settle.
        scale: All densities are multiplied by this first, and end at 1.
        name: Of the new network; ``None`` adds ``_compact`` to the old one.

    Raises:
        InputError: a layer is missing or unknown, or a density is outside [0, 1].
    """
    layers = convolutions(spec)
    require_densities(spec, densities)
    asked: dict[Slot, dict[bool, list[int]]] = {}
    widths = slot_widths(spec)
    for layer in layers:
        share = min(1.0, scale * densities[layer.name])
        share = math.sqrt(share) if rules.law == "sqrt" else share
        for slot, reads in _touched(layer):
            wanted = math.floor(share * widths[slot] + _FUZZ)
            asked.setdefault(slot, {True: [], False: []})[reads].append(wanted)
    chosen = {
        slot: rules.admit(_settle(asked[slot], rules.strategy), width)
        for slot, width in widths.items()
    }
    return with_widths(spec, chosen, name or f"{spec.name}_compact")


def _touched(layer: Convolution) -> list[tuple[Slot, bool]]:
    """The slots that a convolution shares, and whether it reads them."""
    read = dict.fromkeys(part.slot for part in layer.reads if part.slot is not None)
    written = [(layer.writes, False)] if layer.writes is not None else []
    return [*((slot, True) for slot in read), *written]


def _settle(asked: Mapping[bool, list[int]], strategy: Strategy) -> int:
    if strategy == "readers":
        return max(asked[True])
    return {"min": min, "max": max}[strategy]([*asked[True], *asked[False]])


def require_densities(spec: KernelUNetSpec, densities: Mapping[str, float]) -> None:
    """Every convolution of ``spec`` has one density in [0, 1], and nothing else has.

    Raises:
        InputError: it is not so.
    """
    names = [layer.name for layer in convolutions(spec)]
    missing = [name for name in names if name not in densities]
    unknown = [name for name in densities if name not in set(names)]
    if missing or unknown:
        parts = {"without a density": missing, "unknown": unknown}
        raise InputError(
            f"the densities do not fit the network '{spec.name}'",
            expected=f"one for each of its {len(names)} convolutions",
            got="; ".join(
                f"{len(found)} {what}, first {found[0]}" for what, found in parts.items() if found
            ),
            fix="measure them with cdfi-model density on weights of this network",
        )
    for name, density in densities.items():
        if not 0 <= density <= 1:
            raise InputError(
                "a density is a share of the weights",
                expected="0 to 1",
                got=f"{density} of {name}",
            )


def with_widths(spec: KernelUNetSpec, widths: Mapping[Slot, int], name: str) -> KernelUNetSpec:
    """``spec`` with other widths under another name; ``widths`` has every slot."""
    fields: dict[str, Any] = {}
    for slot, width in widths.items():
        field = str(slot[0])
        if len(slot) == 3:
            levels = fields.setdefault(field, [[] for _ in getattr(spec, field)])
            levels[int(slot[1])].append(width)
        else:
            fields.setdefault(field, []).append(width)
    changes: dict[str, Any] = {field: _frozen(value) for field, value in fields.items()}
    changes |= {"name": name, "summary": f"{spec.name} at other widths"}
    return dataclasses.replace(spec, compacted_from=spec.compacted_from or spec.name, **changes)


def _frozen(value: list[Any]) -> tuple[Any, ...]:
    return tuple(tuple(each) if isinstance(each, list) else each for each in value)
