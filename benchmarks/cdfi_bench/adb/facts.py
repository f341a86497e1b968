"""What a device is: the part of a report that does not change during a run."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from cdfi_bench.adb.client import Adb, Reply
from cdfi_bench.adb.questions import ask, cpu_lines, per_cpu

PROPERTIES = {
    "model": "ro.product.model",
    "manufacturer": "ro.product.manufacturer",
    "fingerprint": "ro.build.fingerprint",
    "soc_manufacturer": "ro.soc.manufacturer",
    "soc_model": "ro.soc.model",
    "android_release": "ro.build.version.release",
    "sdk": "ro.build.version.sdk",
}
MACHINES = {"aarch64": "arm64-v8a", "armv7l": "armeabi-v7a", "armv8l": "armeabi-v7a"}
VIRTUAL_HARDWARE = ("ranchu", "goldfish", "cutf_cvm", "vsoc")


@dataclass(frozen=True)
class DeviceFacts:
    """Facts about a device; what it did not tell is ``None`` and has a reason.

    Attributes:
        serial: Its adb serial.
        abi: Android's name for its instruction set, e.g. ``arm64-v8a``.
        kernel: Release of its kernel.
        max_khz: Highest frequency by CPU.
        governors: Frequency governor by CPU.
        memory_bytes: Main memory.
        simulated: No Android runs there, so services and properties are made up or missing.
        emulated: What emulates its processor, so that its times mean nothing; ``None`` if nothing
            points to that.
        reasons: Why a field is ``None``, by its name.
    """

    serial: str
    model: str | None
    manufacturer: str | None
    fingerprint: str | None
    soc_manufacturer: str | None
    soc_model: str | None
    android_release: str | None
    sdk: int | None
    abi: str | None
    kernel: str | None
    cores: int | None
    max_khz: dict[int, int] | None
    governors: dict[int, str] | None
    memory_bytes: int | None
    simulated: bool
    emulated: str | None
    reasons: dict[str, str] = field(default_factory=dict)


def read_facts(adb: Adb) -> DeviceFacts:
    """Ask the device ``adb`` for its facts.

    Raises:
        LinkLostError: the device does not answer.
    """
    answers = ask(
        adb,
        {
            "properties": "getprop",
            "machine": "uname -m",
            "kernel": "uname -r",
            "processors": "grep -c ^processor /proc/cpuinfo",
            "cpus": per_cpu("cpuinfo_max_freq", "scaling_governor"),
            "memory": "grep MemTotal: /proc/meminfo",
            "android": "ls /system/bin/app_process*",
            "programs": "ls -l /proc/[0-9]*/exe 2>/dev/null",
        },
    )
    reasons: dict[str, str] = {}
    properties = parse_properties(answers["properties"].out)
    told = {
        name: _property(answers["properties"], properties, name, reasons) for name in PROPERTIES
    }
    sdk = told.pop("sdk")
    cpus = cpu_lines(answers["cpus"].out)
    max_khz = {n: int(row[0]) for n, row in cpus.items() if row[0]}
    governors = {n: row[1] for n, row in cpus.items() if row[1]}
    if not max_khz:
        reasons["max_khz"] = "no CPU lets cpuinfo_max_freq be read"
    if not governors:
        reasons["governors"] = "no CPU lets scaling_governor be read"
    return DeviceFacts(
        serial=adb.serial or "",
        **told,
        sdk=int(sdk) if sdk is not None and sdk.isdigit() else None,
        abi=_abi(properties, answers["machine"], reasons),
        kernel=_text(answers["kernel"], "kernel", reasons),
        cores=len(cpus) or _number(answers["processors"], "cores", reasons),
        max_khz=max_khz or None,
        governors=governors or None,
        memory_bytes=_memory(answers["memory"], reasons),
        simulated=answers["android"].code != 0,
        emulated=_emulated(properties, answers["programs"].out),
        reasons=reasons,
    )


def parse_properties(out: str) -> dict[str, str]:
    """The lines ``[name]: [value]`` of ``getprop``, without empty values."""
    return {k: v for k, v in re.findall(r"^\[([^\]]+)\]: \[(.*)\]$", out, re.MULTILINE) if v}


def _property(
    answer: Reply, properties: dict[str, str], name: str, reasons: dict[str, str]
) -> str | None:
    value = properties.get(PROPERTIES[name])
    if value is None:
        reasons[name] = (
            f"the property {PROPERTIES[name]} is not set"
            if properties
            else f"getprop: {answer.out.strip() or f'exit code {answer.code}'}"
        )
    return value


def _abi(properties: dict[str, str], machine: Reply, reasons: dict[str, str]) -> str | None:
    told = properties.get("ro.product.cpu.abi")
    if told:
        return told
    name = _text(machine, "abi", reasons)
    return MACHINES.get(name, name) if name else None


def _text(answer: Reply, name: str, reasons: dict[str, str]) -> str | None:
    text = answer.out.strip()
    if answer.code == 0 and text:
        return text
    reasons[name] = text or f"exit code {answer.code}"
    return None


def _number(answer: Reply, name: str, reasons: dict[str, str]) -> int | None:
    text = _text(answer, name, reasons)
    return int(text) if text and text.isdigit() and int(text) > 0 else None


def _memory(answer: Reply, reasons: dict[str, str]) -> int | None:
    found = re.search(r"MemTotal:\s+(\d+) kB", answer.out)
    if found is None:
        reasons["memory_bytes"] = answer.out.strip() or "/proc/meminfo does not tell"
        return None
    return int(found.group(1)) * 1024


def _emulated(properties: dict[str, str], programs: str) -> str | None:
    """A process sees its own program, not the emulator; so the links of the others are read."""
    found = re.search(r"-> \S*/(qemu-[^/\s]+)", programs)
    if found:
        return found.group(1)
    hardware = properties.get("ro.hardware", "")
    flagged = "1" in (properties.get("ro.kernel.qemu"), properties.get("ro.boot.qemu"))
    if flagged or hardware in VIRTUAL_HARDWARE:
        return f"virtual device {hardware}".strip()
    return None
