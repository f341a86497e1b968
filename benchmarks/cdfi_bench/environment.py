"""Where a report was made: the project's commit, tool versions and the machine."""

from __future__ import annotations

import os
import platform
import subprocess
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from cdfi_bench.report import DeviceInfo, RunInfo

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
    cpu, memory = _cpu_model(), _memory_bytes()
    unmeasured = {}
    if cpu is None:
        unmeasured["cpu"] = "the system does not tell it"
    if memory is None:
        unmeasured["memory_bytes"] = "the system does not tell it"
    return DeviceInfo(
        cpu=cpu,
        architecture=platform.machine(),
        os=f"{platform.system()} {platform.release()}",
        cores=usable_cores(),
        memory_bytes=memory,
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
