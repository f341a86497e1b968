"""Which paths are artifacts: files, folders of them, and folders that are one themselves."""

from __future__ import annotations

from pathlib import Path

import pytest
from cdfi_bench.rows import expand_artifacts
from cdfi_runtime.errors import InputError


def test_a_folder_with_a_manifest_is_an_artifact(tmp_path: Path) -> None:
    package = tmp_path / "a.mlpackage"
    package.mkdir()
    (package / "weights.bin").write_bytes(b"x")
    (tmp_path / "b.onnx").write_bytes(b"x")
    for name in ("a.mlpackage", "b.onnx", "gone.onnx"):
        (tmp_path / f"{name}.manifest.json").write_text("{}")
    assert expand_artifacts([package]) == [package]
    assert expand_artifacts([tmp_path]) == [package, tmp_path / "b.onnx"]
    (tmp_path / "a.mlpackage.manifest.json").unlink()
    with pytest.raises(InputError, match="holds no artifact"):
        expand_artifacts([package])
