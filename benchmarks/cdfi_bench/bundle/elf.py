"""The few facts of an ELF file that a bundle depends on."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

from cdfi_runtime.errors import ArtifactError

_LOAD, _DYNAMIC = 1, 2  # p_type
_NEEDED, _STRINGS = 1, 5  # d_tag


@dataclass(frozen=True)
class Elf:
    """A 64-bit little-endian program or shared library.

    Attributes:
        machine: ``e_machine``, e.g. 183 for aarch64.
        needed: File names of the libraries that it asks the loader for, in order.
    """

    machine: int
    needed: tuple[str, ...]


def read_elf(path: Path) -> Elf:
    """Read the facts of ``path``.

    Raises:
        ArtifactError: no whole 64-bit little-endian ELF file.
    """
    data = path.read_bytes()
    try:
        if data[:6] != b"\x7fELF\x02\x01":
            raise ValueError(f"a file that begins with {data[:6]!r}")
        return Elf(struct.unpack_from("<H", data, 18)[0], tuple(_needed(data)))
    except (struct.error, ValueError, UnicodeDecodeError) as error:
        raise ArtifactError(
            f"{path.name} is no program or library for such a device",
            expected="a whole 64-bit little-endian ELF file",
            got=str(error),
        ) from error


def _needed(data: bytes) -> list[str]:
    segments = _segments(data)
    dynamic = [(offset, size) for kind, offset, _, size in segments if kind == _DYNAMIC]
    if not dynamic:
        return []
    offset, size = dynamic[0]
    entries = [struct.unpack_from("<qQ", data, at) for at in range(offset, offset + size, 16)]
    strings = _offset(segments, next(value for tag, value in entries if tag == _STRINGS))
    return [_string(data, strings + value) for tag, value in entries if tag == _NEEDED]


def _segments(data: bytes) -> list[tuple[int, int, int, int]]:
    """(p_type, p_offset, p_vaddr, p_filesz) of each program header."""
    (start,) = struct.unpack_from("<Q", data, 32)
    size, count = struct.unpack_from("<HH", data, 54)
    headers = (struct.unpack_from("<IIQQQQ", data, start + size * n) for n in range(count))
    return [(kind, offset, address, length) for kind, _, offset, address, _, length in headers]


def _offset(segments: list[tuple[int, int, int, int]], wanted: int) -> int:
    for kind, offset, address, size in segments:
        if kind == _LOAD and address <= wanted < address + size:
            return offset + wanted - address
    raise ValueError("names that lie outside the file")


def _string(data: bytes, start: int) -> str:
    return data[start : data.index(b"\0", start)].decode("ascii")
