"""TFLite artifacts with the native warp: values, contents, and life without the library."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cdfi_export.frame_size import FrameSize
from cdfi_export.matrix import plan_matrix
from cdfi_export.options import ExportOptions
from cdfi_export.pipeline import export_all
from cdfi_model.checkpoints.weights import load_network, save_weights
from cdfi_model.kernel_unet_spec import KernelUNetSpec
from cdfi_model.network import InterpolationNetwork, build_network
from cdfi_model.spec import Sampling, WarpSpec
from cdfi_model.torch_runtime import TorchSession
from cdfi_runtime import native
from cdfi_runtime.errors import InputError
from cdfi_runtime.litert_operators import HEADS_WARP, WARP
from cdfi_runtime.manifest import load_manifest
from cdfi_runtime.metrics import psnr
from cdfi_runtime.native import NativeError
from cdfi_runtime.runtimes import open_artifact

pytest.importorskip("litert_torch")
pytest.importorskip("ai_edge_quantizer")

from cdfi_export import litert_placement
from cdfi_export.litert_file import read_model
from cdfi_export.litert_native import teach_converter
from cdfi_export.litert_trace import trace

pytestmark = pytest.mark.usefixtures("native_built")

HEIGHT, WIDTH = 48, 64


class _Silent:
    def note(self, text: str) -> None: ...

    def start(self, artifact: str, steps: int) -> None: ...

    def step(self, text: str) -> None: ...

    def end(self) -> None: ...


def exported(weights: Path, out: Path, **changes: Any) -> Path:
    options = ExportOptions(
        weights=weights,
        **{"format": "litert", "warp": "fused", "sizes": (FrameSize(WIDTH, HEIGHT),), **changes},
        out=out,
        threads=1,
    )
    (outcome,) = export_all(options, _Silent())
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


def kernel_unet(sampling: Sampling, *, synthesis: bool) -> InterpolationNetwork:
    """Of two levels, with or without warped features; maps of some pixels' size."""
    import torch

    fields: dict[str, Any] = {
        "name": "tiny",
        "summary": "",
        "warp": WarpSpec(3, 2, sampling),
        "multiple": 4,
        "encoder": ((4, 5), (6, 7)),
        "decoder": ((8, 9),),
        **{f"{kind}{side}": (5, 4) for kind in ("weight", "alpha", "beta") for side in "02"},
        "occlusion": (4,),
    }
    if synthesis:
        fields |= {
            "blend": (4,),
            "feature_levels": (2, 3),
            "synthesis_widths": (4, 6),
            "synthesis_columns": 4,
        }
    network = build_network(KernelUNetSpec(**fields), seed=3).eval()
    generator = torch.Generator().manual_seed(4)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=generator) * 0.1)
    return network


def reference(network: InterpolationNetwork) -> np.ndarray:
    network.formulation = "gather"
    return TorchSession(network, threads=1).run(*frames())


