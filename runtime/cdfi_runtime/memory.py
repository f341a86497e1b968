"""Resident memory of the calling process."""

from __future__ import annotations

import contextlib
import ctypes
import re
import sys
from pathlib import Path

from cdfi_runtime.errors import InputError

_STATUS = Path("/proc/self/status")
_CLEAR_REFS = Path("/proc/self/clear_refs")
_RESTART_PEAK = "5"  # as proc(5) numbers it
_UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "KI": 2**10, "MI": 2**20, "GI": 2**30}


_forgotten = 0  # the highest peak before a restart


def peak_bytes() -> int | None:
    """The most memory this process ever held, in bytes; ``None`` where it cannot be told.

    On Linux this reads ``VmHWM``, which starts anew with the program; ``ru_maxrss`` would hand
    down the peak of the process that started this one.
    """
    peak = recent_peak_bytes()
    return None if peak is None else max(peak, _forgotten)


def recent_peak_bytes() -> int | None:
    """The same since the last :func:`restart_peak`, or ever where that does nothing."""
    peak = _high_water()
    if peak is not None:
        return peak
    try:
        import resource
    except ImportError:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def restart_peak() -> None:
    """Let :func:`recent_peak_bytes` start from the memory held now, where the system can (Linux).

    Without that a smaller run after a larger one leaves no trace.
    """
    global _forgotten
    peak = _high_water()
    if peak is None:
        return
    with contextlib.suppress(OSError):
        _CLEAR_REFS.write_text(_RESTART_PEAK, encoding="ascii")
        _forgotten = max(_forgotten, peak)


def release_free_memory() -> None:
    """Give the system back what the C library keeps of freed memory, where it can (glibc).

    Reading two frames of 4K leaves 150 MB of it, in which small runs leave no trace.
    """
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).malloc_trim(0)


def parse_bytes(text: str) -> int:
    """``"1500M"``, ``"2G"``, ``"1.5GB"`` (powers of 1000) or ``"2GiB"`` (of 1024) as bytes.

    Raises:
        InputError: anything else, or nothing.
    """
    found = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?) ?([KMG]I?)?B?", text.strip().upper())
    amount = int(float(found[1]) * _UNITS[found[2] or ""]) if found else 0
    if amount < 1:
        raise InputError(
            "no amount of memory", expected="a number of bytes such as 1500M, 2G or 2GiB", got=text
        )
    return amount


def show_bytes(amount: int) -> str:
    """An amount as :func:`parse_bytes` takes it, rounded up to whole megabytes."""
    return f"{-(-amount // 10**6)}M"


def _high_water() -> int | None:
    if not _STATUS.is_file():
        return None
    for line in _STATUS.read_text(encoding="ascii", errors="replace").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return None
