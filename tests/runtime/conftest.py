"""Tiny ONNX artifacts, and the native library built for a test session."""

from __future__ import annotations

import json
import os
import shutil
import struct
import subprocess
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

import numpy as np
import onnx
import pytest
from cdfi_bench.bundle.folder import RUNNER, RUNTIME, Bundle
from cdfi_runtime import native
from cdfi_runtime.files import sha256_file
from cdfi_runtime.manifest import (
    ArtifactInfo,
    Manifest,
    NetworkInfo,
    PaddingInfo,
    SizeInfo,
    TensorInfo,
    WarpInfo,
)
from onnx import TensorProto, helper

ArtifactMaker = Callable[..., Path]
Lacking = Callable[[str], NoReturn]
NATIVE_SOURCES = Path(__file__).parents[2] / "runtime" / "native"
SYSTEM = "/usr/aarch64-linux-gnu"  # where Debian puts the libraries of the other machine
AVX512 = ["-mavx512f", "-mavx512bw", "-mavx512dq", "-mavx512vl"]


def _nodes(kind: str) -> list[onnx.NodeProto]:
    total = helper.make_node("Add", ["frame0", "frame2"], ["total"])
    if kind == "mean":
        return [total, helper.make_node("Mul", ["total", "half"], ["frame1"])]
    if kind == "sum":  # leaves [0, 1]
        return [total, helper.make_node("Mul", ["total", "one"], ["frame1"])]
    if kind == "nan":
        negative = helper.make_node("Sub", ["minus_one", "total"], ["negative"])
        return [total, negative, helper.make_node("Sqrt", ["negative"], ["frame1"])]
    raise AssertionError(kind)


def describe(path: Path, size: tuple[int, int] | None, mode: str = "reflect") -> Manifest:
    """The manifest of such an artifact; ``size`` is (width, height), ``None`` is dynamic."""
    shape = (1, 3, "height", "width") if size is None else (1, 3, size[1], size[0])
    return Manifest(
        network=NetworkInfo(name="mean", spec={}, weights_sha256="0" * 64, parameters=0),
        artifact=ArtifactInfo(
            file=path.name,
            sha256=sha256_file(path) if path.exists() else "0" * 64,
            bytes=path.stat().st_size if path.exists() else 1,
            format="onnx",
        ),
        warp=WarpInfo(formulation="per_tap", sampling="bilinear", taps=1, dilation=1),
        inputs=(TensorInfo(name="frame0", shape=shape), TensorInfo(name="frame2", shape=shape)),
        outputs=(TensorInfo(name="frame1", shape=shape),),
        size=SizeInfo(dynamic=size is None, width=size and size[0], height=size and size[1]),
        padding=PaddingInfo(multiple=32, mode=mode),  # type: ignore[arg-type]
    )


