"""ONNX and ORT files in half precision and as integers, from a small real network."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from cdfi_export import onnx_trace
from cdfi_export.frame_size import FrameSize
from cdfi_export.options import ExportOptions
from cdfi_export.pipeline import ExportOutcome, export_all
from cdfi_model.checkpoints.weights import load_network, save_weights
from cdfi_model.network import build_network
from cdfi_model.pyramid_spec import PyramidSpec
from cdfi_model.spec import WarpSpec
from cdfi_model.torch_runtime import TorchSession
from cdfi_runtime.errors import ArtifactError, InputError
from cdfi_runtime.manifest import load_manifest
from cdfi_runtime.runtimes import open_artifact
from onnx import TensorProto, helper, numpy_helper

SIZE = FrameSize(64, 64)
PRECISIONS = ("float32", "float16", "int8")
Exporter = Callable[..., ExportOutcome]


class _Silent:
    def note(self, text: str) -> None: ...
    def start(self, artifact: str, steps: int) -> None: ...
    def step(self, text: str) -> None: ...
    def end(self) -> None: ...


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Wide enough that weights outweigh the nodes of the graph, as in the shipped network."""
    spec = PyramidSpec(
        name="wide",
        summary="for tests",
        warp=WarpSpec(taps=3, dilation=1, sampling="bilinear", offsets="shared"),
        multiple=4,
        features=(16, 48),
        decoders=(48, 48),
        search=(0, 1),
        decoder_depth=2,
    )
    network = build_network(spec, seed=1).eval()
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=generator) * 0.05)
    path = tmp_path_factory.mktemp("weights") / "wide.safetensors"
    save_weights(path, network)
    return path


@pytest.fixture(scope="module")
def export(weights: Path, tmp_path_factory: pytest.TempPathFactory) -> Exporter:
    """Exports; the slow trace in front of them is made once for each size."""
    true_trace, traced = onnx_trace.trace, {}
    out = tmp_path_factory.mktemp("out")

    def trace(network: Any, size: FrameSize | None, opset: int) -> onnx.ModelProto:
        if size not in traced:
            traced[size] = true_trace(network, size, opset).SerializeToString()
        return onnx.ModelProto.FromString(traced[size])

    def run(form: str, precision: str, size: FrameSize | None = SIZE) -> ExportOutcome:
        options = ExportOptions(
            weights=weights,
            format=form,
            precision=precision,
            sizes=(size,) if size else (),
            dynamic=size is None,
            warp="unfold",
            out=out,
            threads=1,
        )
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(onnx_trace, "trace", trace)
            (outcome,) = export_all(options, _Silent())
        return outcome

    return run


@pytest.fixture(scope="module")
def artifacts(export: Exporter) -> dict[tuple[str, str], Path]:
    made = {}
    for form in ("onnx", "ort"):
        for precision in PRECISIONS:
            outcome = export(form, precision)
            assert outcome.error is None, outcome.error
            assert outcome.file is not None
            made[form, precision] = outcome.file
    return made


def frames() -> list[np.ndarray]:
    rows, columns = np.mgrid[0:64, 0:64].astype(np.float32)
    phases = np.array([0.0, 1.0, 2.0], np.float32)[:, None, None]
    return [
        (0.5 + 0.5 * np.sin(rows / 5 + columns / 7 + phases + shift))[None].astype(np.float32)
        for shift in (0.0, 0.6)
    ]


@pytest.mark.parametrize("form", ["onnx", "ort"])
@pytest.mark.parametrize(
    ("precision", "psnr_db"), [("float32", 100), ("float16", 65), ("int8", 30)]
)
def test_every_precision_gives_what_torch_gives(
    artifacts: dict[tuple[str, str], Path],
    weights: Path,
    form: str,
    precision: str,
    psnr_db: float,
) -> None:
    session = open_artifact(artifacts[form, precision], threads=1)
    wanted = TorchSession(load_network(weights), threads=1).run(*frames())
    error = float(np.square(session.run(*frames()) - wanted).mean())
    assert -10 * np.log10(error + 1e-20) >= psnr_db
    if precision != "float32":  # else nothing was narrowed
        assert error > 1e-11
    manifest = load_manifest(artifacts[form, precision])
    assert (manifest.artifact.format, manifest.artifact.precision) == (form, precision)
    assert manifest.parity and all(item.verdict == "pass" for item in manifest.parity)


@pytest.mark.parametrize("form", ["onnx", "ort"])
def test_narrower_precisions_are_smaller(artifacts: dict[tuple[str, str], Path], form: str) -> None:
    sizes = [artifacts[form, precision].stat().st_size for precision in PRECISIONS]
    assert sizes[0] > sizes[1] > sizes[2]


