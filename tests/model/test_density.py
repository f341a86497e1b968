"""Densities of layers: counts, costs, shared weights, and what is refused."""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path

import pytest
import torch
from cdfi_model.checkpoints.weights import save_weights
from cdfi_model.cli import app
from cdfi_model.cost import count_macs
from cdfi_model.kernel_unet_spec import KernelUNetSpec
from cdfi_model.network import InterpolationNetwork, build_network
from cdfi_model.pruning.channel_graph import convolutions
from cdfi_model.pruning.density import density_report
from cdfi_model.pruning.density_report import DensityReport, kept_channels, read_density_json
from cdfi_model.pruning.density_view import density_table, write_chart
from cdfi_model.spec import NETWORKS, WarpSpec
from cdfi_runtime.command import run_app
from cdfi_runtime.errors import ArtifactError, InputError, MissingDependencyError
from torch import nn

TINY = KernelUNetSpec(
    name="tiny",
    summary="for tests",
    warp=WarpSpec(taps=3, dilation=1, sampling="truncate"),
    multiple=4,
    encoder=((4, 1), (6, 6)),
    decoder=((5,),),
    **dict.fromkeys(("weight0", "alpha0", "beta0", "weight2", "alpha2", "beta2"), (4,)),
    occlusion=(3,),
)


def tiny() -> InterpolationNetwork:
    return build_network(TINY, seed=0)


def conv(network: InterpolationNetwork, name: str) -> nn.Conv2d:
    module = network.get_submodule(name)
    assert isinstance(module, nn.Conv2d)
    return module


def rows(report: DensityReport) -> dict[str, dict[str, object]]:
    return {layer.name: layer.model_dump() for layer in report.layers}


def run(*args: str | Path) -> int:
    with pytest.raises(SystemExit) as end:
        run_app(app, [str(arg) for arg in args])
    return int(end.value.code or 0)


def test_densities_of_one_zero_and_between_and_a_layer_of_one_channel() -> None:
    network = tiny()
    with torch.no_grad():
        conv(network, "encoder.1.convs.1").weight.zero_()
        half = conv(network, "decoder.0.convs.0").weight
        half.view(-1)[::2] = 0
        conv(network, "heads.occlusion.out").bias.zero_()  # type: ignore[union-attr]
    report = density_report(network, 64, 64)
    found = rows(report)
    assert found["encoder.0.convs.0"]["density"] == 1
    assert found["encoder.0.convs.0"]["inputs_kept"] == 6
    assert found["encoder.1.convs.1"]["density"] == 0
    assert found["encoder.1.convs.1"]["outputs_kept"] == 0
    assert found["decoder.0.convs.0"]["density"] == 0.5
    assert (found["decoder.0.convs.0"]["inputs_kept"], kept_channels(0.5, 6)) == (4, 4)
    assert found["encoder.0.convs.1"]["outputs"] == found["encoder.1.convs.0"]["inputs"] == 1
    assert found["heads.occlusion.out"]["density"] == 1  # of weights; the bias does not count
    assert found["decoder.0.convs.0"]["published"] == "Deconv2.0"
    assert report.nonzero == report.weights - 36 * 9 - 135


def test_the_formula_is_not_bent_by_floating_point() -> None:
    assert kept_channels(13 * 13 / (15 * 15), 15) == 13
    assert kept_channels(0.07, 512) == 135


@pytest.mark.parametrize("name", ["adacof", "cdfi", "cdfi_mobile"])
def test_the_layers_add_up_to_the_network(name: str) -> None:
    network = build_network(NETWORKS.get(name), seed=0)
    report = density_report(network, 64, 96)
    others = sum(
        each.numel() for key, each in network.named_parameters() if "act" in key or "sharp" in key
    )
    assert sum(layer.bytes for layer in report.layers) == 4 * (report.parameters - others)
    assert report.parameters == network.count_parameters()
    assert sum(layer.macs_share for layer in report.layers) == pytest.approx(1)
    whole = count_macs(network, 64, 96, sampling=False)
    if name == "cdfi_mobile":  # matching multiplies outside of layers
        assert 0.5 * whole < report.macs < whole
    else:
        assert report.macs == whole


