"""Running compilers and other programs; what they say becomes one clear error."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from cdfi_runtime.errors import InputError


def require_tool(name: str, package: str) -> str:
    """The path of a program.

    Raises:
        InputError: it is not installed; names Debian's package.
    """
    found = shutil.which(name)
    if found is None:
        raise InputError(
            f"the program '{name}' is not installed",
            expected="a machine that can build the runner",
            fix=f"apt-get install {package}, or what brings it on your system",
        )
    return found


def run_tool(
    command: Sequence[str | Path], doing: str, fix: str | None = None, cwd: Path | None = None
) -> str:
    """Standard output of a command that must succeed.

    Raises:
        InputError: it failed; quotes the lines of its output that tell why.
    """
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=cwd)
    if done.returncode:
        raise InputError(
            f"{doing} failed",
            expected=f"{Path(command[0]).name} to end with 0",
            got=f"{done.returncode}: {_reason(done.stdout + done.stderr)}",
            fix=fix,
        )
    return done.stdout


def _reason(output: str) -> str:
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    told = [line for line in lines if "error" in line.lower()]
    return "\n    ".join((told or lines[-5:])[:5]) or "it said nothing"
