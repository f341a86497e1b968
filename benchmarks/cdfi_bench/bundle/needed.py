"""The shared libraries that a program needs on a system that may have none of them."""

from __future__ import annotations

import shutil
from pathlib import Path

from cdfi_runtime.errors import InputError

from cdfi_bench.bundle.abi import Abi
from cdfi_bench.bundle.compiled import gnu_compiler
from cdfi_bench.bundle.elf import read_elf
from cdfi_bench.bundle.tools import run_tool


def copy_needed(folder: Path, abi: Abi) -> None:
    """Copy all that the files in ``folder`` ask the loader for, and what that asks for in turn.

    They come from where the compiler would link them from, so that a cross compiler gives those of
    the other machine. The loader itself is one of them.

    Raises:
        InputError: a library cannot be found.
    """
    compiler = gnu_compiler(abi)
    waiting = [name for path in folder.iterdir() for name in read_elf(path).needed]
    waiting.append(abi.loader)
    while waiting:
        name = waiting.pop()
        if (folder / name).exists():
            continue
        shutil.copyfile(_find(name, compiler, abi), folder / name)
        waiting += read_elf(folder / name).needed


def _find(name: str, compiler: str, abi: Abi) -> Path:
    # An absolute path if the compiler finds it, else the name alone.
    found = Path(run_tool([compiler, f"-print-file-name={name}"], f"looking for {name}").strip())
    if not found.is_absolute() or not found.is_file():
        raise InputError(
            f"the library {name} is not installed for {abi.name}",
            expected=f"a file that {Path(compiler).name} finds",
            fix=f"apt-get install {'g++' if abi.is_host else abi.package}",
        )
    return found
