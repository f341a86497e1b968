"""The project that is checked, its folders, and results kept by the hash of what they come from."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from tools import Tools

MODULES = ("core", "runtime-ort", "app")
ABIS = ("arm64-v8a", "x86_64")


@dataclass(frozen=True)
class Project:
    """Where everything is.

    Attributes:
        root: The folder ``android_demo``, or a copy of it.
        build: For results.
        tools: What compiles and links.
    """

    root: Path
    build: Path
    tools: Tools

    def sources(self, module: str, kind: str = "main") -> list[Path]:
        """Kotlin files of a module, sorted."""
        return sorted((self.root / module / "src" / kind / "kotlin").rglob("*.kt"))

    def cached(self, name: str, inputs: Iterable[Path], make: Callable[[Path], None]) -> Path:
        """A folder that ``make`` fills, made anew only if the bytes or names of ``inputs`` change.

        Args:
            name: What it holds.
            inputs: Files and folders.
            make: Given an empty folder.
        """
        digest = hashlib.sha256(name.encode())
        for path in inputs:
            for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
                if file.is_file():
                    relative = file.relative_to(path) if path.is_dir() else Path(path.name)
                    digest.update(f"{relative}\0".encode() + file.read_bytes() + b"\0")
        for own in sorted(Path(__file__).parent.rglob("*.py")):
            digest.update(own.read_bytes())
        folder = self.build / "cache" / f"{name}-{digest.hexdigest()[:16]}"
        if not folder.is_dir():
            fresh = folder.with_name(f".{folder.name}.{os.getpid()}.part")
            shutil.rmtree(fresh, ignore_errors=True)
            fresh.mkdir(parents=True)
            make(fresh)
            try:
                fresh.rename(folder)
            except OSError:
                if not folder.is_dir():
                    raise
                shutil.rmtree(fresh)  # another check was quicker with the same
        return folder
