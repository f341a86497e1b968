"""How bundles are built: cached, atomic, and with clear errors where something is missing."""

from __future__ import annotations

import shutil
import struct
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from cdfi_bench.bundle import build as building
from cdfi_bench.bundle.abi import ABIS
from cdfi_bench.bundle.build import UNVERIFIED, BundleRequest, build_bundle
from cdfi_bench.bundle.cache import cache_folder
from cdfi_bench.bundle.elf import read_elf
from cdfi_bench.bundle.folder import FILE, Bundle, describe_folder, open_bundle
from cdfi_bench.bundle.runtime_library import take_from_pypi, version_of
from cdfi_bench.bundle.sources import find_sources
from cdfi_runtime.errors import ArtifactError, InputError, UnknownNameError

ROOT = Path(__file__).parents[2]


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Builds write a few bytes; tells the folders that were filled."""
    filled: list[Path] = []

    def fill(files: Path, *_: object) -> None:
        filled.append(files)
        for name in ("cdfi_runner", "libonnxruntime.so", "libcdfi_native.so", "ld.so"):
            (files / name).write_bytes(b"small")
            (files / name).chmod(0o755)
        describe_folder(
            files, abi="x86_64", libc="glibc", loader="ld.so", version="1.2.3", unverified=None
        )

    monkeypatch.setattr(building, "_fill", fill)
    return filled


def test_the_same_is_built_once(quick: list[Path], host_bundle: Bundle, tmp_path: Path) -> None:
    request = BundleRequest(host_bundle.abi)
    first = build_bundle(request, tmp_path)
    second = build_bundle(request, tmp_path)
    assert first.folder == second.folder
    assert len(quick) == 1
    assert [path.name for path in (tmp_path / "bundles").iterdir()] == [first.folder.name]


def test_other_parts_are_another_bundle(
    quick: list[Path], host_bundle: Bundle, tmp_path: Path
) -> None:
    folders = {build_bundle(BundleRequest(host_bundle.abi), tmp_path).folder}
    folders.add(build_bundle(BundleRequest(host_bundle.abi, onnxruntime="1.2.3"), tmp_path).folder)
    for name in ("runner", "native"):
        shutil.copytree(ROOT / "runtime" / name, tmp_path / "other" / "runtime" / name)
    changed = tmp_path / "other" / "runtime" / "native" / "shares.cpp"
    changed.write_text(changed.read_text() + "// changed\n")
    request = BundleRequest(host_bundle.abi, sources=tmp_path / "other")
    folders.add(build_bundle(request, tmp_path).folder)
    assert len(folders) == len(quick) == 3


def test_a_damaged_one_is_built_again(
    quick: list[Path], host_bundle: Bundle, tmp_path: Path
) -> None:
    request = BundleRequest(host_bundle.abi)
    folder = build_bundle(request, tmp_path).folder
    (folder / "ld.so").write_bytes(b"damaged")
    assert open_bundle(build_bundle(request, tmp_path).folder).folder == folder
    assert len(quick) == 2
    assert [path.name for path in (tmp_path / "bundles").iterdir()] == [folder.name]


def test_another_process_was_first(
    quick: list[Path], host_bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    request, fill = BundleRequest(host_bundle.abi), building._fill

    def slower(*arguments: object) -> None:
        monkeypatch.setattr(building, "_fill", fill)
        build_bundle(request, tmp_path)
        fill(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(building, "_fill", slower)
    assert build_bundle(request, tmp_path).version == "1.2.3"
    assert len(quick) == 2
    assert len(list((tmp_path / "bundles").iterdir())) == 1


def test_an_interruption_leaves_nothing(
    host_bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(building, "compile_glibc", interrupted)
    with pytest.raises(KeyboardInterrupt):
        build_bundle(BundleRequest(host_bundle.abi), tmp_path)
    assert list((tmp_path / "bundles").iterdir()) == []


def test_no_sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="--sources or CDFI_SOURCES"):
        find_sources(tmp_path)
    monkeypatch.setenv("CDFI_SOURCES", str(tmp_path))
    with pytest.raises(InputError, match="not there"):
        find_sources()
    monkeypatch.setenv("CDFI_SOURCES", str(ROOT))
    assert find_sources().root == ROOT


def test_no_compiler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    other = next(abi for abi in ABIS.values() if not abi.is_host)
    with pytest.raises(InputError, match=f"apt-get install {other.package.replace('+', '.')}"):
        build_bundle(BundleRequest(other.name), tmp_path)


def test_no_cmake(host_bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    compiler = shutil.which(ABIS[host_bundle.abi].compiler)
    assert compiler is not None
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / Path(compiler).name).symlink_to(compiler)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    with pytest.raises(InputError, match="apt-get install cmake"):
        build_bundle(BundleRequest(host_bundle.abi), tmp_path)


def test_sources_that_do_not_compile(host_bundle: Bundle, tmp_path: Path) -> None:
    for name in ("runner", "native"):
        shutil.copytree(ROOT / "runtime" / name, tmp_path / "runtime" / name)
    (tmp_path / "runtime" / "runner" / "main.cpp").write_text("#error on purpose\n")
    request = BundleRequest(host_bundle.abi, sources=tmp_path)
    with pytest.raises(InputError, match="compiling the runner failed") as raised:
        build_bundle(request, tmp_path / "cache")
    assert "on purpose" in str(raised.value)


def test_no_download(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(InputError, match=r"downloading ONNX Runtime 0\.0\.1 for arm64-v8a failed"):
        take_from_pypi("0.0.1", ABIS["arm64-v8a"], tmp_path / "wheels", tmp_path)
    assert list((tmp_path / "wheels").iterdir()) == []


def test_a_wheel_is_kept_and_taken_from_the_cache(
    host_bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")  # so that only the cache can serve
    library = host_bundle.folder / "libonnxruntime.so"
    name = "onnxruntime-9.9.9-cp311-cp311-manylinux_2_28_aarch64.whl"
    with zipfile.ZipFile(tmp_path / name, "w") as wheel:
        wheel.write(library, "onnxruntime/capi/libonnxruntime.so.9.9.9")
    (tmp_path / "out").mkdir()
    taken = take_from_pypi("9.9.9", ABIS["arm64-v8a"], tmp_path, tmp_path / "out")
    assert taken.read_bytes() == library.read_bytes()
    with zipfile.ZipFile(tmp_path / name, "w") as wheel:
        wheel.writestr("onnxruntime/__init__.py", "")
    with pytest.raises(InputError, match=r"holds no libonnxruntime\.so"):
        take_from_pypi("9.9.9", ABIS["arm64-v8a"], tmp_path, tmp_path / "out")


def test_a_library_for_another_processor(
    host_bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def take(_wanted: str, _abi: object, _cache: Path, folder: Path) -> Path:
        data = bytearray((host_bundle.folder / "libonnxruntime.so").read_bytes())
        struct.pack_into("<H", data, 18, 8)  # MIPS
        (folder / "libonnxruntime.so").write_bytes(data)
        return folder / "libonnxruntime.so"

    monkeypatch.setattr(building, "take_from_pypi", take)
    with pytest.raises(ArtifactError, match="for another processor"):
        build_bundle(BundleRequest(host_bundle.abi), tmp_path)


def test_files_that_are_no_elf(host_bundle: Bundle, tmp_path: Path) -> None:
    whole = (host_bundle.folder / "libcdfi_native.so").read_bytes()
    for name, data in {"empty": b"", "text": b"#!/bin/sh\n" * 9, "cut": whole[:3000]}.items():
        (tmp_path / name).write_bytes(data)
        with pytest.raises(ArtifactError, match="whole 64-bit"):
            read_elf(tmp_path / name)
    assert "libstdc++.so.6" in read_elf(host_bundle.folder / "libcdfi_native.so").needed
    with pytest.raises(ArtifactError, match="no library of ONNX Runtime"):
        version_of(host_bundle.folder / "libcdfi_native.so")


def fake_ndk(folder: Path) -> Path:
    """What CMake sees of an NDK, around this machine's compiler."""
    toolchain = folder / "build" / "cmake" / "android.toolchain.cmake"
    toolchain.parent.mkdir(parents=True)
    toolchain.write_text("set(ANDROID TRUE)\nset(CMAKE_CXX_COMPILER g++)\n")
    return folder


