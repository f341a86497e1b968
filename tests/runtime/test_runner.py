"""``cdfi_runner``: what it runs, in which order, and what it writes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cdfi_runtime
import numpy as np
import onnx
import onnxruntime
import pytest
from cdfi_runtime.frames import round_to_uint8
from onnx import TensorProto, helper
from PIL import Image

Runner = Any  # of conftest.py, which cannot be imported
ArtifactMaker = Any
SHAPE = (1, 3, 40, 56)


def frames(shape: tuple[int, ...] = SHAPE, seed: int = 0) -> dict[str, np.ndarray]:
    random = np.random.default_rng(seed)
    return {name: random.random(shape, dtype=np.float32) for name in ("frame0", "frame2")}


def in_python(model: Path, feed: dict[str, np.ndarray], operators: Path | None = None) -> Any:
    options = onnxruntime.SessionOptions()
    if operators is not None:
        options.register_custom_ops_library(str(operators))
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    return session.run(None, feed)[0]


def save_graph(
    path: Path, nodes: list[onnx.NodeProto], shapes: dict[str, tuple[int, ...]], **constants: Any
) -> Path:
    """A graph whose last name in ``shapes`` is its output."""
    values = [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in shapes.items()]
    initial = [onnx.numpy_helper.from_array(value, name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "graph", values[:-1], values[-1:], initial)
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("cdfi", 1)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=9), path)
    return path


@pytest.fixture
def reference(tmp_path: Path) -> Path:
    node = helper.make_node("Conv", ["x", "w"], ["y"], pads=[1, 1, 1, 1])
    shape = (1, 4, 16, 16)
    weight = np.ones((4, 4, 3, 3), np.float32)
    return save_graph(tmp_path / "reference.onnx", [node], {"x": shape, "y": shape}, w=weight)


def durations(samples: list[list[str]], phase: str) -> list[int]:
    return [int(words[2]) for words in samples if words[0] == phase]


def test_every_phase_in_its_order_with_all_samples(
    runner: Runner, make_artifact: ArtifactMaker, reference: Path
) -> None:
    done = runner(
        make_artifact(),
        *runner.feed(**frames()),
        *("--reference", reference, "--warm-up", "3", "--runs", "4", "--end-to-end", "5"),
        *("--sustained", "0.2"),
    )
    assert done.code == 0, done.last_line
    result = done.result
    assert (result["runner"], result["complete"], result["stopped"]) == (1, True, None)
    assert result["error"] is None
    assert [len(result[f"{phase}_ns"]) for phase in ("burst", "reference", "end_to_end")] == [
        4,
        4,
        5,
    ]
    assert result["warm_up"] == 3
    assert len(result["sustained_ns"]) > 1
    runs = [words for words in done.samples if words[0] not in ("frequency", "thermal")]
    order = ["load", "first", *["warm_up"] * 3, *["reference", "burst"] * 4, *["end_to_end"] * 5]
    assert [words[0] for words in runs][: len(order)] == order
    assert {words[0] for words in runs[len(order) :]} == {"sustained"}
    ends = [int(words[1]) for words in done.samples]
    assert ends[0] == 0
    assert ends == sorted(ends)
    for phase in ("burst", "reference", "end_to_end", "sustained"):
        assert durations(runs, phase) == result[f"{phase}_ns"]
    assert durations(runs, "load") == [result["load_ns"]]
    assert durations(runs, "first") == [result["first_run_ns"]]
    assert 0 < result["vm_hwm_before_load_bytes"] < result["vm_hwm_bytes"]


def test_facts_of_the_run(runner: Runner, make_artifact: ArtifactMaker) -> None:
    done = runner(make_artifact(), *runner.feed(**frames()), "--affinity", "0")
    result = done.result
    assert result["runtime"] == "onnxruntime"
    assert result["version"] == onnxruntime.__version__
    assert result["provider_requested"] == "cpu"
    assert "cpu" in result["providers_available"]
    assert result["provider_nodes"] == {"cpu": 2}
    assert (result["threads"], result["affinity"]) == (1, [0])
    assert result["output_shape"] == list(SHAPE)
    assert (result["emulated"], result["emulation_known"]) == (None, True)


@pytest.mark.parametrize("size", [None, (56, 40)], ids=["dynamic", "fixed"])
def test_the_output_is_onnx_runtimes(
    runner: Runner, make_artifact: ArtifactMaker, size: tuple[int, int] | None
) -> None:
    model, feed = make_artifact(size=size), frames()
    options = runner.feed(**feed)
    if size is not None:  # the graph says its own sides
        options = [part for part in options if part != "--shape" and "=1,3," not in part]
    assert runner(model, *options).code == 0
    got = np.fromfile(runner.output, "<f4").reshape(SHAPE)
    assert np.abs(got - in_python(model, feed)).max() <= 1e-6
    assert np.abs(got - sum(feed.values()) / 2).max() <= 1e-6


def test_the_shipped_network(runner: Runner) -> None:
    model = Path(cdfi_runtime.__file__).parent / "assets" / "default.onnx"
    feed = frames((1, 3, 64, 64))
    done = runner(model, *runner.feed(**feed))
    assert done.code == 0, done.last_line
    got = np.fromfile(runner.output, "<f4").reshape(1, 3, 64, 64)
    assert np.abs(got - in_python(model, feed)).max() <= 1e-6
    assert done.result["provider_nodes"]["cpu"] > 100


def test_the_picture_is_clipped_rounded_and_interleaved(
    runner: Runner, make_artifact: ArtifactMaker
) -> None:
    feed = frames()
    feed["frame0"] -= 0.5  # so that the sum leaves [0, 1] on both sides
    done = runner(
        make_artifact("sum"), *runner.feed(**feed), "--end-to-end", "2", "--picture", runner.picture
    )
    assert done.code == 0, done.last_line
    expected = round_to_uint8((feed["frame0"] + feed["frame2"])[0].transpose(1, 2, 0))
    assert {0, 255} <= set(expected.ravel().tolist())
    assert np.array_equal(np.asarray(Image.open(runner.picture)), expected)


def test_the_picture_of_a_graph_with_channels_last(runner: Runner, tmp_path: Path) -> None:
    shape = (1, 40, 56, 3)
    model = save_graph(
        tmp_path / "last.onnx",
        [helper.make_node("Mul", ["frame0", "frame2"], ["y"])],
        dict.fromkeys(("frame0", "frame2", "y"), shape),
    )
    feed = frames(shape)
    done = runner(model, *runner.feed(**feed), "--end-to-end", "1", "--picture", runner.picture)
    assert done.code == 0, done.last_line
    expected = round_to_uint8((feed["frame0"] * feed["frame2"])[0])
    assert np.array_equal(np.asarray(Image.open(runner.picture)), expected)


def test_a_graph_with_the_native_operators(runner: Runner, tmp_path: Path) -> None:
    random = np.random.default_rng(3)
    maps = {n: random.standard_normal((1, 9, 12, 16), dtype=np.float32) for n in ("w", "a", "b")}
    node = helper.make_node(
        *("AdaCoFWarp", ["image", *maps], ["y"]),
        domain="cdfi",
        taps=3,
        dilation=1,
        sampling="bilinear",
    )
    shapes = dict.fromkeys(("image", "y"), (1, 3, 12, 16))
    model = save_graph(tmp_path / "native.onnx", [node], shapes, **maps)
    feed = {"image": random.random((1, 3, 12, 16), dtype=np.float32)}
    operators = runner.bundle.folder / "libcdfi_native.so"
    done = runner(model, *runner.feed(**feed), "--operators", operators)
    assert done.code == 0, done.last_line
    got = np.fromfile(runner.output, "<f4").reshape(1, 3, 12, 16)
    assert np.abs(got - in_python(model, feed, operators)).max() <= 1e-6
    without = runner(model, *runner.feed(**feed))
    assert without.code == 3
    assert "AdaCoFWarp" in without.result["error"]


def test_frequencies_and_temperatures(
    runner: Runner, make_artifact: ArtifactMaker, tmp_path: Path
) -> None:
    files = {
        "devices/system/cpu/cpu0/cpufreq/scaling_cur_freq": "1804800\n",
        "devices/system/cpu/cpu10/cpufreq/scaling_cur_freq": "2841600\n",
        "devices/system/cpu/cpu1/online": "0\n",
        "class/thermal/thermal_zone0/type": "cpu 0:big\n",
        "class/thermal/thermal_zone0/temp": "41250\n",
        "class/thermal/thermal_zone1/type": "battery\n",
        "class/thermal/thermal_zone1/temp": "-500\n",
        "class/thermal/thermal_zone7/type": "battery\n",
        "class/thermal/thermal_zone7/temp": "30000\n",
        "class/thermal/thermal_zone8/type": "modem\n",
    }
    for name, text in files.items():
        (tmp_path / "sys" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "sys" / name).write_text(text)
    done = runner(make_artifact(), *runner.feed(**frames()), "--sysfs", tmp_path / "sys")
    frequencies = {"0": 1804800, "10": 2841600}
    temperatures = {"cpu_0_big": 41250, "battery": -500, "battery.7": 30000}
    assert [reading for _, reading in done.result["frequency"]] == [frequencies] * 2
    assert [reading for _, reading in done.result["thermal"]] == [temperatures] * 2
    logged = [words for words in done.samples if words[0] == "thermal"]
    assert [int(words[1]) for words in logged] == [time for time, _ in done.result["thermal"]]
    assert logged[0][2:] == ["battery:-500", "battery.7:30000", "cpu_0_big:41250"]
    assert done.samples[0][:2] == ["frequency", "0"]


def test_what_cannot_be_read_is_null(
    runner: Runner, make_artifact: ArtifactMaker, tmp_path: Path
) -> None:
    done = runner(make_artifact(), *runner.feed(**frames()), "--sysfs", tmp_path / "none")
    assert (done.result["frequency"], done.result["thermal"]) == (None, None)
