"""The check of the Android demo finds planted errors, each in the stage that is there for it."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DEMO = ROOT / "android_demo"
BUILD = Path(os.environ.get("CDFI_ANDROID_BUILD", ROOT / "build" / "android"))
CORE = "core/src/main/kotlin/io/github/cdfimobile/core"
Plant = Callable[[Path], None]


@pytest.fixture(scope="module", autouse=True)
def tools() -> None:
    """They are fetched by ``make android-check``, not by a test."""
    if not (BUILD / "tools" / "bullseye").is_dir():
        reason = "the Android tools are not there: run make android-check first"
        if os.environ.get("CDFI_CI"):
            pytest.fail(reason)
        pytest.skip(reason)


def check(project: Path, stage: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(DEMO / "check"), "--project", str(project)]
    command += ["--build", str(BUILD), "--only", stage]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def replace(path: Path, before: str, after: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert before in text, f"{path.name} no longer has what the test changes: {before}"
    path.write_text(text.replace(before, after, 1), encoding="utf-8")


def kotlin_error(project: Path) -> None:
    replace(project / CORE / "stats" / "Statistics.kt", "sorted.size - 1", "sorted.sise - 1")


def kotlin_style(project: Path) -> None:
    replace(project / CORE / "stats" / "Statistics.kt", "import ", "import  ")


def missing_resource(project: Path) -> None:
    layout = project / "app" / "src" / "main" / "res" / "layout" / "activity_settings.xml"
    replace(layout, "@string/", "@string/no_")


def missing_default(project: Path) -> None:
    colours = project / "app" / "src" / "main" / "res" / "values-night" / "colors.xml"
    replace(colours, "</resources>", '<color name="of_night">#000000</color></resources>')


def undeclared_library(project: Path) -> None:
    replace(project / "app" / "build.gradle.kts", "    testImplementation(libs.gson)\n", "")


def manifest_class(project: Path) -> None:
    manifest = project / "app" / "src" / "main" / "AndroidManifest.xml"
    replace(manifest, ".settings.SettingsActivity", ".settings.OptionsActivity")


def manifest_export(project: Path) -> None:
    manifest = project / "app" / "src" / "main" / "AndroidManifest.xml"
    replace(manifest, 'android:exported="false"', "")


def manifest_guard(project: Path) -> None:
    manifest = project / "app" / "src" / "main" / "AndroidManifest.xml"
    replace(manifest, "android.permission.DUMP", "android.permission.VIBRATE")


def golden_vector(project: Path) -> None:
    path = project / "core" / "src" / "test" / "resources" / "golden" / "statistics.json"
    vectors = json.loads(path.read_text())
    vectors[3]["percentiles"]["90"] *= 1.001
    path.write_text(json.dumps(vectors))


def golden_pixel(project: Path) -> None:
    path = project / "core" / "src" / "test" / "resources" / "golden" / "pair_middle.rgb"
    pixels = bytearray(path.read_bytes())
    pixels[100] ^= 4
    path.write_bytes(pixels)


def report_schema(project: Path) -> None:
    replace(project / CORE / "report" / "BenchmarkResult.kt", '"burst_ns" to', '"burst" to')


def manifest_schema(project: Path) -> None:
    replace(project / CORE / "manifest" / "ManifestReader.kt", 'int("dilation")', 'int("spacing")')


def catalog_alias(project: Path) -> None:
    replace(project / "gradle" / "libs.versions.toml", "gson = {", "json = {")


def catalog_home(project: Path) -> None:
    settings = project / "settings.gradle.kts"
    text = settings.read_text()
    before, _, after = text.rpartition("        mavenCentral()\n")
    settings.write_text(before + after)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("plant", "stage", "found"),
    [
        (kotlin_error, "core", "sise"),
        (kotlin_style, "lint", "Statistics.kt"),
        (missing_resource, "resources", "no_"),
        (missing_default, "resources", "color/of_night"),
        (undeclared_library, "android", "gson"),
        (manifest_class, "manifest", "OptionsActivity"),
        (manifest_export, "manifest", "exported must be stated"),
        (manifest_guard, "manifest", "android.permission.DUMP"),
        (golden_vector, "core", "percentiles"),
        (golden_pixel, "core", "picture"),
        (report_schema, "core", "burst"),
        (manifest_schema, "core", "manifest"),
        (catalog_alias, "catalog", "libs.gson"),
        (catalog_home, "catalog", "no declared repository"),
    ],
)
def test_a_planted_error_fails_the_check(
    tmp_path: Path, plant: Plant, stage: str, found: str
) -> None:
    project = tmp_path / "android_demo"
    shutil.copytree(DEMO, project, ignore=shutil.ignore_patterns("check", "build", ".gradle"))
    plant(project)
    done = check(project, stage)
    assert done.returncode == 1, done.stdout + done.stderr
    assert f"{stage} " in done.stdout and "FAIL" in done.stdout
    assert found in done.stdout


@pytest.mark.parametrize("stage", ["catalog", "resources"])
def test_the_same_stages_pass_on_the_project(stage: str) -> None:
    done = check(DEMO, stage)
    assert done.returncode == 0, done.stdout + done.stderr


def test_libraries_are_put_on_pages(tmp_path: Path) -> None:
    page = 16384
    source, target = tmp_path / "source.zip", tmp_path / "target.zip"
    with zipfile.ZipFile(source, "w") as archive:
        archive.writestr("classes.dex", b"dex" * 99, zipfile.ZIP_DEFLATED)
        for name in ("resources.arsc", "lib/x86_64/one.so", "lib/x86_64/two.so"):
            archive.writestr(name, name.encode() * 7)
    path = DEMO / "check" / "aligned_zip.py"
    spec = importlib.util.spec_from_file_location("aligned_zip", path)
    assert spec is not None and spec.loader is not None
    aligned_zip = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(aligned_zip)

    assert len(aligned_zip.misaligned(source, page)) == 2
    aligned_zip.align(source, target, page)

    assert aligned_zip.misaligned(target, page) == []
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target) as new:
        assert new.testzip() is None
        assert {each: old.read(each) for each in old.namelist()} == {
            each: new.read(each) for each in new.namelist()
        }
    content = target.read_bytes()
    assert content[page:].startswith(b"lib/x86_64/one.so")
    assert content.index(b"resources.arscresources.arsc") % 4 == 0


def test_stages_are_listed_and_others_refused() -> None:
    command = [sys.executable, str(DEMO / "check")]
    listed = subprocess.run([*command, "--list"], capture_output=True, text=True, check=True)
    assert [line.split()[0] for line in listed.stdout.splitlines()] == [
        *("catalog", "lint", "core", "native", "resources", "android", "manifest", "apk")
    ]
    refused = subprocess.run([*command, "--only", "gradle"], capture_output=True, check=False)
    assert refused.returncode == 2
