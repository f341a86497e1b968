"""Gradle's files agree: modules, aliases, versions, and coordinates that some repository has."""

from __future__ import annotations

import re
import tomllib

from project import ABIS, MODULES, Project
from stage import Failed, Stage

# Which repository has what, by the beginning of the coordinate.
HOMES = {
    "google()": ("com.android.", "androidx.", "com.google.android."),
    "mavenCentral()": ("com.google.code.gson", "org.junit.", "com.microsoft.", "org.jetbrains."),
}
SHARED = ("minSdk", "compileSdk")
CODE_LEVEL = "VERSION_17"


def check(project: Project) -> str:
    """Compare them; every problem is named."""
    root = project.root
    try:
        catalog = tomllib.loads((root / "gradle" / "libs.versions.toml").read_text("utf-8"))
    except (tomllib.TOMLDecodeError, OSError) as error:
        raise Failed(f"libs.versions.toml cannot be read: {error}") from error
    settings = (root / "settings.gradle.kts").read_text("utf-8")
    builds = {name: _build_file(project, name) for name in (".", *MODULES)}
    problems = [*_modules(project, settings), *_catalog(catalog, settings)]
    problems += _aliases(catalog, builds)
    problems += _levels(builds)
    wrapper = (root / "gradle" / "wrapper" / "gradle-wrapper.properties").read_text("utf-8")
    if not re.search(r"distributionUrl=https\\://\S+/gradle-[\d.]+-bin\.zip", wrapper):
        problems.append("gradle-wrapper.properties names no released Gradle")
    if problems:
        raise Failed("\n".join(["Gradle's files do not agree", *problems]))
    count = len(catalog["libraries"]) + len(catalog["plugins"])
    return f"{count} coordinates, {len(MODULES)} modules"


def _build_file(project: Project, module: str) -> str:
    path = project.root / module / "build.gradle.kts"
    if not path.is_file():
        raise Failed(f"{module} has no build.gradle.kts")
    return path.read_text("utf-8")


def _modules(project: Project, settings: str) -> list[str]:
    included = set(re.findall(r'":([\w-]+)"', settings))
    problems = [f":{name} is not included" for name in MODULES if name not in included]
    problems += [
        f":{name} has no folder" for name in included if not (project.root / name).is_dir()
    ]
    return problems


def _catalog(catalog: dict[str, dict[str, dict[str, str]]], settings: str) -> list[str]:
    management, _, dependencies = settings.partition("dependencyResolutionManagement")
    problems = []
    versions = catalog["versions"]
    used = set()
    for kind, key, repositories in (
        ("libraries", "module", dependencies),
        ("plugins", "id", management),
    ):
        for alias, entry in catalog[kind].items():
            reference = entry.get("version", {}).get("ref")  # type: ignore[attr-defined]
            used.add(reference)
            if reference not in versions:
                problems.append(f"{alias}: there is no version {reference}")
            homes = [home for home, starts in HOMES.items() if entry[key].startswith(starts)]
            if kind == "plugins" and not homes:
                homes = ["gradlePluginPortal()"]
            if not homes or not any(home in repositories for home in homes):
                problems.append(f"{entry[key]}: no declared repository has it")
    problems += [f"the version {name} is used by nothing" for name in versions if name not in used]
    return problems


def _aliases(catalog: dict[str, dict[str, object]], builds: dict[str, str]) -> list[str]:
    known = {f"libs.{alias.replace('-', '.')}" for alias in catalog["libraries"]}
    known |= {f"libs.plugins.{alias.replace('-', '.')}" for alias in catalog["plugins"]}
    text = "\n".join(builds.values())
    used = set(re.findall(r"\blibs(?:\.\w+)+", text))
    problems = [f"{each} is not in libs.versions.toml" for each in sorted(used - known)]
    problems += [f"{each} is used by no build file" for each in sorted(known - used)]
    for module in re.findall(r'project\(":([\w-]+)"\)', text):
        if module not in MODULES:
            problems.append(f"a build file depends on :{module}, which there is not")
    return problems


def _levels(builds: dict[str, str]) -> list[str]:
    problems = []
    android = {name: builds[name] for name in ("runtime-ort", "app")}
    for setting in SHARED:
        values = {name: re.findall(rf"\b{setting} = (\d+)", text) for name, text in android.items()}
        if len({tuple(each) for each in values.values()}) != 1 or not all(values.values()):
            problems.append(f"{setting} differs between modules: {values}")
    for name, text in android.items():
        missing = [abi for abi in ABIS if f'"{abi}"' not in text]
        problems += [f"{name}: the ABI {abi} is left out" for abi in missing]
    for name in MODULES:
        if CODE_LEVEL not in builds[name] or "JVM_17" not in builds[name]:
            problems.append(f"{name}: Java and Kotlin are not compiled for 17 both")
    return problems


STAGE = Stage("catalog", "Gradle's files agree with each other", check)
