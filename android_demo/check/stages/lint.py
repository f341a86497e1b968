"""ktlint over all Kotlin, build files too."""

from __future__ import annotations

from project import Project
from stage import Stage, run


def check(project: Project) -> str:
    """Run ktlint with the project's ``.editorconfig``."""
    files = [*project.root.rglob("*.kt"), *project.root.rglob("*.kts")]
    command = ["java", "-jar", project.tools.ktlint, "--log-level=error"]
    names = [str(file.relative_to(project.root)) for file in files]
    run([*command, *names], "ktlint", cwd=project.root)
    return f"{len(files)} files"


STAGE = Stage("lint", "ktlint over all Kotlin", check)
