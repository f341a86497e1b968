"""The package's own build: wheels with the native library, without it, and editable installs."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = ("runtime", "model", "export", "benchmarks")
LIBRARY = "libcdfi_native.so"
FALSE = shutil.which("false") or "false"
# What a wheel without the library is asked to do; prints the mean of the middle frame.
INTERPOLATE = """
import numpy as np
from cdfi_runtime import Interpolator, native
assert not native.available() and native.library_path() is None
frames = [np.full((64, 64, 3), value, np.uint8) for value in (100, 110)]
print(round(float(Interpolator.load().interpolate(*frames).mean())))
"""
HOOK = "import sys, scikit_build_core.build as b; getattr(b, sys.argv[1])(sys.argv[2])"
Lacking = Callable[[str], NoReturn]


def run(command: list[str | Path], cwd: Path, **variables: str) -> str:
    """The output of a command that must succeed, in an environment without ours."""
    ours = ("CDFI_", "PYTHONPATH", "CC", "CXX", "SKBUILD_", "CMAKE_")
    env = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    done = subprocess.run(
        command, cwd=cwd, env=env | variables, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory, lacking: Lacking) -> Path:
    """A copy of what the build reads."""
    for module in ("scikit_build_core", "pip"):
        if importlib.util.find_spec(module) is None:
            lacking(f"'{module}' is not installed: it is part of the extra 'dev'")
    folder = tmp_path_factory.mktemp("source")
    for name in ("pyproject.toml", "README.md", "LICENSE", ".gitignore"):
        shutil.copy(ROOT / name, folder)
    for name in FOLDERS:
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


@pytest.fixture
def compiler(lacking: Lacking) -> None:
    if not any(shutil.which(name) for name in ("c++", "g++", "clang++")):
        lacking("no C++ compiler")


def build_wheel(what: Path, into: Path, **variables: str) -> tuple[Path, str]:
    """The wheel that pip makes of a folder or an sdist, and what the build printed."""
    flags = ["-v", "--no-deps", "--no-build-isolation", "--disable-pip-version-check"]
    command: list[str | Path] = [sys.executable, "-m", "pip", "wheel", *flags, "-w", into, what]
    printed = run(command, into, **variables)
    (wheel,) = into.glob("*.whl")
    return wheel, printed


def unpacked(wheel: Path, into: Path) -> Path:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(into)
    return into


def package_files(source: Path) -> set[str]:
    """The files of the four packages, relative to where they are installed."""
    return {
        file.relative_to(source / folder).as_posix()
        for folder in FOLDERS
        for file in (source / folder).glob("cdfi_*/**/*")
        if file.is_file()
    }


@pytest.mark.usefixtures("compiler")
def test_an_sdist_builds_a_wheel_with_the_library(source: Path, tmp_path: Path) -> None:
    run([sys.executable, "-c", HOOK, "build_sdist", tmp_path], source)
    (sdist,) = tmp_path.glob("*.tar.gz")
    wheel, printed = build_wheel(sdist, tmp_path)
    assert "the native kernels were built" in printed
    assert "-py3-none-" in wheel.name
    assert not wheel.name.endswith("-any.whl"), "it holds machine code"
    site = unpacked(wheel, tmp_path / "site")
    (info,) = site.glob("*.dist-info")
    files = {path.relative_to(site).as_posix() for path in site.rglob("*") if path.is_file()}
    packed = {name for name in files if not name.startswith(info.name)}
    assert packed == package_files(source) | {f"cdfi_runtime/{LIBRARY}"}
    code = "from cdfi_runtime import native; print(native.library_path(), *native.levels())"
    found, *levels = run([sys.executable, "-c", code], tmp_path, PYTHONPATH=str(site)).split()
    assert Path(found) == site / "cdfi_runtime" / LIBRARY
    assert levels[:2] == ["scalar", "vector4"]


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"CC": FALSE, "CXX": FALSE}, "could NOT be built"),
        ({"CDFI_WITHOUT_NATIVE": "1"}, "left out, as CDFI_WITHOUT_NATIVE asks"),
    ],
    ids=["no compiler", "not wanted"],
)
def test_without_the_library_the_portable_forms_serve(
    source: Path, tmp_path: Path, variables: dict[str, str], message: str
) -> None:
    wheel, printed = build_wheel(source, tmp_path, **variables)
    assert message in printed
    assert wheel.name.endswith("-py3-none-any.whl")
    site = unpacked(wheel, tmp_path / "site")
    assert not list(site.rglob("*.so"))
    printed = run([sys.executable, "-c", INTERPOLATE], tmp_path, PYTHONPATH=str(site))
    assert 103 <= int(printed.split()[-1]) <= 107


@pytest.mark.usefixtures("compiler")
def test_an_editable_install_is_the_source_tree(source: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(source, tmp_path / "source")
    run([sys.executable, "-c", HOOK, "build_editable", tmp_path], copy)
    (wheel,) = tmp_path.glob("*.whl")
    site = unpacked(wheel, tmp_path / "site")
    library = copy / "build" / "native" / LIBRARY
    assert library.is_file(), "where `make native` puts it"
    assert not (copy / "runtime" / "cdfi_runtime" / LIBRARY).exists(), "it would hide a newer one"

    def ask(code: str, **variables: str) -> list[str]:
        # Without site, so that an editable install of this environment is not on the path.
        start = f"import site; site.addsitedir({str(site)!r}); "
        return run([sys.executable, "-S", "-c", start + code], tmp_path, **variables).split()

    where = "import cdfi_bench, cdfi_export, cdfi_model, cdfi_runtime as r; print(r.__file__)"
    package = copy / "runtime" / "cdfi_runtime"
    assert ask(where) == [str(package / "__init__.py")]
    assert ask("from cdfi_runtime import native as n; print(n.library_path())") == [str(library)]
    (package / "added.py").write_text("from cdfi_runtime.native import ABI\nprint(ABI)\n")
    with (package / "native.py").open("a") as file:
        file.write("\nABI = 'changed'\n")
    assert ask("import cdfi_runtime.added") == ["changed"]
    other = tmp_path / "other" / "cdfi_runtime"
    other.mkdir(parents=True)
    (other / "__init__.py").touch()
    assert ask(where, PYTHONPATH=str(other.parent)) == [str(other / "__init__.py")]
