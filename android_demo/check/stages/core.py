""":core compiled, and its JUnit 5 tests run."""

from __future__ import annotations

from pathlib import Path

from kotlin import compile_kotlin, run_tests
from project import Project
from stage import Stage


def classes(project: Project) -> Path:
    """The compiled module."""
    sources = project.sources("core")

    def make(out: Path) -> None:
        compile_kotlin(project, sources, [project.tools.gson], out, library=True)

    return project.cached("core", sources, make)


def check(project: Project) -> str:
    """Compile it and its tests, and run them."""
    main = classes(project)
    sources = project.sources("core", "test")
    path = [main, project.tools.gson, *project.tools.junit]

    def make(out: Path) -> None:
        compile_kotlin(project, sources, path, out, strict=False, friend=main)

    tests = project.cached("core-tests", [*sources, *project.sources("core")], make)
    resources = project.root / "core" / "src" / "test" / "resources"
    passed = run_tests(project, tests, [main, resources], {})
    return f"{passed} tests"


STAGE = Stage("core", ":core compiled, its JUnit 5 tests run", check)
