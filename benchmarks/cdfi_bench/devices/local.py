"""This machine: each artifact is measured in a process of its own."""

from __future__ import annotations

from dataclasses import replace
from threading import Event
from typing import Any

from cdfi_runtime.apart import ProcessDiedError, run_apart
from cdfi_runtime.errors import InputError

from cdfi_bench.devices import DEVICES, Device, DeviceOptions, DeviceSpec
from cdfi_bench.environment import device_info
from cdfi_bench.latency.collector import Collector
from cdfi_bench.latency.measurement import LatencyFailure, LatencyMeasurement
from cdfi_bench.report_device import DeviceInfo


class LocalDevice:
    """The machine this runs on; see :class:`cdfi_bench.devices.Device`."""

    def __init__(self) -> None:
        self.info: DeviceInfo = device_info()

    def measure(self, collector: Collector, stop: Event) -> LatencyMeasurement | LatencyFailure:
        """See :class:`cdfi_bench.devices.Device`."""
        from cdfi_bench.latency.worker import measure

        def receive(message: Any) -> None:
            if stop.is_set():
                raise KeyboardInterrupt
            if isinstance(message, LatencyMeasurement):
                collector.start(message)
            else:
                collector.add(*message)

        try:
            result = run_apart(measure, collector.request, on_message=receive)
        except ProcessDiedError as error:
            return collector.ended(str(error))
        if isinstance(result, LatencyFailure):
            return result
        return replace(result, samples=collector.samples)

    def close(self) -> None:
        """Nothing was changed."""


def _open(which: str | None, _options: DeviceOptions) -> Device:
    if which is not None:
        raise InputError("there is one local machine only", expected="local", got=f"local:{which}")
    return LocalDevice()


DEVICES.register(DeviceSpec("local", _open, shares_this_machine=True))
