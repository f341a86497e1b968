"""Stored files of an APK on pages of 16 KB; Debian's zipalign is older than such pages.

The padding is the extra field that Android's own tools write; apksigner reads the alignment from it
and keeps it.
"""

from __future__ import annotations

import struct
import zipfile
from pathlib import Path

_ALIGNMENT_FIELD = 0xD935
_LOCAL = struct.Struct("<26xHH")  # a local header's lengths of name and extra field
_FIELD = struct.Struct("<HHH")  # number, length of what follows, alignment


def align(source: Path, target: Path, page: int, word: int = 4) -> None:
    """Copy an archive, with what is stored in it at multiples of its alignment.

    Args:
        source: An archive whose files have no extra fields.
        target: Where the copy goes.
        page: Alignment of native libraries in bytes, below 64 KiB.
        word: Alignment of other files in bytes.
    """
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for old_entry in old.infolist():
            entry = zipfile.ZipInfo(old_entry.filename, old_entry.date_time)
            entry.compress_type = old_entry.compress_type
            entry.external_attr = old_entry.external_attr
            if entry.compress_type == zipfile.ZIP_STORED:
                multiple = page if entry.filename.endswith(".so") else word
                start = new.start_dir + _LOCAL.size + len(entry.filename.encode()) + _FIELD.size
                padding = -start % multiple
                field = _FIELD.pack(_ALIGNMENT_FIELD, 2 + padding, multiple)
                entry.extra = field + bytes(padding)
            new.writestr(entry, old.read(old_entry))


def misaligned(archive: Path, page: int) -> list[str]:
    """Stored native libraries that start at no multiple of ``page``, and where."""
    wrong = []
    with zipfile.ZipFile(archive) as opened, archive.open("rb") as raw:
        for entry in opened.infolist():
            if not entry.filename.endswith(".so") or entry.compress_type != zipfile.ZIP_STORED:
                continue
            raw.seek(entry.header_offset)
            start = entry.header_offset + _LOCAL.size + sum(_LOCAL.unpack(raw.read(_LOCAL.size)))
            if start % page:
                wrong.append(f"{entry.filename} at {start:#x}")
    return wrong
