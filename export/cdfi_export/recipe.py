"""The hash of all that an artifact is made from: equal hashes, equal work."""

from __future__ import annotations

import hashlib
import json
import platform
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from cdfi_runtime.files import sha256_file

from cdfi_export.options import ExportOptions
from cdfi_export.plan import Plan
from cdfi_export.source import Source

_PACKAGES = ("cdfi_export", "cdfi_model", "cdfi_runtime")
_SOURCES = (".py", ".toml", ".json")
_DATA = (".png", ".jpg", ".jpeg", ".bmp", ".ppm", ".txt", ".mp4", ".mov", ".mkv", ".webm", ".avi")


def recipe_sha256(plan: Plan, source: Source, options: ExportOptions) -> str:
    """One hash over weights, plan, data, tools and our own code.

    The output folder, the number of threads and what only names things are left out.
    """
    recipe = {
        "weights": source.weights_sha256,
        "network": source.network.spec.to_json(),
        "file": plan.file,
        "format": plan.format.name,
        "precision": plan.precision,
        "size": str(plan.size),
        "opset": plan.opset,
        "warp": plan.warp.name,
        "images": plan.images,
        "form": plan.form,
        "calibration": [_digest(options.calibration), options.calibration_pairs],
        "verification": [_digest(options.verify_data), options.verify_pairs],
        "tools": {package: _version(package) for package in plan.format.packages},
        "machine": [platform.machine(), platform.system(), platform.python_version()],
        "code": _code_digest(),
    }
    return hashlib.sha256(json.dumps(recipe, sort_keys=True).encode()).hexdigest()


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


@cache
def _digest(path: Path | None) -> str | None:
    """Of the pictures and videos in a folder, or of a file; ``None`` if there is none."""
    if path is None or not path.exists():
        return None
    if path.is_file():
        return sha256_file(path)
    files = (each for each in sorted(path.rglob("*")) if each.suffix.lower() in _DATA)
    return _digest_of(path, [each for each in files if each.is_file()])


@cache
def _code_digest() -> str:
    digests = []
    for package in _PACKAGES:
        spec = find_spec(package)
        assert spec is not None and spec.origin is not None
        folder = Path(spec.origin).parent
        files = [each for each in sorted(folder.rglob("*")) if each.suffix in _SOURCES]
        # The embedded artifact's manifest and measurements are results, not code.
        digests.append(_digest_of(folder, [each for each in files if "assets" not in each.parts]))
    return hashlib.sha256("".join(digests).encode()).hexdigest()


def _digest_of(folder: Path, files: list[Path]) -> str:
    digest = hashlib.sha256()
    for file in files:
        digest.update(f"{file.relative_to(folder).as_posix()}\0{sha256_file(file)}\n".encode())
    return digest.hexdigest()
