"""Core ML programs of truncating networks and for every size."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from cdfi_export.format_spec import FORMATS
from cdfi_export.frame_size import FrameSize
from cdfi_export.options import ExportOptions, check_images
from cdfi_export.pipeline import export_all
from cdfi_model.checkpoints.weights import load_network, save_weights
from cdfi_model.kernel_unet_spec import KernelUNetSpec
from cdfi_model.network import build_network
from cdfi_model.spec import Sampling, WarpSpec
from cdfi_model.torch_runtime import TorchSession
from cdfi_model.warp import adacof_warp
from cdfi_runtime.errors import ArtifactError, InputError
from cdfi_runtime.manifest import load_manifest
from cdfi_runtime.runtimes import open_artifact
from torch import Tensor, nn

pytest.importorskip("coremltools")

from cdfi_export import coreml_check, coreml_trace, mil_evaluator

SIZE = FrameSize(64, 48)


class Warp(nn.Module):
    """The warp alone, in the place of a network."""

    def __init__(self, formulation: str, sampling: Sampling) -> None:
        super().__init__()
        self.formulation = formulation
        self.spec = WarpSpec(taps=3, dilation=2, sampling=sampling)

    def forward(self, image: Tensor, weight: Tensor, alpha: Tensor, beta: Tensor) -> Tensor:
        return adacof_warp(image, weight, alpha, beta, self.spec, self.formulation)


@pytest.mark.parametrize("formulation", ["gather", "per_row"])
def test_truncating_warps_are_computed_as_torch_does(formulation: str, tmp_path: Path) -> None:
    import coremltools
    from cdfi_export import coreml_operators  # noqa: F401

    generator = torch.Generator().manual_seed(4)
    # Exact quarters, of both signs: truncating and flooring differ by a whole pixel there.
    alpha, beta = (
        torch.randint(-20, 20, (1, 9, 12, 10), generator=generator) / 4 for _ in range(2)
    )
    inputs = (torch.rand(1, 3, 12, 10), torch.rand(1, 9, 12, 10), alpha, beta)
    warp = Warp(formulation, "truncate").eval()
    exported = torch.export.export(warp, inputs).run_decompositions({})
    model = coremltools.convert(
        exported,
        minimum_deployment_target=coremltools.target.iOS16,
        compute_precision=coremltools.precision.FLOAT32,
    )
    coreml_check.check_positions(model)
    path = tmp_path / "warp.mlpackage"
    coreml_trace.save(model, path)
    names = ("image", "weight", "alpha", "beta")
    program = mil_evaluator.load_program(path)
    (got,) = mil_evaluator.evaluate(program, dict(zip(names, inputs, strict=True))).values()
    assert torch.allclose(got, warp(*inputs), atol=1e-5)
    assert not torch.allclose(got, Warp(formulation, "bilinear")(*inputs), atol=1e-2)


def test_indices_that_were_rounded_are_refused() -> None:
    with pytest.raises(ArtifactError, match="indices"):
        mil_evaluator.OPERATORS["gather"](torch.rand(4, 2), torch.rand(3))


def pair(height: int, width: int) -> list[np.ndarray]:
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
    phases = np.array([0.0, 1.0, 2.0], np.float32)[:, None, None]
    bytes_ = [
        np.round(127.5 + 140 * np.sin(rows / 5 + columns / 7 + phases + shift)).clip(0, 255)
        for shift in (0.0, 0.6)
    ]
    return [(frame[None] / 255).astype(np.float32) for frame in bytes_]


def test_one_graph_takes_every_size(
    tiny_shared_weights: Path, tmp_path: Path, recorder: Any
) -> None:
    options = ExportOptions(
        weights=tiny_shared_weights, format="coreml", dynamic=True, out=tmp_path, threads=1
    )
    (outcome,) = export_all(options, recorder)
    assert outcome.error is None, outcome.error
    assert outcome.file is not None and outcome.file.name == "tiny_dynamic.mlpackage"
    manifest = load_manifest(outcome.file)
    assert manifest.size.dynamic
    assert any("every size" in remark for remark in manifest.graph.remarks)
    session = open_artifact(outcome.file, threads=1)
    reference = TorchSession(load_network(tiny_shared_weights), threads=1)
    for size in ((48, 64), (64, 48), (4, 8), (100, 60)):
        frames = pair(*size)
        assert np.abs(session.run(*frames) - reference.run(*frames)).max() < 1e-4, size


def small_cdfi() -> KernelUNetSpec:
    """Every kind of layer of CDFI, truncating sampling and synthesis too."""
    heads = {f"{kind}{side}": (5, 4) for kind in ("weight", "alpha", "beta") for side in "02"}
    return KernelUNetSpec(
        name="small_cdfi",
        summary="for tests",
        warp=WarpSpec(taps=3, dilation=1, sampling="truncate"),
        multiple=4,
        encoder=((4, 5), (6, 7)),
        decoder=((8, 9),),
        occlusion=(4,),
        blend=(4,),
        feature_levels=(2, 3),
        synthesis_widths=(4, 6),
        synthesis_columns=4,
        **heads,
    )


def test_the_published_family_is_evaluated_as_torch_does(tmp_path: Path, recorder: Any) -> None:
    network = build_network(small_cdfi(), seed=3)
    weights = tmp_path / "small.safetensors"
    save_weights(weights, network)
    options = ExportOptions(
        weights=weights, format="coreml", sizes=(FrameSize(64, 64),), out=tmp_path, threads=1
    )
    (outcome,) = export_all(options, recorder)
    assert outcome.error is None, outcome.error
    assert outcome.manifest is not None
    assert outcome.manifest.warp.sampling == "truncate"
    assert outcome.manifest.warp.formulation == "gather"
    psnr = outcome.manifest.parity[0].psnr_db
    assert psnr is None or psnr > 90


def test_images_are_refused_where_a_format_has_none() -> None:
    with pytest.raises(InputError, match="coreml"):
        check_images(FORMATS.get("onnx"), True)
    check_images(FORMATS.get("onnx"), False)
    check_images(FORMATS.get("coreml"), True)
