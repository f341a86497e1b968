"""The processors that a bundle can be built for, by their Android names."""

from __future__ import annotations

import platform
import sys
from dataclasses import dataclass

from cdfi_runtime.errors import UnknownNameError


@dataclass(frozen=True)
class Abi:
    """One kind of processor.

    Attributes:
        name: As Android calls it (``ro.product.cpu.abi``).
        machine: As ``uname -m`` says it.
        elf_machine: ``e_machine`` of its ELF files.
        loader: File name of glibc's dynamic loader.
        wheel_platforms: Tags under which PyPI may have ONNX Runtime's wheel, newest first.
        package: Debian's package with the cross compiler.
    """

    name: str
    machine: str
    elf_machine: int
    loader: str
    wheel_platforms: tuple[str, ...]
    package: str

    @property
    def is_host(self) -> bool:
        """Whether this machine runs such programs itself."""
        here = {"AMD64": "x86_64", "arm64": "aarch64"}.get(platform.machine(), platform.machine())
        return sys.platform == "linux" and here == self.machine

    @property
    def compiler(self) -> str:
        """Debian's name of the compiler for it on this machine."""
        return "g++" if self.is_host else f"{self.machine}-linux-gnu-g++"


def _abi(name: str, machine: str, elf_machine: int, loader: str, package: str) -> Abi:
    tags = tuple(f"{tag}_{machine}" for tag in ("manylinux_2_28", "manylinux_2_27"))
    return Abi(name, machine, elf_machine, loader, tags, package)


ABIS = {
    abi.name: abi
    for abi in (
        _abi("arm64-v8a", "aarch64", 183, "ld-linux-aarch64.so.1", "g++-aarch64-linux-gnu"),
        _abi("x86_64", "x86_64", 62, "ld-linux-x86-64.so.2", "g++-x86-64-linux-gnu"),
    )
}


def find_abi(name: str) -> Abi:
    """The ABI called ``name``.

    Raises:
        UnknownNameError: no such one; the message lists those there are.
    """
    if name not in ABIS:
        raise UnknownNameError("ABI", name, ABIS)
    return ABIS[name]
