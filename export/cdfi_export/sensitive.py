"""Which layers integer precisions leave in floating point, and why."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cdfi_model.network import InterpolationNetwork

TABLE = "sensitivity.json"
# A layer that alone costs this much, a tenth of what int8 may lose in all, stays float32.
WORTH_DB = 0.02


@dataclass(frozen=True)
class Kept:
    """Layers of one network that stay in floating point.

    Attributes:
        layers: Full names in the network.
        remarks: Which and why, in sentences for a manifest.
    """

    layers: frozenset[str]
    remarks: tuple[str, ...]


def kept_layers(network: InterpolationNetwork, weights_sha256: str, layers: Iterable[str]) -> Kept:
    """What of ``layers`` to keep: by kind (``sensitive_layers``), and by measurement if any.

    Args:
        network: Says which kinds of layers give positions, weights or the picture.
        weights_sha256: Of its weights; another measurement of the same network still names layers.
        layers: Full names of all that could be quantized.
    """
    names = sorted(layers)
    by_kind = [name for name in names if name.rsplit(".", 1)[-1] in network.sensitive_layers]
    remarks = []
    if by_kind:
        remarks.append(
            f"kept in float32, as they give positions, weights or the picture: {', '.join(by_kind)}"
        )
    measured = recorded().get(network.spec.name)
    if measured is None:
        remarks.append(
            "no layer's own loss was measured for this network (python -m cdfi_export.sensitivity)"
        )
        return Kept(frozenset(by_kind), tuple(remarks))
    losses = measured["lost_db"]
    costly = [name for name in names if losses.get(name, 0.0) >= WORTH_DB]
    if costly:
        figures = ", ".join(f"{name} ({losses[name]:.3f} dB)" for name in costly)
        remarks.append(
            f"kept in float32, as each alone costs {WORTH_DB:g} dB or more on "
            f"{measured['image_set']} ({measured['pairs']} pairs): {figures}"
        )
    if measured["weights_sha256"] != weights_sha256:
        remarks.append("these losses were measured with other weights of the same network")
    return Kept(frozenset((*by_kind, *costly)), tuple(remarks))


@cache
def recorded() -> dict[str, Any]:
    """The measurements that travel with the package, by name of the network."""
    text = files("cdfi_export").joinpath(TABLE).read_text(encoding="utf-8")
    table: dict[str, Any] = json.loads(text)
    return table
