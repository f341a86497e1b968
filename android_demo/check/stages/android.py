""":runtime-ort and :app compiled, their unit tests run: the runtime's in the real ONNX Runtime."""

from __future__ import annotations

import json
import re
import shutil
import sys
from pathlib import Path

import desktop_ort
from kotlin import compile_kotlin, run_tests
from project import MODULES, Project
from stage import Failed, Stage, run

from stages import core, native, resources

GOLDEN = Path("core", "src", "test", "resources", "golden")
# They need the native warp, and others need that it is missing.
WARP_TESTS = r".*\.NativeWarpTest"
# Java sources of members that are newer than the android.jar.
API = Path(__file__).parents[1] / "api"


def platform(project: Project) -> list[Path]:
    """The newer classes, before the android.jar."""
    sources = sorted(API.rglob("*.java"))
    if not sources:
        return [project.tools.android]

    def make(out: Path) -> None:
        command = ["javac", "--release", "8", "-nowarn", "-Xlint:-options", "-d", out]
        run([*command, "-cp", project.tools.android, *sources], "compiling check/api")

    return [project.cached("api", sources, make), project.tools.android]


def runtime(project: Project) -> Path:
    """Classes of :runtime-ort."""
    sources = project.sources("runtime-ort")
    path = [core.classes(project), project.tools.aar / "classes.jar", *platform(project)]

    def make(out: Path) -> None:
        compile_kotlin(project, sources, path, out, library=True)

    return project.cached("runtime-ort", [*sources, *project.sources("core"), API], make)


def app(project: Project) -> Path:
    """Classes of :app, with R."""
    sources = project.sources("app")
    gen = resources.linked(project) / "gen"
    inputs = [*sources, *project.sources("runtime-ort"), *project.sources("core"), API, gen]

    def make(out: Path) -> None:
        generated = sorted(gen.rglob("*.java"))
        run(["javac", "--release", "8", "-nowarn", "-Xlint:-options", "-d", out, *generated], "R")
        path = [core.classes(project), runtime(project), out, *platform(project)]
        compile_kotlin(project, sources, path, out)

    return project.cached("app", inputs, make)


def example(project: Project) -> None:
    """Compile the Kotlin of the README against what an app of one's own would have."""
    readme = project.root / "README.md"
    found = re.search(
        r"^```kotlin\n(.*?)^```$", readme.read_text("utf-8"), re.DOTALL | re.MULTILINE
    )
    if found is None:
        raise Failed("README.md has no Kotlin example")
    path = [core.classes(project), runtime(project), project.tools.aar / "classes.jar"]

    def make(out: Path) -> None:
        source = out / "Example.kt"
        source.write_text(found[1], encoding="utf-8")
        compile_kotlin(project, [source], path, out)

    inputs = [readme, *project.sources("runtime-ort"), *project.sources("core")]
    project.cached("example", inputs, make)


def check(project: Project) -> str:
    """Compile both and run their unit tests."""
    example(project)
    passed = {}
    libraries = [core.classes(project)]
    for module, make in (("runtime-ort", runtime), ("app", app)):
        main = make(project)
        libraries.append(main)
        path = [*libraries, *platform(project), *project.tools.junit]
        seen = [*path, *_declared(project, module)]
        sources = project.sources(module, "test")

        def compile_tests(
            out: Path, sources: list[Path] = sources, path: list[Path] = seen, main: Path = main
        ) -> None:
            compile_kotlin(project, sources, path, out, strict=False, friend=main)

        everything = [*sources, API, *(each for name in MODULES for each in project.sources(name))]
        everything.append(project.root / module / "build.gradle.kts")
        tests = project.cached(f"{module}-tests", everything, compile_tests)
        library, properties = _native(project)
        path.append(project.tools.aar / "classes.jar")
        passed[module] = run_tests(
            project, tests, path, properties, library, ["--exclude-classname", WARP_TESTS]
        )
        if module == "runtime-ort":
            properties |= _warp(project)
            passed[module] += run_tests(
                project, tests, path, properties, library, ["--include-classname", WARP_TESTS]
            )
    return ", ".join(f":{module} {count} tests" for module, count in passed.items())


def _declared(project: Project, module: str) -> list[Path]:
    """What the module's build file names: as in Gradle, tests see no other module's libraries."""
    text = (project.root / module / "build.gradle.kts").read_text("utf-8")
    aar = project.tools.aar / "classes.jar"
    known = {"libs.gson": project.tools.gson, "libs.onnxruntime.android": aar}
    return [jar for alias, jar in known.items() if f"mplementation({alias})" in text]


def _native(project: Project) -> tuple[Path, dict[str, str]]:
    """ONNX Runtime for this machine's JVM, and the golden pair, for the runtime's tests."""
    golden = project.root / GOLDEN
    repository = Path(__file__).parents[3]
    artifact = repository / "runtime" / "cdfi_runtime" / "assets" / "default.onnx"

    def make(out: Path) -> None:
        # In a process of its own: importing onnxruntime here would load it for nothing.
        run([sys.executable, desktop_ort.__file__, project.tools.aar, out / "lib"], "desktop ORT")
        (out / "pair").mkdir()
        for name in ("first", "second", "middle"):
            shutil.copy(golden / f"pair_{name}.rgb", out / "pair" / f"{name}.rgb")

    names = ("first", "second", "middle")
    folder = project.cached("pair", [golden / f"pair_{name}.rgb" for name in names], make)
    facts = json.loads((golden / "pair.json").read_text(encoding="utf-8"))
    return folder / "lib", {
        "onnxruntime.native.path": str(folder / "lib"),
        "cdfi.artifact": str(artifact),
        "cdfi.pair": str(folder / "pair"),
        "cdfi.pair.size": f"{facts['width']}x{facts['height']}",
    }


def _warp(project: Project) -> dict[str, str]:
    """The native warp for this machine's JVM, and an artifact that needs it."""
    repository = Path(__file__).parents[3]
    facts = json.loads((project.root / GOLDEN / "pair.json").read_text("utf-8"))
    height, width = facts["output_shape"][-2:]
    weights = repository / "model" / "cdfi_model" / "weights" / "default.safetensors"

    def make(out: Path) -> None:
        kernels = native.libraries(project) / "x86_64" / "libcdfi_native.so"
        command = ["env", f"CDFI_NATIVE_LIBRARY={kernels}"]
        command += [sys.executable, repository / "export" / "export.py", "--warp", "fused"]
        command += ["--size", f"{width}x{height}", "--name", "fused", "--out", out]
        run(command, "exporting an artifact with the native warp")

    inputs = [weights, repository / "runtime" / "native", repository / "export" / "cdfi_export"]
    (file,) = project.cached("fused", inputs, make).glob("*_fused.onnx")
    libraries = native.libraries(project) / "x86_64"
    return {
        "io.github.cdfimobile.native": str(libraries / "libcdfi_native.so"),
        "java.library.path": str(libraries),
        "cdfi.fused": str(file),
    }


STAGE = Stage("android", ":runtime-ort and :app compiled, their tests run", check)
