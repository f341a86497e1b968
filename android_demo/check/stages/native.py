"""The native warp for both ABIs, and all native libraries checked: architecture and page alignment.

Compiled by Debian's compilers against glibc: a check of the code and of the link options, not what
an app could ship. Android's own come from the NDK.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from project import ABIS, Project
from stage import Failed, Stage, run

PAGE = 16 * 1024
COMPILERS = {"arm64-v8a": "aarch64-linux-gnu-g++", "x86_64": "g++"}
MACHINES = {"arm64-v8a": "AArch64", "x86_64": "X86-64"}
PROCESSORS = {"arm64-v8a": "aarch64", "x86_64": "x86_64"}
REPOSITORY = Path(__file__).parents[3]


def libraries(project: Project) -> Path:
    """A folder with one folder for each ABI, as an APK's ``lib``: the warp's and ONNX Runtime's."""
    source = project.root / "runtime-ort" / "src" / "main" / "cpp"
    kernels = REPOSITORY / "runtime" / "native"

    def make(out: Path) -> None:
        for abi in ABIS:
            build = out / "build" / abi
            command = ["cmake", "-S", source, "-B", build, f"-DCDFI_NATIVE_DIR={kernels}"]
            command += ["-DCMAKE_SYSTEM_NAME=Linux", f"-DCMAKE_CXX_COMPILER={COMPILERS[abi]}"]
            command += [f"-DCMAKE_SYSTEM_PROCESSOR={PROCESSORS[abi]}"]
            command += [f"-DCMAKE_SHARED_LINKER_FLAGS=-Wl,-z,max-page-size={PAGE}", *_jni()]
            run(command, f"configuring the native warp for {abi}")
            run(["cmake", "--build", build, "-j2"], f"compiling the native warp for {abi}")
            folder = out / "lib" / abi
            folder.mkdir(parents=True)
            for file in build.rglob("*.so"):
                (folder / file.name).write_bytes(file.read_bytes())

    made = project.cached("native", [source, kernels], make)
    return made / "lib"


def _jni() -> list[str]:
    """JNI's headers, which no cross compiler finds; its libraries are not linked."""
    include = Path(shutil.which("javac") or "").resolve().parents[1] / "include"
    found = {"JAVA_INCLUDE_PATH": include, "JAVA_INCLUDE_PATH2": include / "linux"}
    unused = ("JAVA_AWT_INCLUDE_PATH", "JAVA_AWT_LIBRARY", "JAVA_JVM_LIBRARY")
    return [f"-D{name}={found.get(name, 'unused')}" for name in (*found, *unused)]


def check(project: Project) -> str:
    """Build them and read their headers."""
    folder = libraries(project)
    checked = []
    for abi in ABIS:
        ours = sorted((folder / abi).glob("*.so"))
        theirs = sorted((project.tools.aar / "jni" / abi).glob("*.so"))
        if not {"libcdfi_native.so", "libcdfi_native_jni.so"} <= {file.name for file in ours}:
            raise Failed(f"{abi}: expected libcdfi_native.so and its JNI library, got {ours}")
        for file in (*ours, *theirs):
            check_library(file, abi)
            checked.append(file.name)
    return f"{len(checked)} libraries for {' and '.join(ABIS)}, {PAGE // 1024} KB pages"


def check_library(file: Path, abi: str) -> None:
    """Refuse a library for another processor, or one that 16 KB pages cannot map."""
    header = run(["readelf", "-hlW", file], f"reading {file.name}")
    if MACHINES[abi] not in header:
        raise Failed(f"{file.name} is not for {abi}")
    loads = re.findall(r"^\s+LOAD\s.*(0x[0-9a-f]+)\s*$", header, re.MULTILINE)
    if not loads:
        raise Failed(f"{file.name} has no segments to load")
    for alignment in loads:
        if int(alignment, 16) % PAGE:
            raise Failed(f"{file.name}: a segment is aligned to {alignment}, expected {PAGE:#x}")


STAGE = Stage("native", "native libraries built, their ABI and page alignment checked", check)
