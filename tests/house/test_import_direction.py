"""Imports between the four packages run downwards only, and the runtime never sees torch."""

from __future__ import annotations

import ast
import importlib.util
from collections.abc import Iterator
from pathlib import Path

import pytest

MAY_IMPORT = {
    "cdfi_runtime": set(),
    "cdfi_model": {"cdfi_runtime"},
    "cdfi_export": {"cdfi_runtime", "cdfi_model"},
    "cdfi_bench": {"cdfi_runtime", "cdfi_model", "cdfi_export"},
}
NEVER = {"cdfi_runtime": {"torch", "onnx", "safetensors"}}


def imported(source: str) -> Iterator[tuple[int, str]]:
    """Line and top-level name of every import in a module, wherever it stands.

    ``import_module("name")`` and relative imports count too; a relative one is named ``"."``.
    """
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name.partition(".")[0]
        elif isinstance(node, ast.ImportFrom):
            yield node.lineno, "." if node.level else str(node.module).partition(".")[0]
        elif isinstance(node, ast.Call) and node.args:
            function = node.func
            name = function.attr if isinstance(function, ast.Attribute) else None
            name = function.id if isinstance(function, ast.Name) else name
            first = node.args[0]
            if (
                name in ("import_module", "__import__")
                and isinstance(first, ast.Constant)
                and isinstance(first.value, str)
            ):
                yield node.lineno, first.value.partition(".")[0]


def violations(package: str, source: str, where: str) -> list[str]:
    """What in a module of ``package`` breaks the table, as readable lines."""
    refused = (set(MAY_IMPORT) - MAY_IMPORT[package] - {package}) | NEVER.get(package, set())
    return [f"{where}:{line} imports {name}" for line, name in imported(source) if name in refused]


def _folder(package: str) -> Path:
    spec = importlib.util.find_spec(package)
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_imports_run_downwards(package: str) -> None:
    folder = _folder(package)
    files = sorted(folder.rglob("*.py"))
    assert files
    found = [
        line
        for file in files
        for line in violations(
            package, file.read_text(encoding="utf-8"), str(file.relative_to(folder.parent))
        )
    ]
    assert found == []


@pytest.mark.parametrize(
    ("package", "source"),
    [
        ("cdfi_runtime", "import torch"),
        ("cdfi_runtime", "def late():\n    from torch.nn import functional"),
        ("cdfi_runtime", "import cdfi_model.spec"),
        ("cdfi_runtime", "importlib.import_module('cdfi_model.torch_runtime')"),
        ("cdfi_model", "from cdfi_export import pipeline"),
        ("cdfi_export", "from cdfi_bench.report import Report"),
    ],
)
def test_the_walk_finds_what_is_forbidden(package: str, source: str) -> None:
    assert len(violations(package, source, "x.py")) == 1


def test_the_walk_allows_what_the_table_allows() -> None:
    source = "import cdfi_runtime\nfrom cdfi_model import spec\nimport torch\n"
    assert violations("cdfi_export", source, "x.py") == []
