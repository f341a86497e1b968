"""Faults planted into the ONNX converter's output: refused, or caught by the parity gate."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from cdfi_export import onnx_build, onnx_graph, onnx_trace
from cdfi_export.frame_size import FrameSize
from cdfi_export.onnx_positions import check_positions
from cdfi_export.options import ExportOptions
from cdfi_export.pipeline import ExportOutcome, export_all
from cdfi_model.checkpoints.weights import load_network
from cdfi_runtime.errors import ArtifactError, GateError
from cdfi_runtime.images import write_image
from onnx import TensorProto, helper, numpy_helper

SQUARE, WIDE = FrameSize(64, 64), FrameSize(2048, 32)
Plant = Callable[[onnx.ModelProto], None]


def _before_sampling(model: onnx.ModelProto, name: str, *chain: tuple[str, dict[str, Any]]) -> None:
    """Puts one-input operators between every grid and its GridSample."""
    nodes = []
    for node in model.graph.node:
        if node.op_type == "GridSample":
            for step, (operator, facts) in enumerate(chain):
                given = dict(facts)
                extra = given.pop("inputs", [])
                output = f"{node.name}_{name}_{step}"
                nodes.append(
                    helper.make_node(operator, [node.input[1], *extra], [output], output, **given)
                )
                node.input[1] = output
        nodes.append(node)
    del model.graph.node[:]
    model.graph.node.extend(nodes)


def exchange_rows_and_columns(model: onnx.ModelProto) -> None:
    order = numpy_helper.from_array(np.array([1, 0], np.int64), "exchanged")
    model.graph.initializer.append(order)
    _before_sampling(model, "order", ("Gather", {"axis": -1, "inputs": ["exchanged"]}))


def align_corners(model: onnx.ModelProto) -> None:
    for node in model.graph.node:
        if node.op_type == "GridSample":
            kept = [item for item in node.attribute if item.name != "align_corners"]
            del node.attribute[:]
            node.attribute.extend([*kept, helper.make_attribute("align_corners", 1)])


def swap_axes_of_an_input(model: onnx.ModelProto) -> None:
    for node in model.graph.node:
        node.input[:] = ["swapped" if name == "frame0" else name for name in node.input]
    turn = helper.make_node("Transpose", ["frame0"], ["swapped"], "turn", perm=[0, 1, 3, 2])
    model.graph.node.insert(0, turn)


def swap_axes_of_the_output(model: onnx.ModelProto) -> None:
    for node in model.graph.node:
        node.output[:] = ["straight" if name == "frame1" else name for name in node.output]
    turn = helper.make_node("Transpose", ["straight"], ["frame1"], "turn", perm=[0, 1, 3, 2])
    model.graph.node.append(turn)


def halve_positions(model: onnx.ModelProto) -> None:
    half, single = {"to": TensorProto.FLOAT16}, {"to": TensorProto.FLOAT}
    _before_sampling(model, "rounded", ("Cast", half), ("Cast", single))


FAULTS = (
    exchange_rows_and_columns,
    align_corners,
    swap_axes_of_an_input,
    swap_axes_of_the_output,
)


@pytest.fixture(scope="module")
def models(tiny_shared_weights: Path) -> dict[FrameSize, bytes]:
    network = load_network(tiny_shared_weights)
    return {
        size: onnx_trace.trace(network, size, 18).SerializeToString() for size in (SQUARE, WIDE)
    }


@pytest.fixture
def export(
    models: dict[FrameSize, bytes],
    tiny_shared_weights: Path,
    tmp_path: Path,
    recorder: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[..., ExportOutcome]:
    def run(
        plant: Plant | None, size: FrameSize, precision: str, data: Path | None = None
    ) -> ExportOutcome:
        def optimise(model: onnx.ModelProto) -> onnx.ModelProto:
            slim = onnx_graph.optimise(model)
            if plant is not None:
                plant(slim)
            return slim

        monkeypatch.setattr(
            onnx_trace, "trace", lambda *_: onnx.ModelProto.FromString(models[size])
        )
        monkeypatch.setattr(onnx_build, "optimise", optimise)
        options = ExportOptions(
            weights=tiny_shared_weights,
            sizes=(size,),
            precision=precision,
            warp="unfold",
            verify_data=data,
            out=tmp_path / "out",
            threads=1,
        )
        (outcome,) = export_all(options, recorder)
        return outcome

    return run


@pytest.fixture(scope="module")
def wide_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Frames of noise, in which any shift shows."""
    folder = tmp_path_factory.mktemp("data") / "noise"
    folder.mkdir()
    generator = np.random.default_rng(0)
    for name in ("im1.png", "im2.png", "im3.png"):
        write_image(
            folder / name, generator.integers(0, 256, (WIDE.height, WIDE.width, 3), np.uint8)
        )
    return folder


@pytest.mark.parametrize("precision", ["float32", "float16"])
@pytest.mark.parametrize("fault", [None, *FAULTS])
def test_a_planted_fault_misses_the_gate(
    export: Callable[..., ExportOutcome], fault: Plant | None, precision: str
) -> None:
    outcome = export(fault, SQUARE, precision)
    if fault is None:
        assert outcome.error is None
        return
    assert isinstance(outcome.error, GateError)
    assert outcome.file is not None and outcome.file.name.endswith(".failed")


