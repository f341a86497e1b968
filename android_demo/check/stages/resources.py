"""Resources compiled and linked with the manifest by aapt2, and the class R that comes of it."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from xml.etree import ElementTree

from project import Project
from stage import Failed, Stage, run
from tools import FRAMEWORK


def setting(project: Project, module: str, name: str) -> str:
    """A value such as ``minSdk`` in a module's build file."""
    text = (project.root / module / "build.gradle.kts").read_text(encoding="utf-8")
    found = re.search(rf'\b{name}\s*=\s*"?([\w.]+)"?', text)
    if found is None:
        raise Failed(f"{module}/build.gradle.kts sets no {name}")
    return found[1]


def linked(project: Project) -> Path:
    """A folder with ``base.apk`` and ``gen/``, the sources of R."""
    main = project.root / "app" / "src" / "main"
    inputs = [main / "res", main / "AndroidManifest.xml", project.root / "app" / "build.gradle.kts"]
    assets = main / "assets"

    def make(out: Path) -> None:
        run(["aapt2", "compile", "--dir", main / "res", "-o", out / "res.zip"], "aapt2 compile")
        manifest = (main / "AndroidManifest.xml").read_text(encoding="utf-8")
        # What Gradle's plugin does with the namespace.
        name = setting(project, "app", "namespace")
        manifest = manifest.replace("<manifest ", f'<manifest package="{name}" ', 1)
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "AndroidManifest.xml"
            file.write_text(manifest, encoding="utf-8")
            command = ["aapt2", "link", "-o", out / "base.apk", "-I", FRAMEWORK, "--manifest", file]
            command += ["--java", out / "gen", "--auto-add-overlay"]
            command += ["--min-sdk-version", setting(project, "app", "minSdk")]
            command += ["--target-sdk-version", setting(project, "app", "targetSdk")]
            command += ["--version-code", setting(project, "app", "versionCode")]
            command += ["--version-name", setting(project, "app", "versionName")]
            command += ["-A", assets] if assets.is_dir() else []
            run([*command, out / "res.zip"], "aapt2 link")

    return project.cached("resources", [*inputs, *([assets] if assets.is_dir() else [])], make)


def _names(folder: Path) -> set[str]:
    """Type and name of each value in a folder's files."""
    return {
        f"{element.tag}/{element.get('name')}"
        for file in folder.glob("*.xml")
        for element in ElementTree.parse(file).getroot()
    }


def check(project: Project) -> str:
    """Link them; a value that only some devices have is refused, for aapt2 merely warns of it."""
    folder = linked(project)
    res = project.root / "app" / "src" / "main" / "res"
    defaults = _names(res / "values")
    for qualified in sorted(res.glob("values-*")):
        lacking = sorted(_names(qualified) - defaults)
        if lacking:
            raise Failed(f"{qualified.name} has names with no default: {', '.join(lacking)}")
    (java,) = folder.glob("gen/**/R.java")
    names = set(re.findall(r"public static final int (\w+)=", java.read_text()))
    return f"{len(names)} names in R"


STAGE = Stage("resources", "resources and manifest linked by aapt2", check)
