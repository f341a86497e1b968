"""ONNX artifacts with the native operators: every precision, the portable twin, its stand-in."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from cdfi_export.cli import app
from cdfi_model.checkpoints.weights import save_weights
from cdfi_model.kernel_unet_spec import KernelUNetSpec
from cdfi_model.network import build_network
from cdfi_model.spec import WarpSpec
from cdfi_runtime import Interpolator, native
from cdfi_runtime.errors import CdfiError, InputError
from cdfi_runtime.manifest import load_manifest
from cdfi_runtime.native import NativeError
from cdfi_runtime.runtimes import open_artifact
from typer.testing import CliRunner

pytestmark = pytest.mark.usefixtures("native_built")
MAPS = ("weight0", "alpha0", "beta0", "weight2", "alpha2", "beta2")


def export(weights: Path, out: Path, *options: str) -> int:
    command = ["--weights", str(weights), "--size", "64x48", "--out", str(out), "--threads", "1"]
    result = CliRunner().invoke(app, [*command, "--warp", "fused", *options])
    error = result.exception  # main() turns it into the exit code
    return error.exit_code if isinstance(error, CdfiError) else result.exit_code


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of a small network with features and a synthesis, as CDFI's."""
    spec = KernelUNetSpec(
        name="tiny",
        summary="",
        warp=WarpSpec(3, 2, "truncate"),
        multiple=4,
        encoder=((4, 5), (6, 7)),
        decoder=((8, 9),),
        **dict.fromkeys(MAPS, (5, 4)),  # type: ignore[arg-type]
        occlusion=(4,),
        blend=(4,),
        feature_levels=(2, 3),
        synthesis_widths=(4, 6),
        synthesis_columns=4,
    )
    path = tmp_path_factory.mktemp("weights") / "tiny.safetensors"
    save_weights(path, build_network(spec, seed=3).eval(), info={"license": "CC0-1.0"})
    return path


@pytest.fixture(scope="module")
def folder(weights: Path, tmp_path_factory: pytest.TempPathFactory, native_built: None) -> Path:
    """Both files of two precisions as ONNX, and of one as ORT."""
    del native_built  # it skips, or in CI fails, without the library
    out = tmp_path_factory.mktemp("artifacts")
    assert export(weights, out, "--precision", "float32", "--precision", "int8") == 0
    assert export(weights, out, "--format", "ort") == 0
    return out


def frames() -> list[np.ndarray]:
    random = np.random.default_rng(5)
    coarse = random.random((2, 7, 9, 3), dtype=np.float32)
    return [np.kron(frame, np.ones((7, 7, 1), np.float32))[:48, :61] for frame in coarse]


@pytest.mark.parametrize(("suffix", "tag"), [(".onnx", ""), (".onnx", "_int8"), (".ort", "")])
def test_both_files_give_the_same_picture(folder: Path, suffix: str, tag: str) -> None:
    portable = folder / f"tiny_64x48{tag}{suffix}"
    fused = folder / f"tiny_64x48{tag}_fused{suffix}"
    manifest = load_manifest(fused)
    assert manifest.graph.operators["AdaCoFHeadsWarp"] == 1
    assert manifest.artifact.portable == portable.name
    assert load_manifest(portable).artifact.portable is None
    assert "AdaCoFHeadsWarp" not in load_manifest(portable).graph.operators
    pictures = [
        Interpolator.load(path, threads=1).interpolate(*frames()) for path in (portable, fused)
    ]
    # Ranges of int8 are measured on tensors that differ by rounding.
    assert np.abs(pictures[0] - pictures[1]).max() <= (2e-2 if tag == "_int8" else 1e-5)


def test_the_session_says_what_runs_the_warp(folder: Path) -> None:
    session = open_artifact(folder / "tiny_64x48_fused.onnx", threads=1, strict=True)
    assert session.accelerator == f"cpu, native warp ({native.dispatch()})"
    assert session.fallback is None


@pytest.mark.parametrize("suffix", [".onnx", ".ort"])
def test_without_the_library_the_portable_file_runs(
    folder: Path, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = folder / f"tiny_64x48_fused{suffix}"
    expected = Interpolator.load(path, threads=1).interpolate(*frames())
    monkeypatch.setattr(native, "library_path", lambda: None)
    session = open_artifact(path, threads=1)
    assert session.manifest.artifact.file == f"tiny_64x48{suffix}"
    assert session.fallback is not None
    assert (
        "not built" in session.fallback
        and f"tiny_64x48{suffix} runs in its place" in session.fallback
    )
    picture = Interpolator.from_session(session).interpolate(*frames())
    assert np.abs(picture - expected).max() <= 1e-5
    with pytest.raises(InputError, match="alone"):
        open_artifact(path, threads=1, strict=True)


def test_without_library_and_portable_file_the_error_says_so(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "tiny_64x48_fused.onnx"
    for file in (name, f"{name}.manifest.json"):
        (tmp_path / file).write_bytes((folder / file).read_bytes())
    monkeypatch.setattr(native, "library_path", lambda: None)
    with pytest.raises(NativeError, match="needs the native library") as error:
        open_artifact(tmp_path / name, threads=1)
    assert "tiny_64x48.onnx beside the artifact" in str(error.value)


def test_without_the_library_nothing_is_exported(
    weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(native, "library_path", lambda: None)
    assert export(weights, tmp_path / "out") == 2
    assert not list(tmp_path.glob("out/*.onnx"))


def test_formats_without_a_place_for_it_refuse(weights: Path, tmp_path: Path) -> None:
    assert export(weights, tmp_path / "out", "--format", "ncnn") == 2
    assert not list(tmp_path.glob("out/tiny*"))