@pytest.mark.parametrize("name", ["adacof", "cdfi", "compressed_adacof_plus"])
def test_the_channel_graph_is_that_of_the_network(name: str) -> None:
    spec = NETWORKS.get(name)
    assert isinstance(spec, KernelUNetSpec)
    network = spec.build()
    built = {
        key: (module.in_channels, module.out_channels, module.kernel_size[0])
        for key, module in network.named_modules()
        if isinstance(module, nn.Conv2d)
    }
    graph = convolutions(spec)
    assert built == {each.name: (each.inputs, each.outputs, each.kernel) for each in graph}


def test_shared_weights_count_once() -> None:
    network = tiny()
    alone = density_report(network, 64, 64)
    conv(network, "heads.beta0.stack.convs.0").weight = conv(
        network, "heads.alpha0.stack.convs.0"
    ).weight
    heads = network.get_submodule("heads")
    assert isinstance(heads, nn.ModuleDict)
    heads["beta2"] = heads["alpha2"]  # a whole module twice
    report = density_report(network, 64, 64)
    found = rows(report)
    assert found["heads.beta0.stack.convs.0"]["shared_with"] == "heads.alpha0.stack.convs.0"
    assert found["heads.beta0.stack.convs.0"]["bytes"] == 4 * 4  # the bias is its own
    assert found["heads.beta2.out"]["shared_with"] == "heads.alpha2.out"
    assert found["heads.beta2.out"]["bytes"] == 0
    assert report.weights == alone.weights - 6 * 4 * 9 - (6 * 4 + 4 * 9) * 9
    assert report.macs == alone.macs
    assert sum(layer.bytes_share for layer in report.layers) == pytest.approx(1)
    assert "3 layers share weights" in str(density_table(report).caption)


def test_nan_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    network = tiny()
    with torch.no_grad():
        conv(network, "encoder.0.convs.0").weight[0, 0, 0, 0] = float("nan")
    with pytest.raises(ArtifactError, match=r"encoder\.0\.convs\.0\.weight"):
        density_report(network, 64, 64)
    save_weights(tmp_path / "w.safetensors", network)
    assert run("density", tmp_path / "w.safetensors") == 2
    assert "not finite" in capsys.readouterr().err


def test_the_command_writes_what_it_shows(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    weights, table, report = (tmp_path / name for name in ("w.safetensors", "d/t.csv", "r.json"))
    save_weights(weights, tiny())
    assert run("density", weights, "--size", "64x32", "--csv", table, "--json", report) == 0
    out = capsys.readouterr().out
    for expected in ("Occlusion.3", "heads.occlusion.out", "In'", "64x32"):
        assert expected in out
    read = read_density_json(report)
    assert read.size == (64, 32)
    assert read.spec == json.loads(json.dumps(TINY.to_json()))
    with table.open(newline="") as file:
        lines = list(csv.DictReader(file))
    assert [line["name"] for line in lines] == [layer.name for layer in read.layers]
    assert float(lines[3]["macs"]) == read.layers[3].macs


@pytest.mark.parametrize(
    ("args", "problem"),
    [
        (("--size", "64"), "no frame size"),
        (("--size", "66x64"), "multiples of 4"),
        (("--chart", "x.txt"), "a chart is a picture"),
    ],
)
def test_what_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], args: tuple[str, str], problem: str
) -> None:
    save_weights(tmp_path / "w.safetensors", tiny())
    assert run("density", tmp_path / "w.safetensors", *args) == 2
    assert problem in capsys.readouterr().err


def test_a_report_of_another_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    raw = density_report(tiny(), 64, 64).model_dump(mode="json")
    path.write_text(json.dumps(raw | {"schema_version": 9}))
    with pytest.raises(ArtifactError, match="schema_version"):
        read_density_json(path)
    with pytest.raises(InputError, match="not found"):
        read_density_json(tmp_path / "none.json")


def test_a_chart_without_matplotlib(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(MissingDependencyError, match="matplotlib"):
        write_chart(tmp_path / "x.svg", density_report(tiny(), 64, 64))
    assert not list(tmp_path.iterdir())


def test_a_chart_has_a_bar_for_each_layer(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    report = density_report(tiny(), 64, 64)
    for name in ("a.svg", "b.svg"):
        write_chart(tmp_path / name, report)
    text = (tmp_path / "a.svg").read_text()
    for layer in report.layers:
        assert f"<!-- {layer.published} -->" in text
    write_chart(tmp_path / "a.png", report)
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
