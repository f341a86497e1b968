"""A phone over adb: a runner is pushed, measures by itself, and hands samples and picture back."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from pathlib import Path
from threading import Event

from cdfi_runtime.errors import ArtifactError, CdfiError
from cdfi_runtime.manifest import Manifest, load_manifest

from cdfi_bench.adb.errors import JobStoppedError
from cdfi_bench.devices import DEVICES, Device, DeviceOptions, DeviceSpec
from cdfi_bench.latency.collector import Collector
from cdfi_bench.latency.measurement import INTERRUPTED, LatencyFailure, LatencyMeasurement
from cdfi_bench.phone.way import Way, choose_way
from cdfi_bench.report_device import DeviceInfo


class AdbDevice:
    """A claimed phone; see :class:`cdfi_bench.devices.Device`.

    Args:
        serial: As ``adb devices`` shows it, or ``host:port``; ``None`` if there is one only.
        options: Runner, patience and gates.

    Raises:
        AdbError: no adb, no such device, or one that is not ready or in use by another bench.
    """

    def __init__(self, serial: str | None, options: DeviceOptions) -> None:
        from cdfi_bench.adb.facts import read_facts
        from cdfi_bench.adb.selection import choose_device
        from cdfi_bench.phone.claim import Claim
        from cdfi_bench.phone.info import phone_info

        adb = choose_device(serial)
        facts = read_facts(adb)
        self.info: DeviceInfo = phone_info(facts)
        self._facts = facts
        self._options = options
        self._claim = Claim(adb, options)
        self._closing = ExitStack()
        self._closing.callback(self._claim.release)
        self._folder = Path(self._closing.enter_context(tempfile.TemporaryDirectory()))
        self._claim.take()

    def measure(self, collector: Collector, stop: Event) -> LatencyMeasurement | LatencyFailure:
        """See :class:`cdfi_bench.devices.Device`."""
        try:
            manifest = load_manifest(collector.request.path)
            way = self._way(manifest)
            if isinstance(way, LatencyFailure):
                return way
            self._claim.renew()
            return way.measure(self._claim, collector, manifest, self._folder, stop)
        except ArtifactError as error:
            return LatencyFailure("fail", str(error))
        except JobStoppedError:
            return collector.ended(INTERRUPTED)
        except CdfiError as error:
            return collector.ended(str(error))

    def close(self) -> None:
        """Remove all of ours from the phone and let others use it."""
        self._closing.close()

    def _way(self, manifest: Manifest) -> Way | LatencyFailure:
        return choose_way(manifest, self._facts, self._options)


def _open(which: str | None, options: DeviceOptions) -> Device:
    return AdbDevice(which, options)


DEVICES.register(DeviceSpec("adb", _open, shares_this_machine=False))
