"""Building a bundle, once for all that it is made from."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cdfi_runtime.errors import ArtifactError, InputError
from cdfi_runtime.files import ensure_folder, require_file, sha256_file

from cdfi_bench.bundle.abi import Abi, find_abi
from cdfi_bench.bundle.cache import cache_folder
from cdfi_bench.bundle.compiled import (
    compile_bionic,
    compile_glibc,
    gnu_compiler,
    ndk_toolchain,
)
from cdfi_bench.bundle.elf import read_elf
from cdfi_bench.bundle.folder import (
    OPERATORS,
    RUNNER,
    Bundle,
    Libc,
    describe_folder,
    open_bundle,
)
from cdfi_bench.bundle.needed import copy_needed
from cdfi_bench.bundle.runtime_library import (
    installed_version,
    take_from_aar,
    take_from_pypi,
    version_of,
)
from cdfi_bench.bundle.sources import Sources, find_sources
from cdfi_bench.bundle.tools import run_tool

Tell = Callable[[str], None]
"""Told what happens next, in a few words."""
UNVERIFIED = "no phone has run a bundle that the NDK built"
_RECIPE = 1  # raised when this code makes something else of the same parts


@dataclass(frozen=True)
class BundleRequest:
    """What to build.

    Attributes:
        abi: Android's name of the processor, ``"arm64-v8a"`` or ``"x86_64"``.
        libc: ``"glibc"`` runs everywhere on Linux's kernel, on the CPU; ``"bionic"`` is Android's.
        onnxruntime: Version of PyPI's wheel; ``None`` takes the installed one's. ``glibc`` only.
        ndk: Folder of Android's NDK; ``bionic`` only, and needed there.
        aar: ONNX Runtime's AAR; the same.
        sources: A checkout of this project, if this is not one.
    """

    abi: str
    libc: Libc = "glibc"
    onnxruntime: str | None = None
    ndk: Path | None = None
    aar: Path | None = None
    sources: Path | None = None


def build_bundle(
    request: BundleRequest, cache: Path | None = None, tell: Tell = lambda _: None
) -> Bundle:
    """The bundle in the cache; built there first if it is not there, or was damaged.

    Two processes may ask for the same one at once: both build, and one of both results stays.

    Raises:
        InputError: a tool, the NDK, the AAR, the sources or the download is missing.
        ArtifactError: what was built or downloaded is for another machine.
        OutputError: the cache cannot be written to.
    """
    abi, sources = find_abi(request.abi), find_sources(request.sources)
    parts = _parts(request, abi, sources)
    key = hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]
    home = ensure_folder((cache or cache_folder()) / "bundles")
    final = home / f"{abi.name}-{request.libc}-{key}"
    if final.exists():
        try:
            return open_bundle(final)
        except ArtifactError:
            _set_aside(final)
    with tempfile.TemporaryDirectory(prefix=".building-", dir=home) as place:
        files = Path(place, "bundle")
        files.mkdir()
        _fill(files, Path(place, "build"), request, abi, sources, home.parent / "wheels", tell)
        try:
            files.rename(final)
        except OSError:
            if not final.exists():
                raise
    return open_bundle(final)


def _parts(request: BundleRequest, abi: Abi, sources: Sources) -> dict[str, object]:
    """All that decides what comes out."""
    parts: dict[str, object] = {
        "recipe": _RECIPE,
        "abi": abi.name,
        "libc": request.libc,
        "sources": sources.sha256(),
    }
    if request.libc == "glibc":
        if request.ndk or request.aar:
            raise InputError("--ndk and --aar are for --libc bionic", got="--libc glibc")
        compiler = run_tool([gnu_compiler(abi), "--version"], "asking the compiler's version")
        return parts | {"onnxruntime": _version(request), "compiler": compiler.splitlines()[0]}
    if request.ndk is None or request.aar is None or request.onnxruntime is not None:
        raise InputError(
            "a bundle for Android is built by its NDK around the AAR's library",
            expected="--ndk DIR and --aar FILE, and no --onnxruntime",
            fix="download the NDK, and onnxruntime-android from Maven",
        )
    ndk_toolchain(request.ndk)
    properties = request.ndk / "source.properties"  # names its revision
    return parts | {
        "ndk": properties.read_text() if properties.is_file() else str(request.ndk.resolve()),
        "aar": sha256_file(require_file(request.aar, "the AAR")),
    }


def _version(request: BundleRequest) -> str:
    wanted = request.onnxruntime or installed_version()
    if wanted is None:
        raise InputError(
            "onnxruntime is not installed, so no version is given",
            fix="name one by --onnxruntime, e.g. 1.31.1",
        )
    return wanted


def _fill(
    files: Path,
    build: Path,
    request: BundleRequest,
    abi: Abi,
    sources: Sources,
    wheels: Path,
    tell: Tell,
) -> None:
    tell("ONNX Runtime's library")
    if request.libc == "glibc":
        runtime = take_from_pypi(_version(request), abi, wheels, files)
    else:
        assert request.aar is not None
        runtime = take_from_aar(request.aar, abi, files)
    _check_machine(runtime, abi)  # before the long part
    tell("compiling the runner")
    if request.libc == "glibc":
        built = compile_glibc(sources, abi, build)
    else:
        assert request.ndk is not None
        built = compile_bionic(sources, abi, request.ndk, build)
    for path, name in zip(built, (RUNNER, OPERATORS), strict=True):
        shutil.copyfile(path, files / name)
    if request.libc == "glibc":
        tell("the libraries it needs")
        copy_needed(files, abi)
    for path in files.iterdir():
        path.chmod(0o755)
        _check_machine(path, abi)
    describe_folder(
        files,
        abi=abi.name,
        libc=request.libc,
        loader=abi.loader if request.libc == "glibc" else None,
        version=version_of(runtime),
        unverified=UNVERIFIED if request.libc == "bionic" else None,
    )


def _check_machine(path: Path, abi: Abi) -> None:
    machine = read_elf(path).machine
    if machine != abi.elf_machine:
        raise ArtifactError(
            f"{path.name} is for another processor than {abi.name}",
            expected=f"ELF machine {abi.elf_machine}",
            got=str(machine),
        )


def _set_aside(damaged: Path) -> None:
    """Out of the way in one step, so that nobody opens it while it goes."""
    with tempfile.TemporaryDirectory(prefix=".damaged-", dir=damaged.parent) as place:
        try:
            damaged.rename(Path(place, "bundle"))
        except FileNotFoundError:
            return  # another process did it
