"""What an install brings: the base alone runs without torch; a wheel holds all data files."""

from __future__ import annotations

import importlib
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest

PACKAGES = ("cdfi_runtime", "cdfi_model", "cdfi_export", "cdfi_bench")
DATA_FILES = (
    "cdfi_runtime/assets/default.onnx",
    "cdfi_runtime/assets/default.onnx.manifest.json",
    "cdfi_runtime/assets/litert_probe.tflite",
    "cdfi_runtime/samples/city_0.png",
    "cdfi_runtime/schemas/manifest.schema.json",
    "cdfi_model/weights/default.safetensors",
    "cdfi_model/weights/MODEL_CARD.md",
    "cdfi_model/warp/measured.json",
    "cdfi_model/training/configs/cdfi_mobile.toml",
    "cdfi_model/pruning/configs/adacof_half.toml",
    "cdfi_bench/schemas/report.schema.json",
)


@pytest.fixture
def base_python() -> Path:
    python = os.environ.get("CDFI_BASE_PYTHON")
    if not python:
        pytest.skip("no environment without torch: run by `make test`, which makes one")
    return Path(python)


def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    env = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=120)


def test_the_base_install_has_no_torch(base_python: Path) -> None:
    found = run(base_python, "-c", "import torch")
    assert found.returncode != 0 and "No module named 'torch'" in found.stderr


def test_the_base_install_interpolates(base_python: Path, tmp_path: Path) -> None:
    samples = Path(importlib.import_module("cdfi_runtime.samples").__file__ or "").parent
    out = tmp_path / "middle.png"
    command = base_python.with_name("cdfi-run")
    done = run(command, samples / "city_0.png", samples / "city_2.png", "-o", out)
    assert done.returncode == 0, done.stderr
    size = "from PIL import Image; import sys; print(Image.open(sys.argv[1]).size)"
    assert run(base_python, "-c", size, out).stdout.strip() == "(448, 256)"


def test_the_base_install_has_the_native_library(
    base_python: Path, lacking: Callable[[str], NoReturn]
) -> None:
    code = "from cdfi_runtime import native as n; print(n.__file__, n.library_path(), *n.levels())"
    done = run(base_python, "-c", code)
    if "not built" in done.stderr:
        lacking("the wheel was built without a C++ compiler")
    module, library, *levels = done.stdout.split()
    assert Path(library).parent == Path(module).parent
    assert "vector4" in levels


def test_the_base_install_says_what_the_other_commands_need(base_python: Path) -> None:
    done = run(base_python.with_name("cdfi-model"), "info", Path(__file__))
    assert done.returncode == 2
    assert "cdfi-mobile[model]" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("name", DATA_FILES)
def test_data_files_lie_in_the_packages(name: str) -> None:
    package, _, inner = name.partition("/")
    root = Path(importlib.import_module(package).__file__ or "").parent
    assert (root / inner).is_file()


def test_the_suite_runs_against_the_wheel_when_asked() -> None:
    site = os.environ.get("CDFI_EXPECT_WHEEL")
    if not site:
        pytest.skip("not asked for: run by `make wheel-test`")
    for package in PACKAGES:
        home = Path(importlib.import_module(package).__file__ or "")
        assert home.is_relative_to(site), f"{package} comes from {home}"


@pytest.mark.parametrize("folder", ["runtime", "model", "export", "benchmarks"])
def test_the_wheel_has_every_file_of_the_packages(folder: str) -> None:
    """Modules and data alike, byte for byte: what runs in the source tree runs from the wheel."""
    site = os.environ.get("CDFI_EXPECT_WHEEL")
    if not site:
        pytest.skip("not asked for: run by `make wheel-test`")
    source = Path(__file__).parents[2] / folder
    files = [
        path
        for package in source.glob("cdfi_*")
        for path in package.rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    ]
    assert len(files) > 20
    missing = [path for path in files if not (Path(site) / path.relative_to(source)).is_file()]
    assert not missing
    changed = [
        path
        for path in files
        if (Path(site) / path.relative_to(source)).read_bytes() != path.read_bytes()
    ]
    assert not changed