@pytest.fixture
def make_artifact(tmp_path: Path) -> ArtifactMaker:
    """Writes an artifact: ``make_artifact(kind, size=(w, h), manifest=..., embed=...)``."""

    def make(
        kind: str = "mean",
        *,
        name: str = "model.onnx",
        size: tuple[int, int] | None = None,
        manifest: bool = True,
        embed: bool = False,
        mode: str = "reflect",
    ) -> Path:
        path = tmp_path / name
        shape: list[int | str] = [1, 3, "height", "width"]
        if size is not None:
            shape = [1, 3, size[1], size[0]]
        tensors = {
            name: helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
            for name in ("frame0", "frame2", "frame1")
        }
        constants = {"half": 0.5, "one": 1.0, "minus_one": -1.0}
        graph = helper.make_graph(
            _nodes(kind),
            kind,
            [tensors["frame0"], tensors["frame2"]],
            [tensors["frame1"]],
            [onnx.numpy_helper.from_array(np.float32(v), n) for n, v in constants.items()],
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
        if embed:
            text = describe(tmp_path / "absent", size, mode).model_dump_json()
            helper.set_model_props(model, {"cdfi_manifest": text})
        onnx.save(model, path)
        if manifest:
            describe(path, size, mode).save(path)
        return path

    return make


@pytest.fixture
def frames() -> list[np.ndarray]:
    """Five different uint8 frames of an odd size."""
    generator = np.random.default_rng(7)
    return [generator.integers(0, 256, (13, 21, 3), dtype=np.uint8) for _ in range(5)]


class NativeBuilder:
    """Builds the native sources by the compiler alone, with the flags of their CMakeLists.txt."""

    def __init__(self, compiler: str, lacking: Lacking) -> None:
        found = shutil.which(compiler)
        if found is None:
            lacking(f"no C++ compiler '{compiler}': the native kernels cannot be built")
        self.compiler, self.lacking = found, lacking

    def skip_unless_accepted(self, arguments: list[str], folder: Path, reason: str) -> None:
        """Skips unless the compiler makes a program of an empty ``main`` with these arguments."""
        command, program = [self.compiler, *arguments], b"int main() {}"
        if subprocess.run(command, cwd=folder, input=program, check=False).returncode:
            self.lacking(reason)

    def __call__(self, folder: Path, flags: list[str], last: list[str], *programs: str) -> Path:
        """Compiles the library's sources and ``programs``; ``last`` are the linker's flags."""
        folder.mkdir()
        command = [self.compiler, "-dumpmachine"]
        machine = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        levels = {"scalar": ["-fno-tree-vectorize"], "vector4": []}
        if machine.startswith("x86_64"):
            levels |= {"avx2": ["-mavx2", "-mfma"], "avx512": AVX512}
        own = ("fuzz", "replay")  # sources of programs
        sources = [path for path in NATIVE_SOURCES.glob("*.cpp") if not path.name.startswith(own)]
        level_of = {path.name: path.stem.rpartition("_")[2] for path in sources}
        others = {"avx2", "avx512"} - levels.keys()
        files = {
            name: levels.get(level, []) for name, level in level_of.items() if level not in others
        }
        files |= {program: [] for program in programs}
        common = [self.compiler, "-std=c++17", "-fPIC", "-Wno-psabi", "-ffp-contract=fast", *flags]
        for source, extra in files.items():
            command = [*common, *extra, "-c", str(NATIVE_SOURCES / source)]
            subprocess.run(command, cwd=folder, check=True)
        objects = [Path(source).with_suffix(".o").name for source in files]
        subprocess.run([*common, *objects, "-pthread", *last], cwd=folder, check=True)
        return folder


@pytest.fixture(scope="session")
def build_native(lacking: Lacking) -> NativeBuilder:
    """Builds native sources for this machine; skips without a compiler."""
    return NativeBuilder(os.environ.get("CXX", "g++"), lacking)


@pytest.fixture(scope="session")
def native_library(tmp_path_factory: pytest.TempPathFactory, build_native: NativeBuilder) -> Path:
    """The native library, built for this session."""
    folder = tmp_path_factory.mktemp("native") / "library"
    last = ["-shared", "-o", native.LIBRARY]
    return build_native(folder, ["-O2"], last) / native.LIBRARY


class Emulated(NamedTuple):
    """A build for aarch64 in ``folder``."""

    folder: Path
    emulator: str
    objdump: str

    def run(
        self, program: str, *words: str, options: Iterable[str] = (), data: bytes = b""
    ) -> bytes:
        command = [self.emulator, "-L", SYSTEM, *options, str(self.folder / program), *words]
        done = subprocess.run(command, input=data, capture_output=True, check=False)
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
        return done.stdout

    def replay(
        self, calls: list[tuple[bytes, int]], options: Iterable[str] = ()
    ) -> list[np.ndarray]:
        """What each call of ``replay.cpp`` gives; a call is its bytes and the result's floats."""
        data = b"".join(call for call, _ in calls)
        answer = memoryview(self.run("cdfi_replay", options=options, data=data))
        results = []
        for _, count in calls:
            assert struct.unpack("<q", answer[:8]) == (0,)
            results.append(np.frombuffer(answer[8 : 8 + 4 * count], "<f4"))
            answer = answer[8 + 4 * count :]
        assert not answer
        return results

    def code(self, source: str) -> str:
        """The disassembled object of ``source`` (a name without ``.cpp``)."""
        (file,) = self.folder.rglob(f"{source}.cpp.o")
        command = [self.objdump, "-d", "--no-show-raw-insn", str(file)]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@pytest.fixture(scope="session")
def aarch64(tmp_path_factory: pytest.TempPathFactory, lacking: Lacking) -> Emulated:
    """The library, the fuzzer and the replayer, built by CMake for aarch64, to run by emulation."""
    tools = ("cmake", "aarch64-linux-gnu-g++", "qemu-aarch64", "aarch64-linux-gnu-objdump")
    for tool in tools:
        if shutil.which(tool) is None:
            lacking(f"'{tool}' is not installed: see the README of runtime/native")
    folder = tmp_path_factory.mktemp("aarch64")
    toolchain = f"-DCMAKE_TOOLCHAIN_FILE={NATIVE_SOURCES / 'aarch64.cmake'}"
    targets = ["cdfi_native", "cdfi_fuzz", "cdfi_replay"]
    for command in (
        ["cmake", "-S", str(NATIVE_SOURCES), "-B", str(folder), toolchain],
        ["cmake", "--build", str(folder), "--target", *targets],
    ):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return Emulated(folder, *tools[2:])


class RunnerDone(NamedTuple):
    """How a run of ``cdfi_runner`` ended."""

    code: int
    last_line: str  # of stderr
    result: dict[str, Any]  # empty if there is no result file
    samples: list[list[str]]  # the words of each line


class Runner:
    """``cdfi_runner``, built for this machine, in a folder for the files of one test."""

    def __init__(self, bundle: Bundle, folder: Path) -> None:
        self.bundle, self.folder = bundle, folder
        self.library = bundle.folder / RUNTIME
        self.output, self.samples = folder / "out.raw", folder / "samples.txt"
        self.result, self.picture = folder / "result.json", folder / "picture.ppm"

    def feed(self, **arrays: np.ndarray) -> list[str]:
        """Writes arrays as raw files; the options that name these and their shapes."""
        options: list[str] = []
        for name, array in arrays.items():
            file = self.folder / f"{name}.raw"
            file.write_bytes(np.ascontiguousarray(array, "<f4").tobytes())
            sides = ",".join(map(str, array.shape))
            options += ["--input", f"{name}={file}", "--shape", f"{name}={sides}"]
        return options

    def command(self, model: Path, *options: str | Path) -> list[str]:
        """A short run; later options of a name take the place of these."""
        files = {"library": self.library, "model": model, "output": self.output}
        files |= {"result": self.result, "samples": self.samples}
        named = [part for name, file in files.items() for part in (f"--{name}", str(file))]
        return [
            *(str(self.bundle.folder / RUNNER), *named),
            *("--threads", "1", "--warm-up", "1", "--runs", "2", *map(str, options)),
        ]

    def __call__(self, model: Path, *options: str | Path, **process: Any) -> RunnerDone:
        command = self.command(model, *options)
        done = subprocess.run(command, capture_output=True, check=False, **process)
        return self.ended(done.returncode, done.stderr.decode(errors="replace"))

    def ended(self, code: int, errors: str) -> RunnerDone:
        result = json.loads(self.result.read_text()) if self.result.is_file() else {}
        lines = self.samples.read_text().splitlines() if self.samples.is_file() else []
        last = (errors.strip().splitlines() or [""])[-1]
        return RunnerDone(code, last, result, [line.split() for line in lines])


@pytest.fixture
def runner(host_bundle: Bundle, tmp_path: Path) -> Runner:
    return Runner(host_bundle, tmp_path)
