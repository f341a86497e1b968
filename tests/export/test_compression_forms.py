"""Pruned, compact and sparse forms of a kernel U-Net in each format that takes it, by its gates."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from cdfi_export.cli import app
from cdfi_export.format_spec import FORMATS
from cdfi_export.frame_size import FrameSize
from cdfi_export.options import ExportOptions
from cdfi_export.pipeline import export_all
from cdfi_model.checkpoints.weights import load_network, save_weights
from cdfi_model.kernel_unet_spec import MAP_HEADS, KernelUNetSpec
from cdfi_model.network import build_network
from cdfi_model.pruning.compact import Request, compact_network
from cdfi_model.spec import WarpSpec, spec_from_json
from cdfi_model.spec_file import write_spec
from cdfi_runtime.command import run_app
from cdfi_runtime.files import artifact_bytes
from cdfi_runtime.manifest import read_manifest

SPEC = KernelUNetSpec(
    name="unet",
    summary="for tests",
    warp=WarpSpec(taps=3, dilation=1, sampling="truncate"),
    encoder=((16,), (48,)),
    decoder=((48,),),
    occlusion=(16,),
    **dict.fromkeys(MAP_HEADS, (16,)),  # type: ignore[arg-type]
)
CONVERTERS = {"litert": "litert_torch", "coreml": "coremltools", "ncnn": "ncnn"}
# ExecuTorch is no dependency of the tests, and ncnn and it have no truncating warp.
WRITTEN = ("onnx", "ort", "litert", "coreml")


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A pruned network, and the narrower one with its strongest channels."""
    folder = tmp_path_factory.mktemp("forms")
    network = build_network(SPEC, seed=1)
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for weight in network.parameters():
            if weight.dim() == 4:
                weight.masked_fill_(torch.rand(weight.shape, generator=generator) > 0.1, 0)
    pruned = folder / "pruned.safetensors"
    save_weights(pruned, network)
    made = compact_network(Request(pruned, rules={"round_to": 4}, init="strongest", size=(64, 64)))
    made.save(folder / "compact.toml")
    return {"pruned": pruned, "compact": folder / "compact.safetensors"}


class Silent:
    def note(self, text: str) -> None: ...
    def start(self, artifact: str, steps: int) -> None: ...
    def step(self, text: str) -> None: ...
    def end(self) -> None: ...


@pytest.mark.slow
@pytest.mark.parametrize("format", WRITTEN)
def test_every_form_passes_the_gates_of_its_format(
    weights: dict[str, Path], tmp_path: Path, format: str
) -> None:
    if format in CONVERTERS:
        pytest.importorskip(CONVERTERS[format])
    sizes: dict[str, int] = {}
    for form, name in (("dense", "pruned"), ("sparse", "pruned"), ("compact", "compact")):
        options = ExportOptions(
            weights=weights[name],
            sizes=(FrameSize(64, 64),),
            out=tmp_path / form,
            format=format,
            form="sparse" if form == "sparse" else "dense",
            threads=1,
        )
        (outcome,) = export_all(options, Silent())
        assert outcome.error is None and outcome.file is not None
        manifest = read_manifest(outcome.file)
        assert manifest.artifact.form == form
        assert manifest.network.parameters == load_network(weights[name]).count_parameters()
        assert [each.verdict for each in manifest.parity] == ["pass"]
        sizes[form] = artifact_bytes(outcome.file)
    assert sizes["sparse"] < sizes["dense"] and sizes["compact"] < sizes["dense"]


def test_all_formats_are_accounted_for() -> None:
    others = {"ncnn", "executorch"}
    assert set(FORMATS.names()) == set(WRITTEN) | others
    assert not any(FORMATS.get(name).sparse for name in others)


@pytest.mark.slow
def test_a_spec_file_is_exported_without_registering_its_network(tmp_path: Path) -> None:
    write_spec(tmp_path / "mine.toml", SPEC)
    arguments = ["--spec", str(tmp_path / "mine.toml"), "--size", "64x64"]
    with pytest.raises(SystemExit) as caught:
        run_app(app, [*arguments, "--out", str(tmp_path / "out"), "--threads", "1"])
    assert not caught.value.code
    manifest = read_manifest(tmp_path / "out" / "unet_64x64.onnx")
    assert spec_from_json(manifest.network.spec) == SPEC and manifest.artifact.form == "dense"