@pytest.mark.parametrize("precision", ["float32", "float16"])
def test_positions_in_half_precision_are_refused_and_would_miss_the_gate(
    export: Callable[..., ExportOutcome],
    wide_data: Path,
    monkeypatch: pytest.MonkeyPatch,
    precision: str,
) -> None:
    refused = export(halve_positions, WIDE, precision, wide_data)
    assert isinstance(refused.error, ArtifactError)
    assert "float16" in str(refused.error) and refused.file is None
    monkeypatch.setattr(onnx_build, "check_positions", lambda _: 0)
    missed = export(halve_positions, WIDE, precision, wide_data)
    assert isinstance(missed.error, GateError)


def test_what_is_right_passes_on_the_wide_frame(
    export: Callable[..., ExportOutcome], wide_data: Path
) -> None:
    for precision in ("float32", "float16"):
        assert export(None, WIDE, precision, wide_data).error is None


def _sampled(grid: list[onnx.NodeProto], *constants: onnx.TensorProto) -> onnx.ModelProto:
    """A graph that samples ``frame`` at what ``grid`` makes of ``features``."""
    single = TensorProto.FLOAT
    nodes = [*grid, helper.make_node("GridSample", ["frame", "grid"], ["out"], "sample")]
    graph = helper.make_graph(
        nodes,
        "g",
        [
            helper.make_tensor_value_info("frame", single, (1, 3, 8, 8)),
            helper.make_tensor_value_info("features", single, (1, 8, 8, 2)),
        ],
        [helper.make_tensor_value_info("out", single, (1, 3, 8, 8))],
        list(constants),
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)])


def test_the_check_follows_positions_to_their_convolution_and_no_further() -> None:
    node = helper.make_node
    kernel = numpy_helper.from_array(np.ones((8, 8, 1, 1), np.float32), "kernel")
    half, single = TensorProto.FLOAT16, TensorProto.FLOAT
    above = [
        node("Cast", ["features"], ["narrow"], to=half),
        node("Cast", ["narrow"], ["wide"], to=single),
        node("Conv", ["wide", "kernel"], ["offsets"]),
    ]
    below = [node("Neg", ["offsets"], ["grid"])]
    assert check_positions(_sampled([*above, *below], kernel)) == 2  # the grid and the offsets
    rounded = [
        node("Cast", ["offsets"], ["low"], to=half),
        node("Cast", ["low"], ["grid"], to=single),
    ]
    with pytest.raises(ArtifactError, match="float16 in low"):
        check_positions(_sampled([*above, *rounded], kernel))


def test_the_check_finds_a_narrow_constant_and_an_integer_convolution() -> None:
    node = helper.make_node
    base = numpy_helper.from_array(np.zeros((1, 8, 8, 2), np.float16), "base")
    nodes = [
        node("Cast", ["base"], ["wide"], to=TensorProto.FLOAT),
        node("Add", ["features", "wide"], ["grid"]),
    ]
    with pytest.raises(ArtifactError, match="float16 in base"):
        check_positions(_sampled(nodes, base))
    kernel = numpy_helper.from_array(np.ones((8, 8, 1, 1), np.int8), "kernel")
    scale = numpy_helper.from_array(np.array(0.1, np.float32), "scale")
    nodes = [
        node("DequantizeLinear", ["kernel", "scale"], ["weights"]),
        node("Conv", ["features", "weights"], ["grid"], "gives_offsets"),
    ]
    with pytest.raises(ArtifactError, match="integer convolution in gives_offsets"):
        check_positions(_sampled(nodes, kernel, scale))


def test_sizes_of_narrow_tensors_are_no_positions() -> None:
    node = helper.make_node
    index = numpy_helper.from_array(np.array(1, np.int64), "index")
    nodes = [
        node("Cast", ["features"], ["narrow"], to=TensorProto.FLOAT16),
        node("Shape", ["narrow"], ["sizes"]),
        node("Gather", ["sizes", "index"], ["height"]),
        node("Cast", ["height"], ["rows"], to=TensorProto.FLOAT),
        node("Div", ["features", "rows"], ["grid"]),
    ]
    assert check_positions(_sampled(nodes, index)) > 5


@pytest.mark.parametrize(
    ("warp", "opset"),
    [pytest.param("gather", 18, marks=pytest.mark.slow), ("deform_conv", 19)],
)
def test_every_way_of_sampling_is_checked(tiny_taps_weights: Path, warp: str, opset: int) -> None:
    network = load_network(tiny_taps_weights)
    network.formulation = warp
    model = onnx_build.plain(network, FrameSize(16, 16), opset)
    assert check_positions(model) > 10
    operator, where = ("DeformConv", 2) if warp == "deform_conv" else ("GatherElements", 1)
    used = {node.op_type for node in model.graph.node}
    operator = operator if operator in used else "Gather"
    reader = next(node for node in model.graph.node if node.op_type == operator)
    source = reader.input[where]
    reader.input[where] = "planted_wide"
    place = list(model.graph.node).index(reader)
    kind = TensorProto.FLOAT if warp == "deform_conv" else TensorProto.INT64
    cast = helper.make_node
    model.graph.node.insert(place, cast("Cast", ["planted"], ["planted_wide"], to=kind))
    model.graph.node.insert(place, cast("Cast", [source], ["planted"], to=TensorProto.FLOAT16))
    with pytest.raises(ArtifactError, match="float16 in planted"):
        check_positions(model)
