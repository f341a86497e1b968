"""TFLite artifacts: names, layout, precisions, and what the converter must not leave behind."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cdfi_export import litert_placement
from cdfi_export.format_spec import INPUT_NAMES
from cdfi_export.frame_size import FrameSize
from cdfi_export.options import ExportOptions
from cdfi_export.pipeline import export_all
from cdfi_export.quiet import quiet
from cdfi_model.torch_runtime import TorchSession
from cdfi_model.warp import lookup
from cdfi_runtime.errors import ArtifactError, GateError, InputError
from cdfi_runtime.litert_delegation import delegation
from cdfi_runtime.manifest import load_manifest, parse_manifest
from cdfi_runtime.runtimes import open_artifact

pytest.importorskip("litert_torch")
pytest.importorskip("ai_edge_quantizer")

from cdfi_export import litert_trace

PRECISIONS = ("float32", "float16", "int8")
HEIGHT, WIDTH = 48, 64


class _Silent:
    def note(self, text: str) -> None: ...

    def start(self, artifact: str, steps: int) -> None: ...

    def step(self, text: str) -> None: ...

    def end(self) -> None: ...


@pytest.fixture(scope="module")
def artifacts(
    tiny_shared_weights: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Path]:
    """One artifact for each precision."""
    out = tmp_path_factory.mktemp("litert")
    files = {}
    for precision in PRECISIONS:
        options = ExportOptions(
            weights=tiny_shared_weights,
            format="litert",
            precision=precision,
            sizes=(FrameSize(WIDTH, HEIGHT),),
            out=out,
            threads=1,
        )
        (outcome,) = export_all(options, _Silent())
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


@pytest.mark.parametrize(("precision", "psnr_db"), [("float32", 90), ("float16", 60), ("int8", 30)])
def test_the_artifact_gives_what_torch_gives(
    artifacts: dict[str, Path], tiny_shared_weights: Path, precision: str, psnr_db: float
) -> None:
    from cdfi_model.checkpoints.weights import load_network

    session = open_artifact(artifacts[precision], threads=1)
    wanted = TorchSession(load_network(tiny_shared_weights), threads=1).run(*frames())
    error = float(np.square(session.run(*frames()) - wanted).mean())
    assert -10 * np.log10(error + 1e-20) >= psnr_db
    assert session.runtime == "litert"
    assert session.accelerator.startswith("cpu")
    # Frames in the wrong order must not pass for the right ones.
    swapped = float(np.square(session.run(*reversed(frames())) - wanted).mean())
    assert swapped > 2 * error


def test_each_precision_says_what_it_is(artifacts: dict[str, Path]) -> None:
    manifests = [load_manifest(artifacts[precision]) for precision in PRECISIONS]
    assert [manifest.artifact.precision for manifest in manifests] == list(PRECISIONS)
    for manifest in manifests:
        assert [item.name for item in manifest.inputs] == list(INPUT_NAMES)
        assert {item.layout for item in (*manifest.inputs, *manifest.outputs)} == {"NHWC"}
        assert manifest.warp.formulation == "lookup"
        assert manifest.parity and all(item.verdict == "pass" for item in manifest.parity)


def test_the_manifest_travels_inside(artifacts: dict[str, Path]) -> None:
    from ai_edge_litert import schema_py_generated as schema

    for precision, path in artifacts.items():
        model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(path.read_bytes(), 0))
        (entry,) = [item for item in model.metadata if item.name == b"cdfi_manifest"]
        buffer, content = model.buffers[entry.buffer], path.read_bytes()
        # The quantizer puts buffers behind the flatbuffer and notes where they lie.
        raw = bytes(bytearray(buffer.data)) if buffer.data is not None else None
        raw = raw or content[buffer.offset : buffer.offset + buffer.size]
        inside = parse_manifest(raw.decode(), precision)
        assert inside.artifact.precision == precision
        assert inside.network == load_manifest(path).network


def test_a_damaged_file_is_refused(artifacts: dict[str, Path], tmp_path: Path) -> None:
    manifest = load_manifest(artifacts["float32"])
    broken = tmp_path / "broken.tflite"
    broken.write_bytes(artifacts["float32"].read_bytes()[:1000])
    manifest.save(broken)
    with pytest.raises(ArtifactError, match="not the file its manifest describes"):
        open_artifact(broken)
    facts = json.loads(manifest.model_dump_json())
    from cdfi_runtime.files import sha256_file

    facts["artifact"]["sha256"] = sha256_file(broken)
    (tmp_path / "broken.tflite.manifest.json").write_text(json.dumps(facts))
    with pytest.raises(ArtifactError, match="LiteRT can load"):
        open_artifact(broken)


def test_int8_leaves_the_sensitive_layers_in_floating_point(artifacts: dict[str, Path]) -> None:
    from ai_edge_litert import schema_py_generated as schema

    path = artifacts["int8"]
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(path.read_bytes(), 0))
    graph = model.subgraphs[0]
    seen: dict[int, set[str]] = {}
    for operator in graph.operators:
        code = model.operatorCodes[operator.opcodeIndex]
        kind = max(code.builtinCode, code.deprecatedBuiltinCode)
        if kind in (schema.BuiltinOperator.CONV_2D, schema.BuiltinOperator.TRANSPOSE_CONV):
            tensor = graph.tensors[operator.outputs[0]]
            seen.setdefault(tensor.type, set()).add(tensor.name.decode())
    integers, floats = seen[schema.TensorType.INT8], seen[schema.TensorType.FLOAT32]
    assert any("Conv2d" in name for name in integers)
    for layer in ("head", "tap_logits", "occlusion"):
        assert any(f"_{layer};" in name for name in floats)
        assert not any(f"_{layer};" in name for name in integers)


def test_operators_that_the_runtime_lacks_are_named(tmp_path: Path) -> None:
    import litert_torch
    import torch
    from cdfi_export.litert_file import operators

    class Counts(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x * torch.eye(4)

    file = tmp_path / "counts.tflite"
    litert_torch.convert(Counts().eval(), (torch.zeros(4, 4),)).export(str(file))
    with pytest.raises(ArtifactError, match="STABLEHLO_IOTA"):
        operators(file.read_bytes())


def test_a_graph_for_every_size_is_refused(tiny_shared_weights: Path, tmp_path: Path) -> None:
    options = ExportOptions(
        weights=tiny_shared_weights, format="litert", dynamic=True, out=tmp_path
    )
    with pytest.raises(InputError, match="fixed size"):
        export_all(options, _Silent())


@pytest.mark.parametrize("precision", PRECISIONS)
def test_the_delegate_takes_every_convolution(artifacts: dict[str, Path], precision: str) -> None:
    path = artifacts[precision]
    found = litert_placement.placement(path.read_bytes())
    assert found.inside["CONV_2D"] > 5
    assert not [name for name in found.outside if "CONV" in name]
    # The parts are the whole, and the session and the manifest say the same.
    graph = load_manifest(path).graph
    assert Counter(found.inside) + Counter(found.outside) == Counter(graph.operators)
    assert found.text in open_artifact(path, threads=1).accelerator
    listed = graph.remarks[0]
    assert found.text in listed
    assert all(f"{count} {name}" in listed for name, count in found.outside.items())


def test_an_operator_within_a_partition_is_found_by_its_edges() -> None:
    operators = [
        {"op_name": "CONV_2D", "inputs": [0, 9], "outputs": [1]},
        {"op_name": "CAST", "inputs": [1], "outputs": [2]},
        {"op_name": "ADD", "inputs": [2, 1], "outputs": [3]},
        {"op_name": "MUL", "inputs": [3], "outputs": [4]},
        {"op_name": "DELEGATE", "inputs": [0, 9], "outputs": [1]},
        {"op_name": "DELEGATE", "inputs": [2, 1], "outputs": [4]},
    ]
    found = delegation(operators)
    assert found.inside == {"CONV_2D": 1, "ADD": 1, "MUL": 1}
    assert (found.outside, found.partitions) == ({"CAST": 1}, 2)
    assert found.text == "3 of 4 operators"


def test_what_a_phone_cannot_hold_is_refused_by_measurement(artifacts: dict[str, Path]) -> None:
    peak = litert_placement.peak_mib(artifacts["float32"])
    assert 10 < peak < litert_placement.PHONE_MIB
    litert_placement.check_memory(peak)
    with pytest.raises(ArtifactError, match="cannot hold"):
        litert_placement.check_memory(peak, limit=peak - 1)


def test_one_kernel_row_after_the_other_keeps_memory_small(tmp_path: Path) -> None:
    import litert_torch
    import torch
    from cdfi_model.spec import WarpSpec
    from cdfi_model.warp import adacof_warp

    spec = WarpSpec(taps=5, dilation=1, sampling="truncate", offsets="per_tap")

    class Warp(torch.nn.Module):
        def __init__(self, formulation: str) -> None:
            super().__init__()
            self.formulation = formulation

        def forward(self, image: torch.Tensor, maps: torch.Tensor) -> torch.Tensor:
            return adacof_warp(image, maps, maps, maps, spec, self.formulation)

    peaks = {}
    for formulation in ("gather", "gather_rows"):
        file = tmp_path / f"{formulation}.tflite"
        example = torch.zeros(1, 32, 64, 64), torch.zeros(1, 25, 64, 64)
        litert_torch.convert(Warp(formulation).eval(), example).export(str(file))
        peaks[formulation] = litert_placement.peak_mib(file)
    # A row looks up 10 MiB; a packed copy of it and the other four rows are the difference.
    assert peaks["gather"] - peaks["gather_rows"] > 40


def test_what_cannot_run_has_no_peak(tmp_path: Path) -> None:
    (tmp_path / "no.tflite").write_bytes(b"nothing")
    with pytest.raises(ArtifactError, match="cannot run"):
        litert_placement.peak_mib(tmp_path / "no.tflite")


def test_native_lines_are_hidden_and_errors_are_not(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError, match="seen"), quiet():
        os.write(2, b"a converter's own line")
        raise ValueError("seen")
    os.write(2, b"ours")
    assert capfd.readouterr().err == "ours"


def _exchanged(patch: pytest.MonkeyPatch) -> None:
    true = lookup.warp_by_lookup
    patch.setattr(lookup, "warp_by_lookup", lambda p, w, a, b, spec: true(p, w, b, a, spec))


def _shifted(patch: pytest.MonkeyPatch) -> None:
    true = lookup.warp_by_lookup
    patch.setattr(
        lookup, "warp_by_lookup", lambda p, w, a, b, spec: true(p, w, a + 0.5, b + 0.5, spec)
    )


def _half(patch: pytest.MonkeyPatch) -> None:
    true = lookup.pixel_positions
    patch.setattr(
        lookup, "warp_by_lookup", partial(_by_half_positions, lookup.warp_by_lookup, true)
    )


def _by_half_positions(true: Any, positions: Any, p: Any, w: Any, a: Any, b: Any, spec: Any) -> Any:
    rows = positions(a.shape[2], a).view(1, 1, -1, 1)
    columns = positions(b.shape[3], b).view(1, 1, 1, -1)
    a, b = ((own + grid).half().float() - grid for own, grid in ((a, rows), (b, columns)))
    return true(p, w, a, b, spec)


def _transposed(patch: pytest.MonkeyPatch) -> None:
    def forward(self: Any, frame0: Any, frame2: Any) -> Any:
        planes = (frame.permute(0, 3, 2, 1) for frame in (frame0, frame2))
        return self.network(*planes).permute(0, 3, 2, 1)

    patch.setattr(litert_trace.ChannelsLast, "forward", forward)


@pytest.mark.parametrize("plant", [_exchanged, _shifted, _half, _transposed])
def test_a_planted_fault_misses_the_gate(
    tiny_shared_weights: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    plant: Callable[[pytest.MonkeyPatch], None],
) -> None:
    true = litert_trace.trace

    def faulty(*arguments: Any) -> bytes:
        with pytest.MonkeyPatch.context() as patch:  # torch itself, compared with later, is right
            plant(patch)
            return true(*arguments)

    monkeypatch.setattr(litert_trace, "trace", faulty)
    options = ExportOptions(
        weights=tiny_shared_weights,
        format="litert",
        sizes=(FrameSize(WIDTH, WIDTH),),
        out=tmp_path,
        threads=1,
    )
    (outcome,) = export_all(options, _Silent())
    assert isinstance(outcome.error, GateError)
    assert outcome.file is not None and outcome.file.name.endswith(".failed")


def test_the_delegate_asked_for_and_the_one_that_ran_are_told(artifacts: dict[str, Path]) -> None:
    path = artifacts["float32"]
    session = open_artifact(path, accelerator="xnnpack", strict=True)
    assert session.accelerator.startswith("cpu, xnnpack") and session.fallback is None
    plain = open_artifact(path, accelerator="cpu", strict=True)
    assert plain.accelerator == "cpu" and plain.fallback is None
    assert np.allclose(plain.run(*frames()), session.run(*frames()), atol=1e-4)
    other = open_artifact(path, accelerator="gpu")
    assert other.fallback is not None and "no delegate 'gpu'" in other.fallback
    with pytest.raises(InputError, match="'gpu' alone"):
        open_artifact(path, accelerator="gpu", strict=True)
