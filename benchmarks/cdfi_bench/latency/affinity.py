"""Cores as they are written on command lines."""

from __future__ import annotations

from cdfi_runtime.errors import InputError


def parse_cores(text: str) -> tuple[int, ...]:
    """``"0,4-7"`` as ``(0, 4, 5, 6, 7)``: sorted, each once.

    Raises:
        InputError: anything else than numbers and ranges with commas between them.
    """
    cores: set[int] = set()
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        if (
            not first.isdigit()
            or (dash and not last.isdigit())
            or (dash and int(last) < int(first))
        ):
            raise InputError("these are no cores", expected="numbers and ranges: 0,4-7", got=text)
        cores.update(range(int(first), int(last or first) + 1))
    return tuple(sorted(cores))