@pytest.fixture(scope="module")
def artifact(tiny_shared_weights: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The fused file, with the portable one beside it."""
    out = tmp_path_factory.mktemp("fused")
    exported(tiny_shared_weights, out, warp="auto")
    return exported(tiny_shared_weights, out)


def test_shared_offsets_give_what_torch_gives(artifact: Path, tiny_shared_weights: Path) -> None:
    session = open_artifact(artifact, threads=1, strict=True)
    wanted = reference(load_network(tiny_shared_weights))
    got = session.run(*frames())
    assert psnr(got, wanted, data_range=1.0) > 90
    assert psnr(session.run(*reversed(frames())), wanted, data_range=1.0) < 60
    assert "native warp" in session.accelerator and "xnnpack" in session.accelerator
    assert session.fallback is None


def test_nothing_of_the_warp_is_left_but_the_operator(artifact: Path) -> None:
    manifest = load_manifest(artifact)
    assert manifest.warp.formulation == "fused"
    # Two frames, and the features of both at the finer of two levels.
    assert manifest.graph.operators[WARP] == 4
    assert not {"EMBEDDING_LOOKUP", "GATHER_ND", "CAST", "STABLEHLO_CUSTOM_CALL"} & set(
        manifest.graph.operators
    )
    found = litert_placement.placement(artifact.read_bytes(), fused=True)
    assert found.outside[WARP] == 4
    assert WARP in manifest.graph.remarks[0] and "native library" in manifest.graph.remarks[0]


@pytest.mark.parametrize(("sampling", "synthesis"), [("truncate", True), ("bilinear", False)])
def test_offsets_per_tap_give_what_torch_gives(
    tmp_path: Path, sampling: Sampling, synthesis: bool
) -> None:
    network = kernel_unet(sampling, synthesis=synthesis)
    save_weights(tmp_path / "tiny.safetensors", network)
    path = exported(tmp_path / "tiny.safetensors", tmp_path)
    assert load_manifest(path).graph.operators[HEADS_WARP] == 1
    got = open_artifact(path, threads=1).run(*frames())
    # Truncation jumps where an offset is a whole number.
    assert psnr(got, reference(network), data_range=1.0) > (60 if sampling == "truncate" else 90)


def test_half_precision_weights_leave_positions_alone(
    artifact: Path, tiny_shared_weights: Path, tmp_path: Path
) -> None:
    path = exported(tiny_shared_weights, tmp_path, precision="float16")
    assert path.stat().st_size < artifact.stat().st_size
    wanted = reference(load_network(tiny_shared_weights))
    assert psnr(open_artifact(path).run(*frames()), wanted, data_range=1.0) > 60


def test_half_precision_reaches_the_weights_of_the_heads(tmp_path: Path) -> None:
    network = kernel_unet("bilinear", synthesis=False)
    save_weights(tmp_path / "tiny.safetensors", network)
    path = exported(tmp_path / "tiny.safetensors", tmp_path, precision="float16")
    schema, model = read_model(path.read_bytes())
    (graph,) = model.subgraphs
    (heads,) = [
        operator
        for operator in graph.operators
        if model.operatorCodes[operator.opcodeIndex].customCode == HEADS_WARP.encode()
    ]
    makers = {int(operator.outputs[0]): operator for operator in graph.operators}
    weights, biases = heads.inputs[3:20:3], heads.inputs[4:20:3]
    for index in weights:
        half = graph.tensors[makers[int(index)].inputs[0]]
        assert half.type == schema.TensorType.FLOAT16
        assert model.buffers[half.buffer].data.size == 2 * 9 * 4 * 9
        assert model.buffers[graph.tensors[index].buffer].data is None
    assert all(graph.tensors[index].type == schema.TensorType.FLOAT32 for index in biases)
    wanted = reference(network)
    assert psnr(open_artifact(path).run(*frames()), wanted, data_range=1.0) > 50


def test_the_portable_file_is_planned_first_and_named(tiny_shared_weights: Path) -> None:
    options = ExportOptions(weights=tiny_shared_weights, warp="fused", sizes=(FrameSize(64, 48),))
    portable, fused = (cell.plan for cell in plan_matrix(options, ("litert",), ()).cells)
    assert (portable.warp.name, portable.portable) == ("lookup", None)
    assert (fused.warp.name, fused.portable) == ("fused", portable.file)
    assert portable.file != fused.file


def test_without_the_library_the_portable_file_runs(
    artifact: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = open_artifact(artifact, threads=1).run(*frames())
    monkeypatch.setattr(native, "library_path", lambda: None)
    session = open_artifact(artifact, threads=1)
    assert session.manifest.warp.formulation == "lookup"
    assert session.fallback is not None
    assert "not built" in session.fallback and "make native" in session.fallback
    assert load_manifest(artifact).artifact.portable in session.fallback
    assert psnr(session.run(*frames()), wanted, data_range=1.0) > 90
    with pytest.raises(InputError, match="alone"):
        open_artifact(artifact, strict=True)
    for file in (artifact, artifact.with_name(artifact.name + ".manifest.json")):
        shutil.copy(file, tmp_path)
    with pytest.raises(NativeError, match="beside the artifact"):
        open_artifact(tmp_path / artifact.name)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"precision": "int8"}, "quantizer cannot run"),
        ({"format": "ncnn"}, "no place for the operator"),
    ],
)
def test_what_cannot_hold_the_operator_is_refused(
    tiny_shared_weights: Path, tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises((InputError, AssertionError), match=message):
        exported(tiny_shared_weights, tmp_path, **changes)


def test_without_the_library_nothing_is_exported(
    tiny_shared_weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(native, "library_path", lambda: None)
    with pytest.raises(NativeError, match="not built"):
        exported(tiny_shared_weights, tmp_path)
    assert not list(tmp_path.glob("*.tflite*"))


def test_a_converter_without_a_place_for_it_is_named(
    monkeypatch: pytest.MonkeyPatch, tiny_shared_weights: Path
) -> None:
    import sys

    teach_converter.cache_clear()
    monkeypatch.setitem(sys.modules, "litert_torch.backend.lowerings", None)
    network = load_network(tiny_shared_weights)
    network.formulation = "fused"
    try:
        with pytest.raises(Exception, match="cannot be taught"):
            trace(network, FrameSize(WIDTH, HEIGHT))
    finally:
        teach_converter.cache_clear()