def test_half_precision_is_for_weights_alone(artifacts: dict[tuple[str, str], Path]) -> None:
    graph = onnx.load(artifacts["onnx", "float16"]).graph
    half = {t.name for t in graph.initializer if t.data_type == TensorProto.FLOAT16}
    readers = {node.op_type for node in graph.node for name in node.input if name in half}
    assert readers == {"Cast"}
    weights = {node.input[1] for node in graph.node if node.op_type in ("Conv", "ConvTranspose")}
    widened = {node.output[0] for node in graph.node if node.input and node.input[0] in half}
    assert weights == widened
    assert {v.type.tensor_type.elem_type for v in (*graph.input, *graph.output)} == {
        TensorProto.FLOAT
    }
    (remark,) = load_manifest(artifacts["onnx", "float16"]).graph.remarks
    assert "half precision" in remark and "float32" in remark


def test_int8_leaves_the_sensitive_layers_in_floating_point(
    artifacts: dict[tuple[str, str], Path],
) -> None:
    graph = onnx.load(artifacts["onnx", "int8"]).graph
    made_by = {name: node.op_type for node in graph.node for name in node.output}
    integers, floats = set(), set()
    for node in graph.node:
        if node.op_type in ("Conv", "ConvTranspose"):
            narrow = made_by.get(node.input[1]) == "DequantizeLinear"
            (integers if narrow else floats).add(node.input[1])
    assert len(integers) >= 6
    assert not [name for name in integers if ".head" in name or "matchers" in name]
    assert {"decoders.0.head.weight", "decoders.1.head.weight", "occlusion.weight"} <= floats
    per_channel = [
        tensor
        for tensor in graph.initializer
        if tensor.name.endswith("weight_scale") and tensor.dims and tensor.dims[0] > 1
    ]
    assert len(per_channel) == len(integers)
    remarks = " ".join(load_manifest(artifacts["onnx", "int8"]).graph.remarks)
    assert "decoders.0.head" in remarks and "not measured" not in remarks


@pytest.mark.slow
def test_a_graph_for_every_size_in_integers(export: Exporter, weights: Path) -> None:
    outcome = export("onnx", "int8", None)
    assert outcome.error is None and outcome.file is not None
    session = open_artifact(outcome.file, threads=1)
    pair = [np.ascontiguousarray(frame[..., :40, :52]) for frame in frames()]
    wanted = TorchSession(load_network(weights), threads=1).run(*pair)
    assert -10 * np.log10(np.square(session.run(*pair) - wanted).mean()) >= 30


def test_the_same_frames_give_the_same_bytes(
    artifacts: dict[tuple[str, str], Path], export: Exporter
) -> None:
    for key in (("onnx", "int8"), ("onnx", "float16")):  # ONNX Runtime orders its own file anew
        before = artifacts[key].read_bytes()
        export(*key)
        assert artifacts[key].read_bytes() == before


def test_an_ort_file_is_fused_and_fits_every_cpu(
    artifacts: dict[tuple[str, str], Path],
) -> None:
    float32 = load_manifest(artifacts["ort", "float32"]).graph.operators
    assert float32["FusedConv"] > 0
    int8 = load_manifest(artifacts["ort", "int8"]).graph.operators
    assert int8["QLinearConv"] > 0
    # Layouts of one kind of CPU come with operators that put tensors into them.
    assert not {"ReorderInput", "ReorderOutput"} & (set(float32) | set(int8))
    content = artifacts["ort", "float32"].read_bytes()
    assert b"ReorderInput" not in content
    assert content[4:8] == b"ORTM"


def test_int8_without_frames_is_refused() -> None:
    from cdfi_export.onnx_quantize import to_int8

    with pytest.raises(InputError, match="calibration"):
        to_int8(onnx.ModelProto(), (), ())


def test_a_graph_without_a_convolution_to_quantize_is_refused() -> None:
    from cdfi_export.onnx_quantize import to_int8

    kernel = numpy_helper.from_array(np.ones((3, 3, 1, 1), np.float32), "only.weight")
    plane = helper.make_tensor_value_info("frame0", TensorProto.FLOAT, (1, 3, 8, 8))
    result = helper.make_tensor_value_info("frame1", TensorProto.FLOAT, (1, 3, 8, 8))
    node = helper.make_node("Conv", ["frame0", "only.weight"], ["frame1"], name="conv")
    model = helper.make_model(helper.make_graph([node], "g", [plane], [result], [kernel]))
    frame = np.zeros((1, 8, 8, 3), np.float32)
    with pytest.raises(ArtifactError, match="no convolution is left"):
        to_int8(model, [(frame, frame)], {"only"})