def aar(path: Path, library: Path, abi: str) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        archive.write(library, f"jni/{abi}/libonnxruntime.so")
        archive.writestr(f"jni/{abi}/libonnxruntime4j_jni.so", "for apps")
        archive.writestr("classes.jar", "for apps")
    return path


@pytest.mark.slow
def test_a_bundle_for_android(host_bundle: Bundle, tmp_path: Path) -> None:
    """The way of it only: no NDK is here, so a compiler for glibc takes its place."""
    library = host_bundle.folder / "libonnxruntime.so"
    request = BundleRequest(
        host_bundle.abi,
        "bionic",
        ndk=fake_ndk(tmp_path / "ndk"),
        aar=aar(tmp_path / "ort.aar", library, host_bundle.abi),
    )
    bundle = build_bundle(request, tmp_path / "cache")
    assert bundle.unverified == UNVERIFIED
    assert bundle.command() == "LD_LIBRARY_PATH=. ./cdfi_runner"
    assert bundle.files.keys() == {"cdfi_runner", "libcdfi_native.so", "libonnxruntime.so"}
    assert bundle.version == host_bundle.version
    for name in ("cdfi_runner", "libcdfi_native.so"):  # pages of 16 KB
        data = (bundle.folder / name).read_bytes()
        (start,), (count,) = struct.unpack_from("<Q", data, 32), struct.unpack_from("<H", data, 56)
        loads = [data[start + 56 * n : start + 56 * n + 56] for n in range(count)]
        alignments = [struct.unpack_from("<Q", h, 48)[0] for h in loads if h[:4] == b"\1\0\0\0"]
        assert alignments
        assert all(alignment >= 16384 for alignment in alignments)


