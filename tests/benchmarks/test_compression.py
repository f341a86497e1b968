"""The stages of a compression, exported, timed and judged in one table."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from cdfi_bench.cli import app
from cdfi_bench.compression import CompressionRequest, measure_compression
from cdfi_bench.compression_report import JSON_NAME, MARKDOWN_NAME, CompressionReport
from cdfi_bench.quality import with_truth
from cdfi_model.checkpoints.weights import read_weights, save_weights
from cdfi_model.cost import count_macs
from cdfi_model.data.image_sets import sample_set
from cdfi_model.network import build_network
from cdfi_model.pruning.compress_report import COMPRESS_JSON, CompressReport, CompressStage
from cdfi_model.spec import NETWORKS
from cdfi_runtime.errors import InputError
from typer.testing import CliRunner

SIZE = (96, 64)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A compression whose pruned stage has lost nine weights of ten."""
    folder = tmp_path_factory.mktemp("compressed")
    spec = NETWORKS.get("compressed_adacof")
    stages = []
    for name in ("baseline", "pruned"):
        network = build_network(spec, seed=0)
        if name == "pruned":
            with torch.no_grad():
                for weight in network.parameters():
                    if weight.dim() == 4:
                        weight[torch.rand(weight.shape) > 0.1] = 0
        path = folder / f"{name}.safetensors"
        save_weights(path, network)
        nonzero = sum(int(each.count_nonzero()) for each in network.parameters())
        stages.append(
            CompressStage(
                name=name,  # type: ignore[arg-type]
                weights=path.name,
                sha256=read_weights(path).sha256,
                network=spec.name,
                parameters=network.count_parameters(),
                nonzero=nonzero,
                macs=count_macs(network, SIZE[1], SIZE[0]),
                bytes=4 * network.count_parameters(),
                sparse_bytes=None if name == "baseline" else 5 * nonzero,
                val_psnr_db=30.0,
                steps=None,
            )
        )
    report = CompressReport(
        size=SIZE,
        held_out=4,
        init="random",
        target_reached=None,
        stages=tuple(stages),
        fewer_parameters=1,
        lost_db=0,
        gate=None,
        verdict=None,
    )
    (folder / COMPRESS_JSON).write_text(report.model_dump_json())
    return folder


@pytest.fixture(scope="module")
def report(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> CompressionReport:
    request = CompressionRequest(
        folder, with_truth([sample_set()]), 1, tmp_path_factory.mktemp("artifacts")
    )
    return measure_compression(request, tell=lambda _stage: None)


@pytest.mark.slow
def test_each_stage_is_a_row_and_the_sparse_form_one_more(report: CompressionReport) -> None:
    rows = [(row.stage, row.form) for row in report.rows]
    assert rows == [("baseline", "dense"), ("pruned", "dense"), ("pruned", "sparse")]
    baseline, dense, sparse = report.rows
    assert baseline.ratio == 1 and dense.ratio is not None and dense.ratio > 0
    assert dense.bytes is not None and sparse.bytes is not None
    assert sparse.bytes < 0.5 * dense.bytes, "a tenth of the weights is left"
    for row in report.rows:
        assert row.parity_db is not None and row.parity_db > 60
    assert baseline.quality and dense.quality and not sparse.quality
    assert baseline.quality[0].psnr_db != dense.quality[0].psnr_db


@pytest.mark.slow
def test_the_report_is_written_with_the_published_rows(
    report: CompressionReport, tmp_path: Path
) -> None:
    report.write(tmp_path)
    again = CompressionReport.model_validate_json((tmp_path / JSON_NAME).read_text())
    assert again == report
    text = (tmp_path / MARKDOWN_NAME).read_text()
    assert (
        "| pruned, sparse form |" in text and "| AdaCoF (F=5, d=1), published | 21,843,427" in text
    )


@pytest.mark.slow
def test_what_cannot_be_exported_is_a_row_with_its_reason(folder: Path, tmp_path: Path) -> None:
    text = json.loads((folder / COMPRESS_JSON).read_text())
    text["stages"][0]["weights"] = "../gone.safetensors"
    text["stages"] = text["stages"][:1]
    (tmp_path / COMPRESS_JSON).write_text(json.dumps(text))
    request = CompressionRequest(tmp_path, (), 1, tmp_path / "artifacts")
    (row,) = measure_compression(request, tell=lambda _stage: None).rows
    assert row.bytes is row.frame_s is row.ratio is row.parity_db is None
    assert "missing" in row.unmeasured["bytes"] or "not" in row.unmeasured["bytes"]


def test_a_folder_without_a_compression_is_refused(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["compression", str(tmp_path)])
    assert isinstance(result.exception, InputError)
