"""Packages, registries and commands start without loading a heavy library."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGES = ("cdfi_runtime", "cdfi_model", "cdfi_export", "cdfi_bench")
HEAVY = {"torch", "onnx", "onnxscript", "onnxslim", "onnxruntime", "skimage", "scipy", "av", "cv2"}
MIDDLE = {"pydantic", "rich", "typer", "PIL", "numpy"}  # fine in modules, not in a package


def loaded_by(code: str) -> set[str]:
    """Top-level modules in a fresh process after running ``code``."""
    script = f"{code}\nimport sys\nprint('LOADED', *{{name.split('.')[0] for name in sys.modules}})"
    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=120, check=False
    )
    assert result.returncode == 0, result.stderr
    last = result.stdout.strip().splitlines()[-1].split()
    assert last[0] == "LOADED"
    return set(last[1:])


@pytest.mark.parametrize("package", PACKAGES)
def test_importing_a_package_is_light(package: str) -> None:
    assert loaded_by(f"import {package}") & (HEAVY | MIDDLE) == set()


@pytest.mark.parametrize("package", PACKAGES)
def test_importing_the_folders_of_a_package_is_light(package: str) -> None:
    spec = importlib.util.find_spec(package)
    assert spec is not None
    assert spec.origin is not None
    folder = Path(spec.origin).parent
    inits = sorted(file.parent.relative_to(folder.parent) for file in folder.rglob("__init__.py"))
    code = "\n".join(f"import {'.'.join(init.parts)}" for init in inits)
    assert loaded_by(code) & HEAVY == set()


@pytest.mark.parametrize(
    ("home", "registry"),
    [
        ("cdfi_runtime.runtimes", "RUNTIMES"),
        ("cdfi_model.spec", "NETWORKS"),
        ("cdfi_model.warp", "WARPS"),
        ("cdfi_model.data.layouts", "LAYOUTS"),
        ("cdfi_export.format_spec", "FORMATS"),
        ("cdfi_bench.baselines", "BASELINES"),
        ("cdfi_bench.reports", "REPORT_FORMATS"),
        ("cdfi_bench.devices", "DEVICES"),
        ("cdfi_bench.phone.way", "WAYS"),
    ],
)
def test_listing_a_registry_is_light(home: str, registry: str) -> None:
    code = f"from {home} import {registry}\nassert {registry}.names()\nstr({registry}.all())"
    assert loaded_by(code) & HEAVY == set()


def test_the_torch_runtime_registers_without_torch() -> None:
    code = (
        "import cdfi_model.torch_runtime\n"
        "from cdfi_runtime.runtimes import RUNTIMES\n"
        "assert RUNTIMES.get('torch').installed in (True, False)"
    )
    assert loaded_by(code) & HEAVY == set()


@pytest.mark.parametrize("package", PACKAGES)
def test_starting_a_command_is_light(package: str) -> None:
    assert loaded_by(f"import {package}.cli") & HEAVY == set()


def test_public_names_are_found_on_first_use() -> None:
    code = "import cdfi_runtime\nassert all(getattr(cdfi_runtime, n) for n in cdfi_runtime.__all__)"
    assert loaded_by(code) & HEAVY == set()


def test_the_measurement_sees_what_is_loaded() -> None:
    assert "PIL" in loaded_by("import PIL.Image")
