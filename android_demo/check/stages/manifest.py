"""The manifest: classes that exist, exports that are stated, permissions that the code needs."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

from project import Project
from stage import Failed, Stage

from stages import android, resources

NAME, EXPORTED, PERMISSION = (
    f"{{http://schemas.android.com/apk/res/android}}{name}"
    for name in ("name", "exported", "permission")
)
COMPONENTS = ("activity", "service", "receiver", "provider")
# What calls in the code need, by a word that they cannot be written without.
NEEDED = {
    "android.permission.INTERNET": r"\b(HttpURLConnection|Socket\()",
    "android.permission.CAMERA": r"\bCameraManager\b",
    "android.permission.RECORD_AUDIO": r"\bAudioRecord\b",
    "android.permission.POST_NOTIFICATIONS": r"\bNotificationManager\b",
    "android.permission.WAKE_LOCK": r"\bnewWakeLock\b",
    "android.permission.FOREGROUND_SERVICE": r"\bstartForeground\b",
    "android.permission.VIBRATE": r"\bVibrator\b",
}


def check(project: Project) -> str:
    """Hold the manifest against the compiled classes."""
    path = project.root / "app" / "src" / "main" / "AndroidManifest.xml"
    try:
        root = ElementTree.parse(path).getroot()
    except ElementTree.ParseError as error:
        raise Failed(f"AndroidManifest.xml is no XML: {error}") from error
    application = root.find("application")
    if application is None:
        raise Failed("AndroidManifest.xml has no application")
    classes = android.app(project)
    namespace = resources.setting(project, "app", "namespace")
    found = [each for kind in COMPONENTS for each in application.findall(kind)]
    problems = [] if found else ["no components"]
    for element in [application, *found]:
        name = element.get(NAME)
        if name is None and element is application:
            continue
        problems += _class_problems(classes, namespace, name)
        if element is not application and element.get(EXPORTED) not in ("true", "false"):
            problems.append(f"{name}: android:exported must be stated")
    benchmark = next((each for each in found if each.get(NAME) == ".BenchmarkActivity"), None)
    if benchmark is None or benchmark.get(PERMISSION) != "android.permission.DUMP":
        problems.append(".BenchmarkActivity must need android.permission.DUMP: it is for adb alone")
    problems += _permission_problems(project, root)
    if problems:
        raise Failed("\n".join(["the manifest does not fit the code", *problems]))
    return f"{len(found)} components"


def _class_problems(classes: Path, namespace: str, name: str | None) -> list[str]:
    if name is None:
        return ["a component has no android:name"]
    full = namespace + name if name.startswith(".") else name
    file = classes / (full.replace(".", "/") + ".class")
    return [] if file.is_file() else [f"{name}: there is no class {full}"]


def _permission_problems(project: Project, root: ElementTree.Element) -> list[str]:
    asked = {each.get(NAME) for each in root.findall("uses-permission")}
    code = "\n".join(
        file.read_text(encoding="utf-8")
        for module in ("app", "runtime-ort")
        for file in project.sources(module)
    )
    problems = []
    for permission, pattern in NEEDED.items():
        used = re.search(pattern, code) is not None
        if used and permission not in asked:
            problems.append(f"{permission} is needed and not asked for")
    for permission in sorted(each or "" for each in asked if each not in NEEDED):
        problems.append(f"{permission} is asked for and not known to be needed: see check/manifest")
    return problems


STAGE = Stage("manifest", "components exist, exports and permissions are right", check)
