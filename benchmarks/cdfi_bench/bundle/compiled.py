"""The runner and the native operators, compiled by CMake."""

from __future__ import annotations

import os
from pathlib import Path

from cdfi_runtime.errors import InputError

from cdfi_bench.bundle.abi import Abi
from cdfi_bench.bundle.folder import OPERATORS, RUNNER
from cdfi_bench.bundle.sources import Sources
from cdfi_bench.bundle.tools import require_tool, run_tool

# The first Android that ONNX Runtime's AAR supports.
ANDROID_PLATFORM = "android-24"
_NDK_TOOLCHAIN = Path("build", "cmake", "android.toolchain.cmake")


def gnu_compiler(abi: Abi) -> str:
    """The path of the compiler for glibc systems.

    Raises:
        InputError: it is not installed.
    """
    return require_tool(abi.compiler, "g++" if abi.is_host else abi.package)


def ndk_toolchain(ndk: Path) -> Path:
    """CMake's toolchain file of an Android NDK.

    Raises:
        InputError: ``ndk`` is no NDK.
    """
    if not (ndk / _NDK_TOOLCHAIN).is_file():
        raise InputError(
            "this is no Android NDK",
            expected=f"a folder with {_NDK_TOOLCHAIN.as_posix()}",
            got=str(ndk),
            fix="name the NDK's own folder, e.g. --ndk $ANDROID_HOME/ndk/27.0.12077973",
        )
    return (ndk / _NDK_TOOLCHAIN).resolve()


def compile_glibc(sources: Sources, abi: Abi, folder: Path) -> tuple[Path, Path]:
    """The runner and the operators' library for a glibc system, made in ``folder``.

    Raises:
        InputError: a tool is missing or the sources do not compile.
    """
    flags = [f"-DCMAKE_CXX_COMPILER={gnu_compiler(abi)}"]
    if not abi.is_host:
        flags += ["-DCMAKE_SYSTEM_NAME=Linux", f"-DCMAKE_SYSTEM_PROCESSOR={abi.machine}"]
    return _compile(sources, flags, folder)


def compile_bionic(sources: Sources, abi: Abi, ndk: Path, folder: Path) -> tuple[Path, Path]:
    """The same for Android, by its NDK. UNVERIFIED: no NDK has compiled it yet.

    Raises:
        InputError: a tool is missing, there is no NDK, or the sources do not compile.
    """
    flags = [
        f"-DCMAKE_TOOLCHAIN_FILE={ndk_toolchain(ndk)}",
        f"-DANDROID_ABI={abi.name}",
        f"-DANDROID_PLATFORM={ANDROID_PLATFORM}",
        "-DANDROID_STL=c++_static",
    ]
    return _compile(sources, flags, folder)


def _compile(sources: Sources, flags: list[str], folder: Path) -> tuple[Path, Path]:
    cmake = require_tool("cmake", "cmake")
    require_tool("make", "make")
    common = ["-G", "Unix Makefiles", "-DCMAKE_BUILD_TYPE=Release", "-DCDFI_STRICT=OFF"]
    run_tool(
        [cmake, "-S", sources.project.resolve(), "-B", folder, *common, *flags],
        "configuring the runner's build",
    )
    jobs = str(os.cpu_count() or 1)
    run_tool(
        [cmake, "--build", folder, "-j", jobs, "--target", RUNNER, "cdfi_native"],
        "compiling the runner",
    )
    return folder / RUNNER, folder / OPERATORS
