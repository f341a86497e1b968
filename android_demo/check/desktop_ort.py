"""ONNX Runtime's Java API on this machine: Android's x86_64 JNI library, made loadable by glibc.

    python desktop_ort.py AAR_FOLDER OUT

The AAR has no JNI library for desktops, and the one for x86_64 Android differs from such a one in
three things only: the versions of the symbols it needs (bionic's), the names of the C libraries,
and NNAPI's entry, which no desktop library exports. It calls nothing of libc but memory and string
functions, which are the same in both. OUT gets that library, changed in these three, and a link to
the libonnxruntime of the installed Python package, newer than the AAR's or as old. A JVM then runs
the real thing, with OUT as ``onnxruntime.native.path`` and in ``LD_LIBRARY_PATH``. For tests only.
"""

from __future__ import annotations

import struct
import sys
from pathlib import Path

JNI = "libonnxruntime4j_jni.so"
LIBRARY = "libonnxruntime.so"
ABSENT = b"OrtSessionOptionsAppendExecutionProvider_Nnapi"
_HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
_SEGMENT = struct.Struct("<IIQQQQQQ")
_ENTRY = struct.Struct("<qQ")
_SYMBOL = struct.Struct("<IBBHQQ")
_DYNAMIC = 2
_NULL, _NEEDED, _STRTAB, _SYMTAB, _IGNORED = 0, 1, 5, 6, 21  # the last is DT_DEBUG
_VERSIONS = (0x6FFFFFF0, 0x6FFFFFFE, 0x6FFFFFFF)
_WEAK = 2


def for_glibc(library: bytes) -> bytes:
    """The 64-bit ELF ``library`` without bionic's versions and names; NNAPI's entry is weak.

    Raises:
        ValueError: it is no such file, or has no NNAPI entry.
    """
    data = bytearray(library)
    if data[:6] != b"\x7fELF\x02\x01":
        raise ValueError("expected a little-endian 64-bit ELF library")
    segments = _segments(data)
    (start, _) = next((offset, address) for kind, offset, address, _ in segments if kind == 2)

    def place(address: int) -> int:
        for kind, offset, base, size in segments:
            if kind == 1 and base <= address < base + size:
                return offset + address - base
        raise ValueError(f"address {address:#x} lies in no segment")

    entries = []
    for at in range(start, len(data), _ENTRY.size):
        tag, value = _ENTRY.unpack_from(data, at)
        if tag == _NULL:
            break
        entries.append((at, tag, value))
    strings = place(next(value for _, tag, value in entries if tag == _STRTAB))
    symbols = place(next(value for _, tag, value in entries if tag == _SYMTAB))
    for at, tag, value in entries:
        name = _text(data, strings + value) if tag == _NEEDED else b""
        if tag in _VERSIONS or name in {b"libc.so", b"libm.so", b"libdl.so"}:
            _ENTRY.pack_into(data, at, _IGNORED, 0)
    for at in range(symbols, strings, _SYMBOL.size):
        name, info, *rest = _SYMBOL.unpack_from(data, at)
        if _text(data, strings + name) == ABSENT:
            _SYMBOL.pack_into(data, at, name, _WEAK << 4 | info & 15, *rest)
            return bytes(data)
    raise ValueError(f"expected a library that needs {ABSENT.decode()}")


def _segments(data: bytearray) -> list[tuple[int, int, int, int]]:
    """Type, offset, address and size of each segment."""
    header = _HEADER.unpack_from(data, 0)
    table, size, count = header[5], header[9], header[10]
    found = []
    for index in range(count):
        kind, _, offset, address, _, length, _, _ = _SEGMENT.unpack_from(data, table + index * size)
        found.append((kind, offset, address, length))
    return found


def _text(data: bytearray, at: int) -> bytes:
    return bytes(data[at : data.index(0, at)])


def main(aar: Path, out: Path) -> None:
    """Fill ``out``; see the module."""
    import onnxruntime

    out.mkdir(parents=True, exist_ok=True)
    (out / JNI).write_bytes(for_glibc((aar / "jni" / "x86_64" / JNI).read_bytes()))
    capi = Path(onnxruntime.__file__).parent / "capi"
    link = out / LIBRARY
    link.unlink(missing_ok=True)
    link.symlink_to(next(capi.glob("libonnxruntime.so*")))


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(Path(sys.argv[1]), Path(sys.argv[2]))
