"""Devices that artifacts are measured on: one file each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Protocol

from cdfi_runtime.registry import Registry

from cdfi_bench.latency.collector import Collector
from cdfi_bench.latency.measurement import LatencyFailure, LatencyMeasurement
from cdfi_bench.report_device import DeviceInfo


@dataclass(frozen=True)
class DeviceOptions:
    """What the user says of devices beside their names; each takes what concerns it.

    Attributes:
        runner: Bundle to push; ``None`` builds or finds the one for the device.
        app: Run in the installed Android app instead.
        benchmark_model: The user's own TFLite ``benchmark_model`` for the device.
        cool_down_s: How long to wait at most until a device is cool and charged enough.
        reconnect_s: How long to wait at most for a device whose link was lost.
        fixed_performance: Ask Android to hold its clocks steady.
    """

    runner: Path | None = None
    benchmark_model: Path | None = None
    cool_down_s: float = 300.0
    reconnect_s: float = 120.0
    fixed_performance: bool = False
    app: bool = False


class Device(Protocol):
    """An opened device. Measurements come one after the other."""

    @property
    def info(self) -> DeviceInfo:
        """What it is."""
        ...

    def measure(self, collector: Collector, stop: Event) -> LatencyMeasurement | LatencyFailure:
        """Measure what ``collector.request`` asks for; failures are results, not exceptions.

        Args:
            collector: Is given the samples as they come.
            stop: Once set, the measurement ends soon, with what there is.

        Raises:
            KeyboardInterrupt: the user interrupted this thread; the collector has what there is.
        """
        ...

    def close(self) -> None:
        """Leave the device as it was found."""
        ...


@dataclass(frozen=True)
class DeviceSpec:
    """One kind of device.

    Attributes:
        name: Registered name: what stands before the colon in ``--device adb:SERIAL``.
        open: Opens one by what stands behind the colon, ``None`` where nothing does.
        shares_this_machine: Whether its measuring is done by this machine, and so alone.
    """

    name: str
    open: Callable[[str | None, DeviceOptions], Device]
    shares_this_machine: bool


DEVICES: Registry[DeviceSpec] = Registry("device", "cdfi_bench.devices")
