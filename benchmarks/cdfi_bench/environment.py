"""Where a report was made: the project's commit, tool versions and the machine."""

from __future__ import annotations

import os
import platform
import subprocess
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from cdfi_bench.report import RunInfo
from cdfi_bench.report_device import DeviceInfo

_TOOLS = ("cdfi-mobile", "numpy", "onnx", "onnxruntime", "scikit-image", "torch")


def run_info() -> RunInfo:
    """Commit and tool versions of this run, started now."""
    unmeasured = {}
    commit, dirty = _commit(Path(__file__).resolve())
    if commit is None:
        reason = "the code does not run from a git checkout of this project with a commit"
        unmeasured = {"commit": reason, "dirty": reason}
    return RunInfo(
        started=datetime.now(UTC).isoformat(timespec="seconds"),
        commit=commit,
        dirty=dirty,
        tools=_versions(),
        unmeasured=unmeasured,
    )


def device_info() -> DeviceInfo:
    """The machine this process runs on."""
    read: dict[str, Any] = {
        "cpu": _cpu_model(),
        "memory_bytes": _memory_bytes(),
        "max_frequency_khz": _max_frequencies(),
        "governor": _governor(),
    }
    unmeasured = {name: "the system does not tell it" for name, value in read.items() if not value}
    unmeasured |= dict.fromkeys(("serial", "model", "soc"), "not asked of this machine")
    unmeasured |= dict.fromkeys(("abi", "build", "sdk"), "no Android")
    return DeviceInfo(
        kind="local",
        name="local",
        serial=None,
        model=None,
        soc=None,
        architecture=platform.machine(),
        abi=None,
        os=f"{platform.system()} {platform.release()}",
        build=None,
        sdk=None,
        cores=usable_cores(),
        emulated=False,
        simulated=False,
        **{name: value or None for name, value in read.items()},
        unmeasured=unmeasured,
    )


def usable_cores() -> int:
    """Logical cores this process may use: its affinity where the system has one."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _commit(source: Path) -> tuple[str | None, bool | None]:
    # A wheel may be installed inside somebody else's checkout: only a tracked file counts.
    try:
        _git(source.parent, "ls-files", "--error-unmatch", source.name)
        commit = _git(source.parent, "rev-parse", "HEAD")
        status = _git(source.parent, "status", "--porcelain")
    except (OSError, subprocess.SubprocessError):
        return None, None
    return commit, bool(status)


def _git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(folder), *arguments],
        check=True,
        capture_output=True,
        text=True,
        timeout=10,
    )
    return done.stdout.strip()


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for name in _TOOLS:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _cpu_model() -> str | None:
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text(encoding="utf-8", errors="replace").splitlines():
            key, _, value = line.partition(":")
            if key.strip() in ("model name", "Hardware"):
                return value.strip()
    return platform.processor() or None


def _memory_bytes() -> int | None:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        return None


def _max_frequencies() -> tuple[int, ...] | None:
    found = [_read(cpu / "cpufreq/cpuinfo_max_freq") for cpu in _cpus()]
    return tuple(int(each) for each in found if each.isdigit()) or None


def _governor() -> str | None:
    found = {_read(cpu / "cpufreq/scaling_governor") for cpu in _cpus()} - {""}
    return ", ".join(sorted(found)) or None


def _cpus() -> list[Path]:
    folders = Path("/sys/devices/system/cpu").glob("cpu[0-9]*")
    return sorted(folders, key=lambda each: int(each.name.removeprefix("cpu")))


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""
