"""Does a set of tensors fit a network, and if not, what is wrong with it?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cdfi_model.spec import NetworkSpec

Shapes = Mapping[str, tuple[int, ...]]
SHOWN = 5


@dataclass(frozen=True)
class Mismatch:
    """Names by which tensors differ from what was expected; empty when they fit."""

    missing: tuple[str, ...]
    unexpected: tuple[str, ...]
    misshaped: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.missing or self.unexpected or self.misshaped)

    def __str__(self) -> str:
        parts = {
            "missing": self.missing,
            "unexpected": self.unexpected,
            "of another shape": self.misshaped,
        }
        return "; ".join(
            f"{len(names)} {what}: {_first(names)}" for what, names in parts.items() if names
        )


def _first(names: tuple[str, ...]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more


def compare_shapes(expected: Shapes, got: Shapes) -> Mismatch:
    """What of ``got`` does not fit ``expected``, in the order of each."""
    return Mismatch(
        missing=tuple(name for name in expected if name not in got),
        unexpected=tuple(name for name in got if name not in expected),
        misshaped=tuple(
            f"{name} (expected {_text(shape)}, got {_text(got[name])})"
            for name, shape in expected.items()
            if name in got and got[name] != shape
        ),
    )


def _text(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape)) or "scalar"


def network_shapes(spec: NetworkSpec) -> dict[str, tuple[int, ...]]:
    """Shape of every tensor in the state dict of ``spec``; no weights are made."""
    import torch

    with torch.device("meta"):
        network = spec.build()
    return {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