def test_what_android_needs(host_bundle: Bundle, tmp_path: Path) -> None:
    ndk, library = fake_ndk(tmp_path / "ndk"), host_bundle.folder / "libonnxruntime.so"
    abi, good = host_bundle.abi, aar(tmp_path / "good.aar", library, host_bundle.abi)
    with pytest.raises(InputError, match="--ndk DIR and --aar FILE"):
        build_bundle(BundleRequest(abi, "bionic", ndk=ndk), tmp_path)
    with pytest.raises(InputError, match="no Android NDK"):
        build_bundle(BundleRequest(abi, "bionic", ndk=tmp_path, aar=good), tmp_path)
    with pytest.raises(InputError, match="the AAR not found"):
        build_bundle(BundleRequest(abi, "bionic", ndk=ndk, aar=tmp_path / "none"), tmp_path)
    (tmp_path / "bad.aar").write_text("no ZIP")
    with pytest.raises(ArtifactError, match="is no AAR"):
        build_bundle(BundleRequest(abi, "bionic", ndk=ndk, aar=tmp_path / "bad.aar"), tmp_path)
    other = aar(tmp_path / "other.aar", library, "armeabi-v7a")
    with pytest.raises(ArtifactError, match="has no ONNX Runtime for"):
        build_bundle(BundleRequest(abi, "bionic", ndk=ndk, aar=other), tmp_path)
    with pytest.raises(InputError, match="for --libc bionic"):
        build_bundle(BundleRequest(abi, ndk=ndk), tmp_path)
    with pytest.raises(UnknownNameError, match="arm64-v8a, x86_64"):
        build_bundle(BundleRequest("riscv64"), tmp_path)


def test_where_the_cache_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CDFI_CACHE", str(tmp_path / "named"))
    assert cache_folder() == tmp_path / "named"
    monkeypatch.delenv("CDFI_CACHE")
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "cdfi-mobile"


def test_the_command(
    host_bundle: Bundle, bundle_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CDFI_CACHE", str(bundle_cache))
    command = [sys.executable, "-m", "cdfi_bench.cli", "runner", "--abi"]
    made = [*command, host_bundle.abi, "--out", str(tmp_path / "copy")]
    done = subprocess.run(made, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert str(tmp_path / "copy") in done.stdout
    assert host_bundle.command() in done.stdout
    assert open_bundle(tmp_path / "copy").files == host_bundle.files
    assert (tmp_path / "copy" / FILE).is_file()
    done = subprocess.run([*command, "mips"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "expected: one of arm64-v8a, x86_64" in done.stderr
