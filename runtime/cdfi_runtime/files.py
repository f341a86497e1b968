"""Reading and writing files so that an interruption or a bad file loses nothing."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cdfi_runtime.errors import InputError, OutputError


def sha256_file(path: Path) -> str:
    """Hex SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sha256_artifact(path: Path) -> str:
    """Hex SHA-256 of an artifact: a file's bytes, or a folder's file names and their bytes."""
    if not path.is_dir():
        return sha256_file(path)
    digest = hashlib.sha256()
    for file in _files_in(path):
        digest.update(f"{file.relative_to(path).as_posix()}\0{sha256_file(file)}\n".encode())
    return digest.hexdigest()


def artifact_bytes(path: Path) -> int:
    """Length of a file, or of all files in a folder."""
    return sum(file.stat().st_size for file in _files_in(path))


def _files_in(path: Path) -> list[Path]:
    return sorted(each for each in path.rglob("*") if each.is_file()) if path.is_dir() else [path]


def require_artifact(path: Path, what: str) -> Path:
    """``path`` if it is a readable file or folder with at least one byte.

    Raises:
        InputError: missing, empty, or not readable; ``what`` names it in the message.
    """
    if not path.is_dir():
        return require_file(path, what)
    if artifact_bytes(path) == 0:
        raise InputError(
            f"{what} is empty",
            expected="at least one byte",
            got=f"the folder {path} without any",
            fix="copy or download it again",
        )
    return path


def require_file(path: Path, what: str) -> Path:
    """``path`` if it is a readable file with at least one byte.

    Raises:
        InputError: missing, a folder, empty, or not readable; ``what`` names it in the message.
    """
    if not path.exists():
        raise InputError(f"{what} not found", expected="an existing file", got=str(path))
    if not path.is_file():
        raise InputError(f"{what} is not a file", expected="a file", got=str(path))
    if not os.access(path, os.R_OK):
        raise InputError(f"{what} may not be read", got=str(path), fix="check its permissions")
    if path.stat().st_size == 0:
        raise InputError(
            f"{what} is empty",
            expected="at least one byte",
            got=f"{path} with 0 bytes",
            fix="copy or download it again",
        )
    return path


def ensure_folder(folder: Path) -> Path:
    """Make ``folder`` if needed and check that files can be written there.

    Raises:
        OutputError: it cannot be made or written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise OutputError(
            "the output folder cannot be written to",
            expected="a folder with write permission",
            got=f"{folder}: {error.strerror or error}",
            fix="choose another --out folder or change its permissions",
        ) from error
    return folder


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """A temporary path in the same folder that becomes ``path`` when the block succeeds.

    The temporary name keeps the suffix, since writers choose the format by it. If the block
    raises (an interruption included), the temporary file is removed and ``path`` is untouched.

    Raises:
        OutputError: the disk is full or the folder cannot be written to.
    """
    temporary = path.with_name(f".{path.stem}.{os.getpid()}.part{path.suffix}")
    try:
        yield temporary
        temporary.replace(path)
    except OSError as error:
        raise OutputError(
            f"cannot write {path.name}",
            expected="a writable folder with free space",
            got=f"{path}: {error.strerror or error}",
            fix="free some space or choose another output folder",
        ) from error
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 ``text`` to ``path`` by way of a temporary name."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
