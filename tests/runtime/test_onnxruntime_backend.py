from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from cdfi_runtime.backends.onnxruntime import OnnxSession
from cdfi_runtime.errors import ArtifactError, CdfiError, InputError
from cdfi_runtime.files import sha256_file
from cdfi_runtime.manifest import manifest_path, read_manifest


def _planes(height: int = 32, width: int = 32) -> np.ndarray:
    return np.random.default_rng(0).random((1, 3, height, width), dtype=np.float32)


def test_it_runs_with_the_manifest_beside_the_file(make_artifact: Any) -> None:
    session = OnnxSession(make_artifact(), threads=1)
    a, b = _planes(), 1 - _planes()
    np.testing.assert_allclose(session.run(a, b), (a + b) / 2, atol=1e-7)
    assert session.runtime == "onnxruntime"
    assert session.accelerator == "cpu"
    assert session.version[0].isdigit()


def test_the_copy_inside_the_file_serves_when_the_manifest_is_missing(make_artifact: Any) -> None:
    path = make_artifact(embed=True, manifest=False)
    artifact = OnnxSession(path).manifest.artifact
    assert artifact.sha256 == sha256_file(path)
    assert artifact.bytes == path.stat().st_size
    assert artifact.file == path.name


def test_a_foreign_onnx_file_is_refused(make_artifact: Any) -> None:
    with pytest.raises(ArtifactError, match="not an artifact of this project"):
        OnnxSession(make_artifact(manifest=False))


def test_a_broken_copy_inside_is_refused(make_artifact: Any) -> None:
    path = make_artifact(manifest=False)
    model = onnx.load(path)
    onnx.helper.set_model_props(model, {"cdfi_manifest": "{}"})
    onnx.save(model, path)
    with pytest.raises(ArtifactError, match="schema version"):
        OnnxSession(path)


def test_a_manifest_of_another_file_is_refused(make_artifact: Any) -> None:
    path = make_artifact()
    with path.open("ab") as file:
        file.write(b"\0")
    with pytest.raises(ArtifactError, match="not the file its manifest describes"):
        OnnxSession(path)


@pytest.mark.parametrize(
    ("content", "error", "message"),
    [
        (b"", InputError, "0 bytes"),
        (b"this is no model\n", ArtifactError, "no ONNX model"),
        (bytes(range(256)) * 8, ArtifactError, "no ONNX model"),
    ],
)
def test_broken_files_are_refused(
    tmp_path: Path, content: bytes, error: type[CdfiError], message: str
) -> None:
    path = tmp_path / "broken.onnx"
    path.write_bytes(content)
    with pytest.raises(error, match=message):
        OnnxSession(path)


def test_truncated_files_are_refused_wherever_they_end(make_artifact: Any) -> None:
    path = make_artifact(embed=True, manifest=False)
    whole = path.read_bytes()
    for length in range(1, len(whole), 97):
        path.write_bytes(whole[:length])
        with pytest.raises(ArtifactError):
            OnnxSession(path)


def test_missing_files_and_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not found"):
        OnnxSession(tmp_path / "absent.onnx")
    with pytest.raises(InputError, match="not a file"):
        OnnxSession(tmp_path)


@pytest.mark.parametrize(
    "change",
    [
        {"inputs": [{"name": "left", "shape": [1, 3, "h", "w"]}] * 2},
        {"inputs": [{"name": "frame0", "shape": [1, 3, "h", "w"]}]},
        {"inputs": [{"name": n, "shape": [1, 3, 64, 64]} for n in ("frame0", "frame2")]},
        {"outputs": [{"name": "frame1", "shape": [1, 1, "h", "w"]}]},
        {"outputs": [{"name": "frame1", "layout": "NHWC", "shape": [1, "h", "w", 3]}]},
        {"outputs": [{"name": "frame1", "dtype": "float16", "shape": [1, 3, "h", "w"]}]},
    ],
)
def test_a_manifest_that_does_not_describe_the_graph_is_refused(
    make_artifact: Any, change: dict[str, Any]
) -> None:
    path = make_artifact()
    raw = json.loads(manifest_path(path).read_text()) | change
    manifest_path(path).write_text(json.dumps(raw))
    with pytest.raises(ArtifactError, match=r"inputs|outputs"):
        OnnxSession(path)


def test_the_order_of_inputs_is_the_manifests(make_artifact: Any) -> None:
    """A manifest may list the second frame first; names decide what goes where."""
    path = make_artifact()
    manifest = read_manifest(path)
    manifest.model_copy(update={"inputs": manifest.inputs[::-1]}).save(path)
    assert OnnxSession(path).run(_planes(), _planes()).shape == (1, 3, 32, 32)


def test_frames_that_the_graph_refuses_give_a_clear_error(make_artifact: Any) -> None:
    session = OnnxSession(make_artifact(size=(64, 32)))
    with pytest.raises(InputError, match="failed on frames of 32x32"):
        session.run(_planes(), _planes())
