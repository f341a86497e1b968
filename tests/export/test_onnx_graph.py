"""The ONNX file itself: names, sizes, metadata, determinism, nothing of the machine inside."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from cdfi_export.frame_size import FrameSize
from cdfi_export.onnx_graph import METADATA_KEY
from cdfi_export.options import ExportOptions
from cdfi_export.pipeline import export_all
from cdfi_model.checkpoints.weights import load_network
from cdfi_runtime.interpolator import Interpolator
from cdfi_runtime.manifest import load_manifest, parse_manifest

FIXED, DYNAMIC = "tiny_64x64.onnx", "tiny_dynamic.onnx"


@pytest.fixture(params=[FIXED, DYNAMIC])
def artifact(request: pytest.FixtureRequest, tiny_run: Any) -> Path:
    path: Path = tiny_run.out / request.param
    return path


def test_the_graph_is_one_valid_file_of_the_wanted_opset(artifact: Path) -> None:
    model = onnx.load(artifact, load_external_data=False)
    onnx.checker.check_model(model)
    assert [entry.version for entry in model.opset_import if entry.domain == ""] == [18]
    assert not any(tensor.external_data for tensor in model.graph.initializer)


def test_the_graph_has_the_forms_that_onnxruntime_is_quick_at(
    tiny_shared_weights: Path, tmp_path: Path, recorder: Any
) -> None:
    options = ExportOptions(
        weights=tiny_shared_weights, sizes=(FrameSize(64, 64),), out=tmp_path, threads=1
    )
    (outcome,) = export_all(options, recorder)
    assert outcome.error is None and outcome.file is not None
    graph = onnx.load(outcome.file).graph
    samples = [node for node in graph.node if node.op_type == "GridSample"]
    assert samples
    for node in samples:
        facts = {item.name: onnx.helper.get_attribute_value(item) for item in node.attribute}
        assert facts["padding_mode"] == b"zeros"
        assert facts.get("align_corners", 0) == 0
    for node in graph.node:  # over channels, ONNX Runtime runs it on a transposed copy
        assert node.op_type != "Softmax" or node.attribute[0].i in (-1, 3)


@pytest.mark.parametrize(("name", "plane"), [(FIXED, [64, 64]), (DYNAMIC, ["height", "width"])])
def test_inputs_and_outputs_are_named_and_sized(tiny_run: Any, name: str, plane: list[Any]) -> None:
    graph = onnx.load(tiny_run.out / name).graph
    shapes = {
        value.name: [axis.dim_param or axis.dim_value for axis in value.type.tensor_type.shape.dim]
        for value in (*graph.input, *graph.output)
    }
    assert shapes == {key: [1, 3, *plane] for key in ("frame0", "frame2", "frame1")}


def test_the_copy_inside_is_the_manifest_but_for_the_files_own_facts(artifact: Path) -> None:
    metadata = {entry.key: entry.value for entry in onnx.load(artifact).metadata_props}
    inside = parse_manifest(metadata[METADATA_KEY], "inside")
    beside = load_manifest(artifact)
    assert inside.artifact.sha256 == "0" * 64
    assert inside.artifact.bytes == 1
    assert inside.parity == ()
    assert inside.graph.operators["Conv"] > 0
    facts = {"sha256": beside.artifact.sha256, "bytes": beside.artifact.bytes}
    filled = inside.model_copy(
        update={
            "artifact": inside.artifact.model_copy(update=facts),
            "parity": beside.parity,
        }
    )
    assert filled == beside
    assert metadata["network"] == "tiny"
    assert metadata["sampling"] == "bilinear"
    assert metadata["license"] == "CC0-1.0"


def test_the_file_runs_without_its_manifest(artifact: Path, tmp_path: Path) -> None:
    alone = Path(shutil.copy(artifact, tmp_path))
    interpolator = Interpolator.load(alone, threads=1)
    assert interpolator.manifest.network == load_manifest(artifact).network
    frame = np.random.default_rng(0).integers(0, 256, (50, 60, 3), np.uint8)
    assert interpolator.interpolate(frame, frame).shape == frame.shape


def _check_sizes(artifact: Path, weights: Path) -> None:
    """Hold a dynamic graph against torch from its smallest size on."""
    network = load_network(weights)
    interpolator = Interpolator.load(artifact, threads=1)
    generator = np.random.default_rng(3)
    for height, width in ((4, 4), (8, 20), (64, 64), (52, 4), (32, 96)):
        pair = [generator.random((height, width, 3), np.float32) for _ in range(2)]
        tensors = [torch.from_numpy(frame).permute(2, 0, 1)[None] for frame in pair]
        with torch.no_grad():
            wanted = network(*tensors)[0].permute(1, 2, 0).clamp(0, 1).numpy()
        np.testing.assert_allclose(interpolator.interpolate(*pair), wanted, atol=1e-4)


def test_a_dynamic_graph_is_right_at_several_sizes(tiny_run: Any) -> None:
    _check_sizes(tiny_run.out / DYNAMIC, tiny_run.weights)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("opset", "warp"), [(18, "per_tap"), (18, "per_row"), (18, "gather"), (19, "deform_conv")]
)
def test_every_formulation_is_right_in_dynamic_graphs(
    tiny_taps_weights: Path, tmp_path: Path, recorder: Any, opset: int, warp: str
) -> None:
    options = ExportOptions(
        weights=tiny_taps_weights, dynamic=True, opset=opset, warp=warp, out=tmp_path, threads=1
    )
    (outcome,) = export_all(options, recorder)
    assert outcome.error is None
    _check_sizes(tmp_path / DYNAMIC, tiny_taps_weights)


def test_nothing_of_this_machine_is_inside(artifact: Path) -> None:
    content = artifact.read_bytes()
    for text in ("site-packages", str(Path(__file__).parents[2]), sys.prefix, str(Path.home())):
        if text != "/":
            assert text.encode() not in content
    model = onnx.load(artifact)
    assert not any(node.doc_string or node.metadata_props for node in model.graph.node)


def test_the_same_weights_give_the_same_bytes(tiny_run: Any, tmp_path: Path, recorder: Any) -> None:
    options = ExportOptions(
        weights=tiny_run.weights, sizes=(FrameSize(64, 64),), out=tmp_path, threads=1
    )
    (outcome,) = export_all(options, recorder)
    assert outcome.error is None
    assert (tmp_path / FIXED).read_bytes() == (tiny_run.out / FIXED).read_bytes()


@pytest.mark.parametrize(("opset", "warp"), [(19, "deform_conv"), (20, "per_tap"), (23, "gather")])
def test_later_opsets(tiny_run: Any, tmp_path: Path, recorder: Any, opset: int, warp: str) -> None:
    options = ExportOptions(
        weights=tiny_run.weights,
        sizes=(FrameSize(64, 64),),
        opset=opset,
        warp=warp,
        out=tmp_path,
        threads=1,
    )
    (outcome,) = export_all(options, recorder)
    assert outcome.error is None
    model = onnx.load(tmp_path / FIXED)
    assert [entry.version for entry in model.opset_import if entry.domain == ""] == [opset]
    operators = {node.op_type for node in model.graph.node}
    assert ("DeformConv" in operators) == (warp == "deform_conv")
