"""Where the runner's C++ sources are: a wheel does not have them."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from cdfi_runtime.errors import InputError
from cdfi_runtime.files import sha256_file

VARIABLE = "CDFI_SOURCES"
_FOLDERS = ("runtime/runner", "runtime/native")
_SUFFIXES = (".cpp", ".h", ".txt", ".cmake")


@dataclass(frozen=True)
class Sources:
    """A checkout's C++ sources.

    Attributes:
        root: The checkout.
    """

    root: Path

    @property
    def project(self) -> Path:
        """The folder for CMake."""
        return self.root / "runtime" / "runner"

    def sha256(self) -> str:
        """Hex SHA-256 of the names and bytes of all sources."""
        digest = hashlib.sha256()
        for folder in _FOLDERS:
            for file in sorted((self.root / folder).iterdir()):
                if file.suffix in _SUFFIXES:
                    name = file.relative_to(self.root).as_posix()
                    digest.update(f"{name}\0{sha256_file(file)}\n".encode())
        return digest.hexdigest()


def find_sources(named: Path | None = None) -> Sources:
    """The sources in ``named``, in ``CDFI_SOURCES``, or around this file.

    Raises:
        InputError: there are none.
    """
    variable = os.environ.get(VARIABLE)
    here = Path(__file__).resolve().parents[3]
    root = named or (Path(variable) if variable else here)
    if any(not (root / folder / "CMakeLists.txt").is_file() for folder in _FOLDERS):
        raise InputError(
            "the runner's C++ sources are not there",
            expected=f"a checkout with {' and '.join(_FOLDERS)}",
            got=str(root),
            fix=f"name a checkout of this project by --sources or {VARIABLE}",
        )
    return Sources(root)
