"""From options to files: what is written, what is kept aside, what is left after a failure."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
import torch
from cdfi_export import pipeline, verify
from cdfi_export.format_spec import FORMATS, FormatSpec, GraphRequest, WrittenGraph
from cdfi_export.frame_size import FrameSize
from cdfi_export.options import ExportOptions
from cdfi_export.pipeline import export_all
from cdfi_export.source import load_source
from cdfi_model.checkpoints.weights import save_weights
from cdfi_model.spec import NETWORKS
from cdfi_model.spec_file import write_spec
from cdfi_runtime.errors import ArtifactError, GateError, InputError, OutputError, UnknownNameError
from cdfi_runtime.files import sha256_file
from cdfi_runtime.manifest import load_manifest, manifest_path, parse_manifest
from typer.testing import CliRunner

FIXED = "tiny_64x64.onnx"
FAILED = FIXED + ".failed"


@pytest.fixture
def options(tiny_weights: Path, tmp_path: Path) -> ExportOptions:
    return ExportOptions(
        weights=tiny_weights, sizes=(FrameSize(64, 64),), out=tmp_path / "out", threads=1
    )


@pytest.fixture
def quick_format(monkeypatch: pytest.MonkeyPatch, tiny_run: Any) -> FormatSpec:
    """ONNX whose graphs are copied from an earlier run, so that failures can be staged quickly."""

    def copy(request: GraphRequest, path: Path) -> WrittenGraph:
        name = FIXED if request.size else "tiny_dynamic.onnx"
        path.write_bytes((tiny_run.out / name).read_bytes())
        return WrittenGraph()

    return _patched(monkeypatch, copy)


def _patched(monkeypatch: pytest.MonkeyPatch, export: Any) -> FormatSpec:
    spec = replace(FORMATS.get("onnx"), export=export)
    monkeypatch.setitem(FORMATS._entries, "onnx", spec)
    return spec


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_artifacts_manifests_and_schema_are_all_that_is_written(tiny_run: Any) -> None:
    assert _names(tiny_run.out) == [
        "manifest.schema.json",
        "tiny_64x64.onnx",
        "tiny_64x64.onnx.manifest.json",
        "tiny_dynamic.onnx",
        "tiny_dynamic.onnx.manifest.json",
    ]
    assert [outcome.error for outcome in tiny_run.outcomes] == [None, None]


def test_the_manifest_fits_the_schema_written_beside_it(tiny_run: Any) -> None:
    schema = json.loads((tiny_run.out / "manifest.schema.json").read_text())
    for outcome in tiny_run.outcomes:
        jsonschema.validate(json.loads(manifest_path(outcome.file).read_text()), schema)


def test_the_manifest_tells_what_was_exported(tiny_run: Any) -> None:
    manifest = load_manifest(tiny_run.out / FIXED)
    assert manifest == tiny_run.outcomes[0].manifest
    assert manifest.network.weights_sha256 == sha256_file(tiny_run.weights)
    assert manifest.network.macs is not None and manifest.network.macs > 0
    assert manifest.network.macs_size == (64, 64)
    assert (manifest.size.dynamic, manifest.size.width, manifest.size.height) == (False, 64, 64)
    assert manifest.padding.multiple == 4
    assert manifest.artifact.opset == 18
    assert manifest.warp.sampling == "bilinear"
    assert {"torch", "onnx", "onnxscript", "onnxslim", "cdfi-mobile"} <= manifest.tools.keys()
    dynamic = load_manifest(tiny_run.out / "tiny_dynamic.onnx")
    assert dynamic.inputs[0].shape == (1, 3, "height", "width")
    assert dynamic.network.macs_size == (448, 256)


def test_parity_was_measured_on_the_real_pair(tiny_run: Any) -> None:
    fixed, dynamic = (outcome.manifest.parity for outcome in tiny_run.outcomes)
    assert [(item.image_set, item.pairs) for item in fixed] == [("sample", 1)]
    assert (fixed[0].width, fixed[0].height) == (64, 64)
    assert (dynamic[0].width, dynamic[0].height) == (448, 256)
    for item in (*fixed, *dynamic):
        assert item.verdict == "pass"
        assert 0 < item.max_abs <= 2e-3
        assert item.psnr_db is not None and item.psnr_db >= 60
        assert item.runtime.startswith("onnxruntime") and item.reference.startswith("torch")


def test_the_user_is_told_of_padding_and_of_the_chosen_warp(tiny_run: Any) -> None:
    notes = "\n".join(tiny_run.observer.notes)
    assert "62x64 becomes 64x64" in notes
    assert f"{FIXED}: warp " in notes
    assert tiny_run.observer.ended == 2


@pytest.mark.usefixtures("quick_format")
def test_a_missed_gate_keeps_the_artifact_aside(
    options: ExportOptions,
    recorder: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def perturbed(*named: Any) -> Any:
        source = load_source(*named)
        with torch.no_grad():
            next(source.network.parameters()).add_(0.5)
        return source

    monkeypatch.setattr(pipeline, "load_source", perturbed)
    (outcome,) = export_all(options, recorder)
    assert isinstance(outcome.error, GateError)
    assert outcome.error.exit_code == 1
    message = str(outcome.error)
    assert "sample" in message and "dB is below 60 dB" in message and "is above 0.002" in message
    assert FAILED in message
    assert _names(options.out) == ["manifest.schema.json", FAILED, FAILED + ".manifest.json"]
    manifest = parse_manifest(manifest_path(options.out / FAILED).read_text(), FAILED)
    assert [item.verdict for item in manifest.parity] == ["fail"]
    assert manifest.artifact.sha256 == sha256_file(options.out / FAILED)

    monkeypatch.setattr(pipeline, "load_source", load_source)
    (outcome,) = export_all(options, recorder)
    assert outcome.error is None
    assert _names(options.out) == ["manifest.schema.json", FIXED, FIXED + ".manifest.json"]


@pytest.mark.usefixtures("quick_format")
def test_not_a_number_fails_the_gate(
    options: ExportOptions,
    recorder: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from cdfi_runtime.backends.onnxruntime import OnnxSession

    def broken(_self: OnnxSession, frame0: Any, _frame2: Any) -> Any:
        return np.full_like(frame0, np.nan)

    monkeypatch.setattr(OnnxSession, "run", broken)
    (outcome,) = export_all(options, recorder)
    assert isinstance(outcome.error, GateError)
    assert "NaN" in str(outcome.error)
    assert FAILED in _names(options.out)


def test_one_failure_does_not_stop_the_rest(
    options: ExportOptions, tiny_run: Any, recorder: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def only_dynamic(request: GraphRequest, path: Path) -> WrittenGraph:
        if request.size is not None:
            raise ArtifactError("cannot be traced")
        path.write_bytes((tiny_run.out / "tiny_dynamic.onnx").read_bytes())
        return WrittenGraph()

    _patched(monkeypatch, only_dynamic)
    failed, passed = export_all(replace(options, dynamic=True), recorder)
    assert failed.file is None and isinstance(failed.error, ArtifactError)
    assert passed.error is None and passed.file == options.out / "tiny_dynamic.onnx"


@pytest.mark.usefixtures("quick_format")
@pytest.mark.parametrize("stage", ["graph", "verification", "manifest", "rename"])
def test_an_interruption_leaves_nothing_half_written(
    stage: str,
    options: ExportOptions,
    recorder: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def interrupt(*_args: Any, **_kwargs: Any) -> Any:
        raise KeyboardInterrupt

    if stage == "graph":

        def half(_request: GraphRequest, path: Path) -> WrittenGraph:
            path.write_bytes(b"half")
            raise KeyboardInterrupt

        _patched(monkeypatch, half)
    elif stage == "verification":
        monkeypatch.setattr(verify, "compare_pair", interrupt)
    elif stage == "manifest":
        monkeypatch.setattr(pipeline, "_gate_error", interrupt)
    else:
        monkeypatch.setattr(pipeline, "publish", interrupt)
    with pytest.raises(KeyboardInterrupt):
        export_all(options, recorder)
    assert _names(options.out) == []


@pytest.mark.usefixtures("quick_format")
def test_an_interruption_between_the_two_renames_completes_the_pair(
    options: ExportOptions,
    recorder: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rename = Path.replace

    def interrupted(self: Path, target: Path) -> Path:
        result = rename(self, target)
        if self.name == FIXED:
            raise KeyboardInterrupt
        return result

    monkeypatch.setattr(Path, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        export_all(options, recorder)
    assert _names(options.out) == [FIXED, FIXED + ".manifest.json"]
    load_manifest(options.out / FIXED)


def test_a_full_disk_is_reported_and_leaves_nothing(
    options: ExportOptions, recorder: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_request: GraphRequest, path: Path) -> WrittenGraph:
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    _patched(monkeypatch, full)
    (outcome,) = export_all(options, recorder)
    assert isinstance(outcome.error, OutputError)
    assert "No space left" in str(outcome.error)
    assert _names(options.out) == ["manifest.schema.json"]


def test_a_file_in_place_of_the_folder_is_refused(options: ExportOptions, recorder: Any) -> None:
    options.out.write_text("a file")
    with pytest.raises(OutputError, match="--out"):
        export_all(options, recorder)
    assert options.out.read_text() == "a file"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_write_permission_is_refused(
    options: ExportOptions, recorder: Any
) -> None:
    options.out.mkdir(mode=0o500)
    with pytest.raises(OutputError, match="permission"):
        export_all(options, recorder)


@pytest.mark.parametrize(
    ("change", "error", "text"),
    [
        ({"format": "onyx"}, UnknownNameError, "onnx"),
        ({"weights": None, "network": "adacoff"}, UnknownNameError, "compressed_adacof"),
        ({"warp": "magic"}, UnknownNameError, "gather"),
        ({"warp": "deform_conv"}, InputError, "--opset 19"),
        ({"network": "cdfi"}, InputError, "--network tiny"),
        ({"verify_data": Path("nowhere")}, InputError, "nowhere"),
        ({"weights": Path("nowhere.safetensors")}, InputError, "nowhere"),
    ],
)
def test_bad_options_are_refused_before_anything_is_written(
    options: ExportOptions, recorder: Any, change: dict[str, Any], error: Any, text: str
) -> None:
    with pytest.raises(error, match=text):
        export_all(replace(options, **change), recorder)
    assert not options.out.exists()


def test_a_warp_must_know_the_networks_sampling(options: ExportOptions, recorder: Any) -> None:
    asked = replace(options, weights=None, network="compressed_adacof", warp="deform_conv")
    with pytest.raises(InputError, match="truncate") as caught:
        export_all(replace(asked, opset=19), recorder)
    assert "gather" in str(caught.value.fix)


def test_random_weights_are_named_by_the_file_that_init_writes(tmp_path: Path) -> None:
    from cdfi_model.cli import app

    path = tmp_path / "init.safetensors"
    arguments = ["init", "compressed_adacof", "--seed", "5", "-o", str(path)]
    assert CliRunner().invoke(app, arguments).exit_code == 0
    assert load_source("compressed_adacof", None, 5).weights_sha256 == sha256_file(path)
    assert load_source("compressed_adacof", None, 6).weights_sha256 != sha256_file(path)


def test_a_network_by_its_spec_file(tmp_path: Path) -> None:
    spec = replace(NETWORKS.get("compressed_adacof"), name="mine")
    write_spec(tmp_path / "mine.toml", spec)
    found = load_source(None, None, 5, tmp_path / "mine.toml")
    assert found.network.spec == spec
    weights = tmp_path / "w.safetensors"
    save_weights(weights, found.network)
    assert load_source(None, weights, None, tmp_path / "mine.toml").network.spec == spec
    write_spec(tmp_path / "other.toml", replace(spec, occlusion=(52, 51, 47)))
    with pytest.raises(InputError, match=r"another network than other\.toml"):
        load_source(None, weights, None, tmp_path / "other.toml")
    with pytest.raises(InputError, match="which network"):
        load_source("cdfi", None, 0, tmp_path / "mine.toml")


def test_a_network_with_shipped_weights_is_random_only_on_request() -> None:
    from cdfi_model.checkpoints.weights import default_weights

    shipped = sha256_file(default_weights())
    assert load_source(None, None, None).weights_sha256 == shipped
    assert load_source("cdfi_mobile", None, None).weights_sha256 == shipped
    assert load_source("cdfi_mobile", None, 0).weights_sha256 != shipped
    assert load_source("cdfi", None, None).origin == "random weights, seed 0"
    with pytest.raises(InputError, match="--seed 0 and default"):
        load_source(None, default_weights(), 0)
