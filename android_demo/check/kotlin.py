"""Kotlin's compiler, and JUnit's launcher."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from project import Project
from stage import Failed, run

# dx reads class files up to Java 8's; the language is the same that Gradle compiles for 17.
_TARGET = ("-jvm-target", "1.8", "-Xlambdas=class", "-Xsam-conversions=class")


def compile_kotlin(
    project: Project,
    sources: Sequence[Path],
    classpath: Sequence[Path],
    out: Path,
    *,
    strict: bool = True,
    library: bool = False,
    friend: Path | None = None,
) -> None:
    """Compile ``sources`` into ``out``.

    Args:
        project: For its tools.
        sources: Files.
        classpath: Beside Kotlin's library.
        out: Folder.
        strict: Warnings are errors.
        library: Every public declaration must say so.
        friend: Classes whose internals may be used, for their tests.
    """
    kotlin = project.tools.kotlin
    options: list[str | Path] = ["-Werror"] if strict else ["-nowarn"]
    options += ["-Xexplicit-api=strict"] if library else []
    options += [f"-Xfriend-paths={friend}"] if friend else []
    path = os.pathsep.join(map(str, (project.tools.stdlib, *classpath)))
    compiler = ["java", "-Xmx1500m", "-cp", f"{kotlin}/lib/*"]
    compiler += ["org.jetbrains.kotlin.cli.jvm.K2JVMCompiler"]
    fixed = ["-no-reflect", "-no-stdlib", *_TARGET, "-Xsuppress-deprecated-jvm-target-warning"]
    run(
        [*compiler, *fixed, *options, "-kotlin-home", kotlin, "-cp", path, "-d", out, *sources],
        f"compiling {len(sources)} Kotlin files",
    )


def run_tests(
    project: Project,
    classes: Path,
    classpath: Sequence[Path],
    properties: Mapping[str, str],
    library_path: Path | None = None,
    choice: Sequence[str] = (),
) -> int:
    """Run the JUnit 5 tests in ``classes``; how many passed. None at all, or a skip, is a failure.

    Args:
        project: For its tools.
        classes: Compiled tests.
        classpath: What they need beside the tools' jars.
        properties: System properties.
        library_path: Folder of native libraries that the dynamic linker must find.
        choice: Options of the launcher that choose classes.
    """
    jars = (project.tools.stdlib, project.tools.gson, *project.tools.junit)
    path = os.pathsep.join(map(str, (classes, *classpath, *jars)))
    command: list[str | Path] = ["java", *(f"-D{key}={value}" for key, value in properties.items())]
    if library_path is not None:
        command = ["env", f"LD_LIBRARY_PATH={library_path}", *command]
    command += ["-cp", path, "org.junit.platform.console.ConsoleLauncher"]
    command += ["--scan-classpath", classes, "--details=tree", "--disable-banner", *choice]
    output = run([*command, "--disable-ansi-colors"], "the unit tests")
    counts = {
        word: int(re.search(rf"(\d+) tests {word}", output)[1])  # type: ignore[index]
        for word in ("successful", "failed", "skipped")
    }
    if not counts["successful"] or counts["failed"] or counts["skipped"]:
        raise Failed(f"the unit tests: {counts}\n{output[-2000:]}")
    return counts["successful"]


def copy_tree(source: Path, target: Path) -> None:
    """Add the files of ``source`` to ``target``."""
    shutil.copytree(source, target, dirs_exist_ok=True)
