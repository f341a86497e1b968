"""What stands against believing times that a phone measured."""

from __future__ import annotations

from cdfi_bench.adb.conditions import Conditions, read_conditions
from cdfi_bench.adb.errors import AdbError
from cdfi_bench.adb.facts import DeviceFacts
from cdfi_bench.adb.readiness import Readiness
from cdfi_bench.phone.claim import Claim


def distrust(facts: DeviceFacts, emulated: str | None, ready: Readiness | None) -> tuple[str, ...]:
    """Why times say nothing about the device; empty if they do.

    Args:
        facts: Of the device.
        emulated: What the runner found to emulate its processor.
        ready: How the waiting for a cool and charged device ended.
    """
    emulator = facts.emulated or emulated
    reasons = [f"the processor is emulated ({emulator})"] if emulator else []
    reasons += [f"measured although {each}" for each in (ready.against if ready else ())]
    return tuple(reasons)


def look_after(claim: Claim) -> Conditions | None:
    """The phone's state right after a run; ``None`` if it is gone."""
    try:
        return read_conditions(claim.adb)
    except AdbError:
        return None
