"""ExecuTorch artifacts: one file, XNNPACK where it takes an operator."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from cdfi_export.frame_size import FrameSize
from cdfi_export.options import ExportOptions
from cdfi_export.pipeline import ExportOutcome, export_all
from cdfi_export.quiet import quiet
from cdfi_model.checkpoints.weights import load_network, save_weights
from cdfi_model.network import build_network
from cdfi_model.pyramid_spec import PyramidSpec
from cdfi_model.spec import WarpSpec
from cdfi_model.torch_runtime import TorchSession
from cdfi_model.warp import unfolding
from cdfi_runtime.errors import ArtifactError, GateError, InputError, MissingDependencyError
from cdfi_runtime.files import sha256_artifact
from cdfi_runtime.manifest import Manifest, load_manifest, parse_manifest
from cdfi_runtime.runtimes import open_artifact

pytest.importorskip("executorch")

with quiet():
    from cdfi_export import executorch_trace

HEIGHT, WIDTH = 32, 48


class _Silent:
    def note(self, text: str) -> None: ...

    def start(self, artifact: str, steps: int) -> None: ...

    def step(self, text: str) -> None: ...

    def end(self) -> None: ...


def export(weights: Path, out: Path) -> ExportOutcome:
    sizes = (FrameSize(WIDTH, HEIGHT),)
    options = ExportOptions(weights=weights, format="executorch", sizes=sizes, out=out, threads=1)
    (outcome,) = export_all(options, _Silent())
    return outcome


@pytest.fixture(scope="module")
def artifact(tiny_shared_weights: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    outcome = export(tiny_shared_weights, tmp_path_factory.mktemp("executorch"))
    assert outcome.error is None, outcome.error
    assert outcome.file is not None
    return outcome.file


def frames() -> list[np.ndarray]:
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
    phases = np.array([0.0, 1.0, 2.0], np.float32)[:, None, None]
    return [
        (0.5 + 0.5 * np.sin(rows / 5 + columns / 7 + phases + shift))[None].astype(np.float32)
        for shift in (0.0, 0.6)
    ]


def _signed(manifest: Manifest, file: Path, **changed: Any) -> None:
    info = manifest.artifact.model_copy(update={"sha256": sha256_artifact(file)})
    manifest.model_copy(update={"artifact": info, **changed}).save(file)


def test_the_artifact_gives_what_torch_gives(artifact: Path, tiny_shared_weights: Path) -> None:
    session = open_artifact(artifact, threads=1)
    wanted = TorchSession(load_network(tiny_shared_weights), threads=1).run(*frames())
    got = session.run(*frames())
    assert (got.shape, got.dtype) == (wanted.shape, wanted.dtype)
    assert np.allclose(got, wanted, atol=1e-4)
    assert not np.allclose(session.run(*reversed(frames())), wanted, atol=1e-3)
    assert np.allclose(got, wanted, atol=1e-4)  # a later run leaves it alone


def test_what_ran_where_is_told(artifact: Path) -> None:
    session = open_artifact(artifact, accelerator="xnnpack", strict=True)
    assert (session.runtime, session.accelerator) == ("executorch", "cpu, xnnpack")
    with pytest.raises(InputError, match="'vulkan' alone"):
        open_artifact(artifact, accelerator="vulkan", strict=True)
    graph = load_manifest(artifact).graph
    (remark,) = graph.remarks
    outside = remark.partition(" run ")[2]
    assert f"of {sum(graph.operators.values())} operators" in remark
    assert "4 grid_sampler_2d.default" in outside and "conv" not in outside
    assert graph.operators["convolution.default"] > 5


def test_the_manifest_travels_inside(artifact: Path) -> None:
    from executorch.runtime import Runtime

    program = Runtime.get().load_program(artifact.read_bytes())
    (text,) = program.load_method("cdfi_manifest").execute([])
    assert parse_manifest(text, "inside").network == load_manifest(artifact).network


def test_a_damaged_file_is_refused(artifact: Path, tmp_path: Path) -> None:
    manifest = load_manifest(artifact)
    broken = tmp_path / "broken.pte"
    broken.write_bytes(artifact.read_bytes()[:5000])
    manifest.save(broken)
    with pytest.raises(ArtifactError, match="not the file its manifest describes"):
        open_artifact(broken)
    _signed(manifest, broken)
    with pytest.raises(ArtifactError, match="ExecuTorch can load"):
        open_artifact(broken)


def test_shapes_other_than_the_manifests_are_refused(artifact: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.pte"
    other.write_bytes(artifact.read_bytes())
    manifest = load_manifest(artifact)
    wider = [item.model_copy(update={"shape": (1, 3, HEIGHT, 64)}) for item in manifest.inputs]
    _signed(manifest, other, inputs=tuple(wider))
    with pytest.raises(ArtifactError, match=r"(?s)not its manifest's.*32, 64.*32, 48"):
        open_artifact(other)


def test_frames_of_another_size_are_refused(artifact: Path) -> None:
    session = open_artifact(artifact)
    with pytest.raises(InputError, match="16x32 pixels"):
        session.run(*(frame[..., :16].copy() for frame in frames()))


def test_without_the_package_the_pip_command_is_given(
    artifact: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cdfi_export.executorch_runtime import ExecutorchSession

    for name in [name for name in sys.modules if name.partition(".")[0] == "executorch"]:
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setitem(sys.modules, "executorch", None)
    with pytest.raises(MissingDependencyError, match=r"cdfi-mobile\[executorch\]"):
        ExecutorchSession(artifact)


def test_a_planted_fault_misses_the_gate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    warp = WarpSpec(taps=1, dilation=1, sampling="bilinear", offsets="shared")
    spec = PyramidSpec(
        name="moved",
        summary="quickly exported: it moves each frame by whole pixels",
        warp=warp,
        multiple=4,
        features=(4, 4),
        decoders=(4, 4),
        search=(0, 0),
        decoder_depth=1,
    )
    network = build_network(spec, seed=1)
    with torch.no_grad():  # heads start at zero, where rows and columns are the same
        network.decoders[-1].head.bias.copy_(torch.tensor([2.0, -1.0, -2.0, 1.0]))
    save_weights(tmp_path / "moved.safetensors", network)
    true, right = executorch_trace.trace, unfolding.warp_by_unfold

    def faulty(*given: Any) -> Any:
        with pytest.MonkeyPatch.context() as patch:  # torch itself, compared with later, is right
            patch.setattr(
                unfolding, "warp_by_unfold", lambda p, w, a, b, spec: right(p, w, b, a, spec)
            )
            return true(*given)

    monkeypatch.setattr(executorch_trace, "trace", faulty)
    outcome = export(tmp_path / "moved.safetensors", tmp_path)
    assert isinstance(outcome.error, GateError)
    assert outcome.file is not None and outcome.file.name.endswith(".failed")
