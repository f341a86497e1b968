"""A phone made ready for a measurement: cool, charged, and with steady clocks if asked for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeAlias

from cdfi_bench.adb.performance_mode import fixed_performance
from cdfi_bench.adb.readiness import Readiness, wait_until_ready
from cdfi_bench.devices import DeviceOptions
from cdfi_bench.phone.claim import Claim
from cdfi_bench.phone.conditions import GATES

Fixed: TypeAlias = tuple[bool, str | None] | None
"""Whether fixed performance mode is on, and why not; ``None`` if not asked for."""


@contextmanager
def ready_phone(claim: Claim, options: DeviceOptions) -> Iterator[tuple[Readiness, Fixed]]:
    """Waits for the phone; the mode is switched off afterwards in any case.

    Raises:
        LinkLostError: the phone does not answer.
    """
    ready = wait_until_ready(claim.adb, GATES, options.cool_down_s)
    if not options.fixed_performance:
        yield ready, None
        return
    with fixed_performance(claim.workspace, return_limit=options.reconnect_s) as outcome:
        yield ready, (outcome.enabled, outcome.reason)
