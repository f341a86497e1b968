"""Lets this machine start programs built for arm64 (binfmt_misc with qemu-user-static)."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

EMULATORS = ("qemu-aarch64-static", "qemu-aarch64")  # Debian 13's second is static too
FORMATS = Path("/proc/sys/fs/binfmt_misc")
ELF_FOR_ARM64 = rb"\x7fELF\x02\x01\x01\x00" + rb"\x00" * 8 + rb"\x02\x00\xb7\x00"
MASK = rb"\xff" * 7 + rb"\x00" + rb"\xff" * 8 + rb"\xfe\xff\xff\xff"


def require_arm64(lacking: Callable[[str], NoReturn]) -> None:
    """Register qemu for arm64 unless that is done; needs root."""
    emulator = next(filter(_is_static, map(shutil.which, EMULATORS)), None)
    if emulator is None:
        lacking("no static qemu for arm64 (package qemu-user-static) for the arm64 test device")
    if not (FORMATS / "register").exists():
        mount = ["mount", "-t", "binfmt_misc", "binfmt_misc", str(FORMATS)]
        if subprocess.run(mount, capture_output=True).returncode:
            lacking("binfmt_misc cannot be mounted for the arm64 test device")
    entry = FORMATS / "qemu-aarch64"
    if not entry.exists():
        # F: the emulator is opened now, so the device's own root need not hold it.
        rule = b":qemu-aarch64:M::" + ELF_FOR_ARM64 + b":" + MASK + b":" + emulator.encode() + b":F"
        try:
            (FORMATS / "register").write_bytes(rule)
        except OSError as error:
            if not entry.exists():  # another process may have been faster
                lacking(f"binfmt_misc takes no rule for arm64: {error}")
    if "F" not in _flags(entry):
        lacking(f"{entry} lacks the flag F, so an unpacked root cannot use it")


def _is_static(program: str | None) -> bool:
    """Whether it runs where its libraries are not; a dynamic one names its loader at its start."""
    return program is not None and b"ld-linux" not in Path(program).read_bytes()[:4096]


def _flags(entry: Path) -> str:
    lines = entry.read_text().splitlines()
    return next((each.partition(": ")[2] for each in lines if each.startswith("flags")), "")
