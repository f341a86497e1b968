"""How artifacts get run on a phone: each way is one file in ``ways/``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Protocol

from cdfi_runtime.manifest import Manifest
from cdfi_runtime.registry import Registry

from cdfi_bench.adb.facts import DeviceFacts
from cdfi_bench.devices import DeviceOptions
from cdfi_bench.latency.collector import Collector
from cdfi_bench.latency.measurement import LatencyFailure, LatencyMeasurement
from cdfi_bench.phone.claim import Claim


class Way(Protocol):
    """Runs artifacts of some formats on a claimed phone."""

    def measure(
        self,
        claim: Claim,
        collector: Collector,
        manifest: Manifest,
        folder: Path,
        stop: Event,
    ) -> LatencyMeasurement | LatencyFailure:
        """Measure ``collector.request``.

        Args:
            claim: The phone.
            collector: Is given the samples as they come.
            manifest: Of the artifact.
            folder: For files on this machine; emptied at the end of the bench.
            stop: Once set, the measurement ends soon, with what there is.

        Raises:
            CdfiError: the measurement ended; the collector has what there is.
        """
        ...


@dataclass(frozen=True)
class WaySpec:
    """One way.

    Attributes:
        name: Registered name: the runtime that it uses, as reports have it.
        formats: Artifact formats it runs.
        lacks: What it would need for these options that is not there; ``None`` if nothing.
        make: Makes it for a phone.
    """

    name: str
    formats: tuple[str, ...]
    lacks: Callable[[DeviceOptions], str | None]
    make: Callable[[DeviceFacts, DeviceOptions], Way]


WAYS: Registry[WaySpec] = Registry("way to run on a phone", "cdfi_bench.phone.ways")


def choose_way(
    manifest: Manifest, facts: DeviceFacts, options: DeviceOptions
) -> Way | LatencyFailure:
    """The first way, by name, for the artifact's format that lacks nothing, or why none does."""
    file_format = manifest.artifact.format
    takers = [spec for spec in WAYS.all() if file_format in spec.formats]
    lacking = []
    for spec in takers:
        missing = spec.lacks(options)
        if missing is None:
            return spec.make(facts, options)
        lacking.append(missing)
    able = ", ".join(sorted({each for spec in WAYS.all() for each in spec.formats}))
    return LatencyFailure(
        "skip",
        f"nothing on the device runs the format '{file_format}': "
        + ("; ".join(lacking) or f"only {able} can be measured over adb"),
    )
