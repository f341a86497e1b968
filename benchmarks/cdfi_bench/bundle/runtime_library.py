"""ONNX Runtime's library for another machine: out of PyPI's wheel, or out of Android's AAR."""

from __future__ import annotations

import re
import shutil
import sys
import tempfile
import zipfile
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from cdfi_runtime.errors import ArtifactError, InputError
from cdfi_runtime.files import require_file

from cdfi_bench.bundle.abi import Abi
from cdfi_bench.bundle.folder import RUNTIME
from cdfi_bench.bundle.tools import run_tool

_IN_WHEEL = re.compile(r"onnxruntime/capi/libonnxruntime\.so(\.[0-9.]+)?")
_VERSION = re.compile(rb"\0VERS_(\d+\.\d+\.\d+)\0")  # of the symbols it exports
_JAVA = "libonnxruntime4j_jni.so"  # only apps need it


def installed_version() -> str | None:
    """The version of the onnxruntime package that is installed here, if there is one."""
    try:
        return version("onnxruntime")
    except PackageNotFoundError:
        return None


def version_of(library: Path) -> str:
    """The version of ONNX Runtime by its own library.

    Raises:
        ArtifactError: the file is another library.
    """
    found = _VERSION.search(library.read_bytes())
    if found is None:
        raise ArtifactError(
            f"{library.name} is no library of ONNX Runtime",
            expected="a library whose symbols carry its version",
            got=str(library),
        )
    return found[1].decode()


def take_from_pypi(wanted: str, abi: Abi, cache: Path, folder: Path) -> Path:
    """Put the library of ONNX Runtime ``wanted`` into ``folder``.

    The installed package serves if it is the one; else PyPI's wheel, which is kept in ``cache``.

    Raises:
        InputError: pip cannot download it, or it holds no such library.
    """
    target = folder / RUNTIME
    if abi.is_host and wanted == installed_version():
        spec = find_spec("onnxruntime")
        assert spec is not None and spec.origin is not None
        found = sorted(Path(spec.origin).parent.glob("capi/libonnxruntime.so*"))
        if found:
            shutil.copyfile(found[0], target)
            return target
    wheel = _wheel(wanted, abi, cache)
    with zipfile.ZipFile(wheel) as archive:  # checks each file's CRC
        names = [name for name in archive.namelist() if _IN_WHEEL.fullmatch(name)]
        if not names:
            raise InputError(
                f"{wheel.name} holds no libonnxruntime.so",
                expected="a wheel with the library apart, as PyPI has them since 1.20",
                fix="name a newer version by --onnxruntime",
            )
        with archive.open(names[0]) as source, target.open("wb") as out:
            shutil.copyfileobj(source, out)
    return target


def _wheel(wanted: str, abi: Abi, cache: Path) -> Path:
    cache.mkdir(parents=True, exist_ok=True)
    kept = sorted(cache.glob(f"onnxruntime-{wanted}-*{abi.machine}.whl"))
    if kept and zipfile.is_zipfile(kept[0]):
        return kept[0]
    platforms = [part for tag in abi.wheel_platforms for part in ("--platform", tag)]
    with tempfile.TemporaryDirectory(prefix=".download-", dir=cache) as place:
        run_tool(
            [
                *(sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"),
                *("--disable-pip-version-check", "--only-binary", ":all:", "--dest", place),
                *(*platforms, f"onnxruntime=={wanted}"),
            ],
            f"downloading ONNX Runtime {wanted} for {abi.name}",
            "check the network and the version, or name another one by --onnxruntime; "
            "without pip: python -m ensurepip",
        )
        (wheel,) = Path(place).glob("*.whl")
        return wheel.replace(cache / wheel.name)


def take_from_aar(aar: Path, abi: Abi, folder: Path) -> Path:
    """Put the libraries of an AAR for ``abi`` into ``folder``: ONNX Runtime and what it brings.

    Raises:
        InputError: there is no such file.
        ArtifactError: no AAR, or one without ONNX Runtime for this processor.
    """
    require_file(aar, "the AAR")
    place = f"jni/{abi.name}/"
    try:
        with zipfile.ZipFile(aar) as archive:
            names = [name for name in archive.namelist() if name.startswith(place)]
            for name in names:
                file = name.removeprefix(place)
                if file.endswith(".so") and "/" not in file and file != _JAVA:
                    (folder / file).write_bytes(archive.read(name))
    except zipfile.BadZipFile as error:
        raise ArtifactError(f"{aar.name} is no AAR", expected="a ZIP file", got=str(aar)) from error
    if not (folder / RUNTIME).is_file():
        raise ArtifactError(
            f"{aar.name} has no ONNX Runtime for {abi.name}",
            expected=f"{place}{RUNTIME} in it",
            got=", ".join(names) or "no such folder",
            fix="download onnxruntime-android or onnxruntime-android-qnn from Maven",
        )
    return folder / RUNTIME
