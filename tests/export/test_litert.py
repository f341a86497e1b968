"""TFLite artifacts: names, layout, precisions, and what the converter must not leave behind."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from cdfi_export.format_spec import INPUT_NAMES
from cdfi_export.frame_size import FrameSize
from cdfi_export.options import ExportOptions
from cdfi_export.pipeline import export_all
from cdfi_model.torch_runtime import TorchSession
from cdfi_runtime.errors import ArtifactError, InputError
from cdfi_runtime.manifest import load_manifest, parse_manifest
from cdfi_runtime.runtimes import open_artifact

pytest.importorskip("litert_torch")
pytest.importorskip("ai_edge_quantizer")

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
