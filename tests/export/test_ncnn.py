"""ncnn artifacts: a folder of two files and the manifest, computed without a batch axis."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from cdfi_export.frame_size import FrameSize
from cdfi_export.options import ExportOptions
from cdfi_export.pipeline import ExportOutcome, export_all
from cdfi_model.layers.cost_volume import SymmetricCostVolume
from cdfi_model.torch_runtime import TorchSession
from cdfi_model.warp import unfolding
from cdfi_runtime.errors import ArtifactError, GateError, InputError, MissingDependencyError
from cdfi_runtime.files import sha256_artifact
from cdfi_runtime.manifest import Manifest, load_manifest, parse_manifest
from cdfi_runtime.runtimes import open_artifact

pytest.importorskip("ncnn")
pytest.importorskip("pnnx")

from cdfi_export import ncnn_trace

PRECISIONS = ("float32", "float16")
HEIGHT, WIDTH = 48, 64


class _Silent:
    def note(self, text: str) -> None: ...

    def start(self, artifact: str, steps: int) -> None: ...

    def step(self, text: str) -> None: ...

    def end(self) -> None: ...


def export(weights: Path, out: Path, **options: Any) -> ExportOutcome:
    sizes = (FrameSize(WIDTH, HEIGHT),)
    (outcome,) = export_all(
        ExportOptions(weights=weights, format="ncnn", sizes=sizes, out=out, threads=1, **options),
        _Silent(),
    )
    return outcome


@pytest.fixture(scope="module")
def artifacts(
    tiny_shared_weights: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Path]:
    """One artifact for each precision."""
    out = tmp_path_factory.mktemp("ncnn")
    files = {}
    for precision in PRECISIONS:
        outcome = export(tiny_shared_weights, out, precision=precision)
        assert outcome.error is None, outcome.error
        assert outcome.file is not None
        files[precision] = outcome.file
    return files


def frames() -> list[np.ndarray]:
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
    phases = np.array([0.0, 1.0, 2.0], np.float32)[:, None, None]
    return [
        (0.5 + 0.5 * np.sin(rows / 5 + columns / 7 + phases + shift))[None].astype(np.float32)
        for shift in (0.0, 0.6)
    ]


@pytest.mark.parametrize(("precision", "psnr_db"), [("float32", 90), ("float16", 60)])
def test_the_artifact_gives_what_torch_gives(
    artifacts: dict[str, Path], tiny_shared_weights: Path, precision: str, psnr_db: float
) -> None:
    from cdfi_model.checkpoints.weights import load_network

    session = open_artifact(artifacts[precision], threads=1)
    wanted = TorchSession(load_network(tiny_shared_weights), threads=1).run(*frames())
    got = session.run(*frames())
    assert (got.shape, got.dtype) == (wanted.shape, wanted.dtype)
    error = float(np.square(got - wanted).mean())
    assert -10 * np.log10(error + 1e-20) >= psnr_db
    assert (session.runtime, session.accelerator, session.fallback) == ("ncnn", "cpu", None)
    # Frames in the wrong order must not pass for the right ones.
    swapped = float(np.square(session.run(*reversed(frames())) - wanted).mean())
    assert swapped > 2 * error


def test_the_frames_stay_as_they_were(artifacts: dict[str, Path]) -> None:
    session = open_artifact(artifacts["float32"], threads=1)
    given = frames()
    first = session.run(*given)
    kept = first.copy()
    assert all(np.array_equal(ours, now) for ours, now in zip(frames(), given, strict=True))
    # Nor does a later run write into what an earlier one returned.
    session.run(*reversed(given))
    assert np.array_equal(first, kept)
    assert np.array_equal(session.run(*given), kept)


def test_a_folder_holds_graph_weights_and_manifest(artifacts: dict[str, Path]) -> None:
    for precision, folder in artifacts.items():
        manifest = load_manifest(folder)
        assert manifest.artifact.precision == precision
        assert manifest.warp.formulation == "unfold"
        assert manifest.graph.operators["GridSample"] == 4
        assert "use_fp16_arithmetic" in manifest.graph.remarks[0]
        assert manifest.parity and all(item.verdict == "pass" for item in manifest.parity)
        text = (folder / "cdfi_manifest.json").read_text()
        assert parse_manifest(text, precision).network == manifest.network
    sizes = [(artifacts[precision] / "net.bin").stat().st_size for precision in PRECISIONS]
    assert sizes[1] < 0.75 * sizes[0]


def _resigned(manifest: Manifest, folder: Path) -> None:
    info = manifest.artifact.model_copy(update={"sha256": sha256_artifact(folder)})
    manifest.model_copy(update={"artifact": info}).save(folder)


@pytest.mark.parametrize("name", ["net.param", "net.bin"])
def test_a_damaged_folder_is_refused(artifacts: dict[str, Path], tmp_path: Path, name: str) -> None:
    manifest = load_manifest(artifacts["float32"])
    broken = tmp_path / "broken.ncnn"
    broken.mkdir()
    for file in artifacts["float32"].iterdir():
        content = file.read_bytes()
        (broken / file.name).write_bytes(
            content[: len(content) // 2 if file.name == name else None]
        )
    manifest.save(broken)
    with pytest.raises(ArtifactError, match="not the file its manifest describes"):
        open_artifact(broken)
    _resigned(manifest, broken)
    with pytest.raises(ArtifactError, match="ncnn can load"):
        open_artifact(broken)
    (broken / name).unlink()
    _resigned(manifest, broken)
    with pytest.raises(ArtifactError, match="ncnn can load"):
        open_artifact(broken)


def test_inputs_other_than_the_manifests_are_refused(
    artifacts: dict[str, Path], tmp_path: Path
) -> None:
    other = tmp_path / "other.ncnn"
    other.mkdir()
    for file in artifacts["float32"].iterdir():
        (other / file.name).write_bytes(file.read_bytes().replace(b"frame2", b"frame3"))
    _resigned(load_manifest(artifacts["float32"]), other)
    with pytest.raises(ArtifactError, match=r"(?s)not its manifest's.*frame2.*frame3"):
        open_artifact(other)


def test_frames_of_another_size_are_refused(artifacts: dict[str, Path]) -> None:
    session = open_artifact(artifacts["float32"])
    with pytest.raises(InputError, match=f"{WIDTH}x{HEIGHT}"):
        session.run(*(frame[:, :, :32] for frame in frames()))


def test_another_accelerator_is_not_silently_the_cpu(artifacts: dict[str, Path]) -> None:
    session = open_artifact(artifacts["float32"], accelerator="vulkan")
    assert session.fallback is not None and "'vulkan'" in session.fallback
    with pytest.raises(InputError, match="'vulkan' alone"):
        open_artifact(artifacts["float32"], accelerator="vulkan", strict=True)


def test_without_the_packages_the_pip_command_is_given(
    artifacts: dict[str, Path],
    tiny_shared_weights: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from cdfi_runtime.backends.ncnn import NcnnSession

    monkeypatch.setitem(sys.modules, "ncnn", None)
    with pytest.raises(MissingDependencyError, match=r"cdfi-mobile\[ncnn\]"):
        NcnnSession(artifacts["float32"])
    monkeypatch.setitem(sys.modules, "pnnx", None)
    error = export(tiny_shared_weights, tmp_path).error
    assert isinstance(error, MissingDependencyError) and "cdfi-mobile[ncnn]" in str(error)


def test_a_warp_that_ncnn_has_no_layer_for_is_refused(
    tiny_shared_weights: Path, tmp_path: Path
) -> None:
    outcome = export(tiny_shared_weights, tmp_path, warp="lookup")
    assert isinstance(outcome.error, ArtifactError) and "choose another --warp" in str(
        outcome.error
    )
    assert not list(tmp_path.glob("*.ncnn*"))


def test_what_needs_a_batch_axis_is_refused(
    tiny_shared_weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As it is, the network joins its frames to a batch; pnnx says so, but writes a graph.
    monkeypatch.setattr(ncnn_trace, "_one_by_one", lambda network: network)
    error = export(tiny_shared_weights, tmp_path).error
    assert isinstance(error, ArtifactError) and "batch axis 0 is not supported" in str(error)


def test_one_displacement_after_the_other_gives_the_same_costs() -> None:
    generator = torch.Generator().manual_seed(3)
    first, second = (torch.randn(1, 5, 9, 11, generator=generator) for _ in range(2))
    wanted = SymmetricCostVolume(2)(first, second)
    assert torch.allclose(ncnn_trace._EachDisplacement(2)(first, second), wanted, atol=1e-6)


def _exchanged(patch: pytest.MonkeyPatch) -> None:
    true = unfolding.warp_by_unfold
    patch.setattr(unfolding, "warp_by_unfold", lambda p, w, a, b, spec: true(p, w, b, a, spec))


def _aligned(patch: pytest.MonkeyPatch) -> None:
    true = torch.nn.functional.grid_sample
    patch.setattr(
        torch.nn.functional,
        "grid_sample",
        lambda *given, **options: true(*given, **{**options, "align_corners": True}),
    )


def _frames_swapped(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(ncnn_trace, "_NAMES", {"in0": "frame2", "in1": "frame0", "out0": "frame1"})


@pytest.mark.parametrize("plant", [_exchanged, _aligned, _frames_swapped])
def test_a_planted_fault_misses_the_gate(
    tiny_shared_weights: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    plant: Callable[[pytest.MonkeyPatch], None],
) -> None:
    true = ncnn_trace.trace

    def faulty(*given: Any, **options: Any) -> tuple[str, bytes]:
        with pytest.MonkeyPatch.context() as patch:  # torch itself, compared with later, is right
            plant(patch)
            return true(*given, **options)

    monkeypatch.setattr(ncnn_trace, "trace", faulty)
    outcome = export(tiny_shared_weights, tmp_path)
    assert outcome.file is not None and outcome.file.name.endswith(".failed")
    assert isinstance(outcome.error, GateError)
