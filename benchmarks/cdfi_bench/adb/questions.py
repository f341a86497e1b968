"""Several questions to a device in one call, each with its own answer and exit code."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping

from cdfi_bench.adb.client import Adb, Reply

CPUS = "/sys/devices/system/cpu"


def ask(adb: Adb, commands: Mapping[str, str]) -> dict[str, Reply]:
    """Run each command of ``commands``; the answers by their names, both outputs in ``out``.

    Raises:
        LinkLostError: the device does not answer.
    """
    word = uuid.uuid4().hex
    script = "".join(
        f"(\n{each}\n) 2>&1\ncode=$?; echo; echo {word} $code\n" for each in commands.values()
    )
    parts = re.split(rf"\n?{word} (\d+)\n", adb.shell(script).out)
    answers = zip(parts[0::2], parts[1::2], strict=False)
    return {
        name: Reply(int(code), out, "") for name, (out, code) in zip(commands, answers, strict=True)
    }


def per_cpu(*files: str) -> str:
    """A command that prints a line per CPU: its number, and the first word of each file below
    its ``cpufreq`` folder, ``-`` where that cannot be read."""
    words = " ".join(f"$(cat $cpu/cpufreq/{each} 2>/dev/null || echo -)" for each in files)
    return (
        f"for cpu in {CPUS}/cpu[0-9]*; do [ -d $cpu ] || continue; "
        f"echo ${{cpu##*/cpu}} {words}; done"
    )


def cpu_lines(out: str) -> dict[int, list[str | None]]:
    """What ``per_cpu`` printed, by CPU number; ``None`` for what could not be read."""
    rows = [line.split() for line in out.splitlines() if line[:1].isdigit()]
    return {
        int(number): [None if each == "-" else each for each in words]
        for number, *words in sorted(rows, key=lambda row: int(row[0]))
    }
