"""A phone's facts as a report has them."""

from __future__ import annotations

from typing import Any

from cdfi_bench.adb.facts import DeviceFacts
from cdfi_bench.report_device import DeviceInfo

_MACHINES = {"arm64-v8a": "aarch64", "armeabi-v7a": "armv7l"}
_UNKNOWN = "the device does not tell it"
_SOURCES = {  # field of the report: the fact whose reason says why it is missing
    "model": "model",
    "soc": "soc_model",
    "abi": "abi",
    "build": "fingerprint",
    "sdk": "sdk",
    "max_frequency_khz": "max_khz",
    "governor": "governors",
    "memory_bytes": "memory_bytes",
}


def phone_info(facts: DeviceFacts) -> DeviceInfo:
    """The report's section; what the device did not tell is null with its reason."""
    frequencies = tuple(khz for _, khz in sorted((facts.max_khz or {}).items()))
    told: dict[str, Any] = {
        "model": _joined(facts.manufacturer, facts.model),
        "soc": _joined(facts.soc_manufacturer, facts.soc_model) if facts.soc_model else None,
        "abi": facts.abi,
        "build": facts.fingerprint,
        "sdk": facts.sdk,
        "max_frequency_khz": frequencies or None,
        "governor": ", ".join(sorted(set((facts.governors or {}).values()))) or None,
        "memory_bytes": facts.memory_bytes,
    }
    unmeasured = {
        name: facts.reasons.get(_SOURCES[name], _UNKNOWN)
        for name, value in told.items()
        if value is None
    }
    unmeasured["cpu"] = "the SoC stands for it"
    release = f"Android {facts.android_release}, " if facts.android_release else ""
    return DeviceInfo(
        kind="adb",
        name=f"{facts.model or 'device'} ({facts.serial})",
        serial=facts.serial,
        cpu=None,
        architecture=_MACHINES.get(facts.abi or "", facts.abi or "unknown"),
        os=f"{release}Linux {facts.kernel or 'of unknown version'}",
        cores=facts.cores or 1,
        emulated=facts.emulated is not None,
        simulated=facts.simulated,
        **told,
        unmeasured=unmeasured,
    )


def _joined(first: str | None, second: str | None) -> str | None:
    """``"Google Pixel 8"``; a model that names its maker already stays as it is."""
    if second is None:
        return None
    if first is None or second.lower().startswith(first.lower()):
        return second
    return f"{first} {second}"
