"""Which warp formulation a run trains with."""

from __future__ import annotations

from cdfi_runtime import native
from cdfi_runtime.errors import InputError

from cdfi_model.network import InterpolationNetwork
from cdfi_model.warp import WARPS

AUTO = "auto"


def training_warp(wanted: str, network: InterpolationNetwork, device: str) -> str:
    """The formulation for ``wanted``: a registered name, or ``auto``.

    ``auto`` takes the fused operator, whose backward is fused too, on a CPU that has the native
    library, and the network's own formulation elsewhere. They differ by rounding, so a run that is
    to be repeated bit by bit on machines with and without the library names one.

    Args:
        wanted: From the config or ``--warp``.
        network: Says what ``auto`` falls back to, and which warp must be computed.
        device: Type of the device, e.g. ``cpu``.

    Raises:
        UnknownNameError: no such formulation.
        InputError: it cannot compute this network's warp, or not on this device.
        NativeError: it needs the native library, which is not there.
    """
    on_cpu = device == "cpu"
    if wanted == AUTO:
        return "fused" if on_cpu and native.available() else network.formulation
    chosen = WARPS.get(wanted)
    warp = network.spec.warp
    if not chosen.fits(warp) or (chosen.native and not on_cpu):
        fitting = [item.name for item in WARPS.all() if item.fits(warp)]
        able = [name for name in fitting if on_cpu or not WARPS.get(name).native]
        raise InputError(
            f"the warp '{wanted}' cannot train {network.spec.name} on {device}",
            expected="one of " + ", ".join([AUTO, *able]),
            got=wanted,
            fix="set warp = 'auto' in the config, or use --warp auto",
        )
    if chosen.native:
        native.dispatch()
    return wanted
