"""Densities to narrower networks: the published one, strategies, budgets, and their weights."""

from __future__ import annotations

import csv
import dataclasses
import json
from pathlib import Path

import pytest
import torch
from cdfi_model.checkpoints.weights import load_network, save_weights
from cdfi_model.cli import app
from cdfi_model.cost import count_macs
from cdfi_model.kernel_unet_spec import KernelUNetSpec
from cdfi_model.network import InterpolationNetwork, build_network
from cdfi_model.pruning.budget import Budget, Costs, fit_to_budget
from cdfi_model.pruning.channel_graph import convolutions, slot_widths
from cdfi_model.pruning.density_report import read_density_csv
from cdfi_model.pruning.slicing import slice_network, strongest_channels
from cdfi_model.pruning.widths import LAWS, STRATEGIES, Rules, reshaped
from cdfi_model.spec import NETWORKS, WarpSpec
from cdfi_model.spec_file import read_spec, write_spec
from cdfi_runtime.command import run_app
from cdfi_runtime.errors import ArtifactError, InputError

GOLDEN = Path(__file__).parents[1] / "golden"
PUBLISHED = GOLDEN / "published_densities.csv"
COMBINATIONS = [(strategy, law) for law in LAWS for strategy in STRATEGIES]
SMALL = KernelUNetSpec(
    name="small",
    summary="for tests",
    warp=WarpSpec(taps=3, dilation=1, sampling="bilinear"),
    multiple=4,
    encoder=((8, 8), (12, 12)),
    decoder=((10, 10),),
    **dict.fromkeys(("weight0", "alpha0", "beta0", "weight2", "alpha2", "beta2"), (8, 6)),
    occlusion=(6,),
)
WITH_SYNTHESIS = dataclasses.replace(
    SMALL,
    name="small_synthesis",
    blend=(6,),
    feature_levels=(3, 4),
    synthesis_widths=(8, 12),
    synthesis_columns=2,
)


def kernel_unet(name: str) -> KernelUNetSpec:
    spec = NETWORKS.get(name)
    assert isinstance(spec, KernelUNetSpec)
    return spec


def run(*args: str | Path) -> int:
    with pytest.raises(SystemExit) as end:
        run_app(app, [str(arg) for arg in args])
    return int(end.value.code or 0)


def uneven(spec: KernelUNetSpec) -> dict[str, float]:
    """Densities from 0.2 to 1, different for neighbours."""
    return {layer.name: 0.2 + 0.8 * (i * 7 % 11) / 10 for i, layer in enumerate(convolutions(spec))}


def test_the_published_network_from_the_published_densities() -> None:
    """Every difference is listed in the golden file; it is what the code gives, and close."""
    densities = read_density_csv(PUBLISHED)
    published = slot_widths(kernel_unet("compressed_adacof"))
    made = {
        f"{strategy}_{law}": slot_widths(
            reshaped(kernel_unet("adacof"), densities, Rules(strategy, law))
        )
        for strategy, law in COMBINATIONS
    }
    with (GOLDEN / "published_widths.csv").open(newline="") as file:
        listed = list(csv.DictReader(file))
    assert [row["slot"] for row in listed] == [".".join(map(str, slot)) for slot in published]
    for row, (slot, width) in zip(listed, published.items(), strict=True):
        assert int(row["published"]) == width
        for name, widths in made.items():
            assert int(row[name]) == widths[slot], (slot, name)
    off = {
        name: sorted(abs(widths[slot] - width) for slot, width in published.items())
        for name, widths in made.items()
    }
    assert off["readers_linear"].count(0) == 27
    assert off["readers_linear"][-1] == 2
    assert min(off, key=lambda name: sum(off[name])) == "readers_linear"
    assert off["min_linear"][-1] == 86
    assert off["min_sqrt"][-1] > 100


def test_density_one_keeps_a_network_and_zero_leaves_the_floor() -> None:
    names = [layer.name for layer in convolutions(WITH_SYNTHESIS)]
    for strategy, law in COMBINATIONS:
        whole = reshaped(WITH_SYNTHESIS, dict.fromkeys(names, 1.0), Rules(strategy, law))
        assert slot_widths(whole) == slot_widths(WITH_SYNTHESIS)
        none = reshaped(WITH_SYNTHESIS, dict.fromkeys(names, 0.0), Rules(strategy, law))
        assert set(slot_widths(none).values()) == {1}
        none.build()
    empty = {layer.name: 0.0 for layer in convolutions(SMALL)}
    floored = reshaped(SMALL, empty, Rules(floor=7))
    assert set(slot_widths(floored).values()) == {6, 7}  # 6: it never was wider


def test_neighbours_settle_by_the_strategy() -> None:
    densities = {layer.name: 1.0 for layer in convolutions(SMALL)}
    densities |= {"encoder.0.convs.0": 0.25, "encoder.0.convs.1": 0.49}
    widths = {
        strategy: reshaped(SMALL, densities, Rules(strategy)).encoder[0] for strategy in STRATEGIES
    }
    # The first is written at .25 and read at .49; the second written at .49 and read at 1.
    assert widths == {"min": (4, 5), "max": (5, 8), "readers": (5, 8)}
    skip = densities | {"upsample.0.conv": 0.25}  # writes the skip connection with the encoder
    assert reshaped(SMALL, skip, Rules("min")).encoder[1][-1] == 6
    assert reshaped(SMALL, skip, Rules("max")).encoder[1][-1] == 12
    assert reshaped(SMALL, skip, Rules("readers")).decoder == ((10, 5),)


def test_a_share_of_channels_is_not_bent_by_floating_point() -> None:
    spec = dataclasses.replace(SMALL, occlusion=(100,))
    densities = {layer.name: 1.0 for layer in convolutions(spec)} | {"heads.occlusion.out": 0.29}
    assert reshaped(spec, densities, Rules("readers", "linear")).occlusion == (29,)


def test_rounding_for_simd() -> None:
    spec = kernel_unet("adacof")
    densities = read_density_csv(PUBLISHED)
    plain = slot_widths(reshaped(spec, densities, Rules("readers", "linear")))
    for step in (4, 8):
        rounded = slot_widths(reshaped(spec, densities, Rules("readers", "linear", round_to=step)))
        before = slot_widths(spec)
        for slot, width in rounded.items():
            assert width % step == 0 or width == before[slot] == 25
            assert abs(width - plain[slot]) <= step // 2 or width == step
    tight = Rules(floor=5, round_to=4)
    assert [tight.admit(n, 64) for n in (0, 5, 9, 10, 63)] == [8, 8, 8, 12, 64]


@pytest.mark.parametrize("name", ["adacof", "cdfi"])
def test_costs_are_those_of_the_built_network(name: str) -> None:
    spec = kernel_unet(name)
    costs = Costs(spec, 64, 96)
    for form in (spec, reshaped(spec, uneven(spec), Rules("max"))):
        found = costs.of(form)
        network = build_network(form, seed=0)
        assert found["parameters"] == network.count_parameters()
        assert found["macs"] == count_macs(network, 64, 96)
        assert found["bytes"] == 4 * found["parameters"]


@pytest.mark.parametrize("what", ["parameters", "macs", "bytes"])
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_budget_is_met_and_used(what: str, strategy: str) -> None:
    spec, densities = SMALL, uneven(SMALL)
    costs = Costs(spec, 64, 64)
    rules = Rules(strategy)  # type: ignore[arg-type]
    whole, least = costs.of(spec)[what], costs.of(reshaped(spec, densities, rules, scale=0))[what]
    for limit in (least, (least + whole) // 3, (least + whole) // 2, whole - 1):
        made, scale = fit_to_budget(spec, densities, rules, Budget(**{what: limit}), costs)
        assert costs.of(made)[what] <= limit
        wider = reshaped(spec, densities, rules, scale=scale * 1.0001 + 1e-6)
        assert costs.of(wider)[what] > limit
    assert slot_widths(
        fit_to_budget(spec, densities, rules, Budget(**{what: whole}), costs)[0]
    ) == (slot_widths(spec))
    with pytest.raises(InputError, match=f"at least {least:,} {what}"):
        fit_to_budget(spec, densities, rules, Budget(**{what: least - 1}), costs)


def test_several_limits_hold_together() -> None:
    costs = Costs(SMALL, 64, 64)
    whole = costs.of(SMALL)
    budget = Budget(parameters=whole["parameters"] // 2, macs=whole["macs"] // 5)
    found = costs.of(fit_to_budget(SMALL, uneven(SMALL), Rules(), budget, costs)[0])
    assert found["parameters"] <= whole["parameters"] // 2
    assert found["macs"] <= whole["macs"] // 5


def test_densities_that_do_not_fit(tmp_path: Path) -> None:
    good = uneven(SMALL)
    with pytest.raises(InputError, match=r"1 without a density, first encoder\.0\.convs\.0"):
        reshaped(SMALL, {k: v for k, v in good.items() if k != "encoder.0.convs.0"}, Rules())
    with pytest.raises(InputError, match="1 unknown, first extra"):
        reshaped(SMALL, good | {"extra": 0.5}, Rules())
    for wrong in (1.5, float("nan")):
        with pytest.raises(InputError, match="0 to 1"):
            reshaped(SMALL, good | {"upsample.0.conv": wrong}, Rules())
    table = tmp_path / "d.csv"
    for text in ("name,density\na,2\n", "name,density\na,.5\na,.5\n", "layer,density\na,1\n"):
        table.write_text(text)
        with pytest.raises(ArtifactError, match="no table of densities"):
            read_density_csv(table)
    for options in ({"strategy": "mean"}, {"law": "cubic"}, {"floor": 0}, {"round_to": 0}):
        with pytest.raises(InputError):
            Rules(**options)  # type: ignore[arg-type]


def frames(seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(1, 3, 32, 32, generator=generator), torch.rand(
        1, 3, 32, 32, generator=generator
    )


def grown(spec: KernelUNetSpec) -> InterpolationNetwork:
    """A network with larger weights than the default draw, so that every part shows."""
    network = build_network(spec, seed=3).eval()
    with torch.no_grad():
        for name, each in network.named_parameters():
            each.mul_(2 if name.endswith("weight") and each.dim() == 4 else 1)
    return network


@pytest.mark.parametrize("spec", [SMALL, WITH_SYNTHESIS], ids=lambda spec: spec.name)
def test_all_channels_are_the_network_itself(spec: KernelUNetSpec) -> None:
    network = grown(spec)
    copy = slice_network(network, spec, strongest_channels(network, spec))
    with torch.no_grad():
        assert torch.equal(copy(*frames()), network(*frames()))


@pytest.mark.parametrize("spec", [SMALL, WITH_SYNTHESIS], ids=lambda spec: spec.name)
def test_the_strongest_channels_are_nearer_than_the_weakest(spec: KernelUNetSpec) -> None:
    """Channels are made weak at random places: only a consistent choice finds all of them."""
    network = grown(spec)
    narrow = reshaped(spec, {c.name: 0.6 for c in convolutions(spec)}, Rules())
    kept = slot_widths(narrow)
    generator = torch.Generator().manual_seed(4)
    weak = {
        slot: torch.randperm(width, generator=generator)[: width - kept[slot]]
        for slot, width in slot_widths(spec).items()
    }
    with torch.no_grad():
        for layer in convolutions(spec):
            if layer.writes is not None:
                network.get_parameter(f"{layer.name}.weight")[weak[layer.writes]] *= 1e-6
                network.get_parameter(f"{layer.name}.bias")[weak[layer.writes]] *= 1e-6
        strongest = strongest_channels(network, narrow)
        for slot, channels in strongest.items():
            assert not set(channels.tolist()) & set(weak[slot].tolist()), slot
        made = slice_network(network, narrow, strongest)
        assert made.spec == narrow
        torch.testing.assert_close(made(*frames()), network(*frames()), atol=1e-4, rtol=0)
        others = {
            slot: torch.arange(width)[-kept[slot] :] for slot, width in slot_widths(spec).items()
        }
        assert (
            slice_network(network, narrow, others)(*frames()) - network(*frames())
        ).abs().max() > 1e-3


def test_a_shortcut_that_comes_or_goes_is_refused() -> None:
    network = build_network(WITH_SYNTHESIS, seed=0)
    without = dataclasses.replace(WITH_SYNTHESIS, name="without", synthesis_widths=(3, 12))
    channels = {slot: torch.arange(width) for slot, width in slot_widths(without).items()}
    with pytest.raises(InputError, match=r"synthesis\.leave\.shortcut"):
        slice_network(network, without, channels)


@pytest.mark.parametrize("suffix", [".toml", ".json"])
@pytest.mark.parametrize("name", ["cdfi", "cdfi_mobile"])
def test_spec_files_hold_every_field(tmp_path: Path, name: str, suffix: str) -> None:
    spec = dataclasses.replace(NETWORKS.get(name), name="mine", summary='a "quoted" ü')
    write_spec(tmp_path / f"s{suffix}", spec)
    assert read_spec(tmp_path / f"s{suffix}") == spec


@pytest.mark.parametrize("text", ["", "[1]", "{", '{"kind": "other", "version": 1}', "\udcff"])
def test_a_spec_file_that_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "s.json").write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises((ArtifactError, InputError)):
        read_spec(tmp_path / "s.json")
    raw = SMALL.to_json() | {"decoder": []}
    (tmp_path / "t.json").write_text(json.dumps(raw))
    with pytest.raises(ArtifactError, match=r"t\.json does not fit"):
        read_spec(tmp_path / "t.json")


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    weights, out, report = (tmp_path / n for n in ("w.safetensors", "d/new.toml", "r.json"))
    network = grown(SMALL)
    with torch.no_grad():
        for name, each in network.named_parameters():
            if name.endswith("weight"):
                each[..., 1] = 0
    save_weights(weights, network)
    args = ("--size", "64x64", "--init", "strongest", "--json", report, "--name", "mine")
    assert run("compact", weights, "-o", out, "--parameters", "6000", *args) == 0
    made = load_network(out.with_suffix(".safetensors"))
    assert made.spec == read_spec(out)
    assert made.spec.name == "mine"
    raw = json.loads(report.read_text())
    assert raw["after"]["parameters"] == made.count_parameters() <= 6000
    assert raw["scale"] > 0
    assert f"{made.count_parameters():,}" in capsys.readouterr().out
    # By way of the density report, from scratch: the same widths.
    assert run("density", weights, "--size", "64x64", "--json", tmp_path / "d.json") == 0
    other = tmp_path / "other.json"
    assert run("compact", tmp_path / "d.json", "-o", other, "--parameters", "6000", *args[:2]) == 0
    assert slot_widths(read_spec(other)) == slot_widths(made.spec)  # type: ignore[arg-type]
    assert not other.with_suffix(".safetensors").exists()


@pytest.mark.parametrize(
    ("source", "args", "problem"),
    [
        ("csv", (), "which network"),
        ("csv", ("--network", "cdfi_mobile"), "cannot be chosen by density"),
        ("csv", ("--network", "adacof", "--init", "strongest"), "a weights file as source"),
        ("csv", ("--network", "adacof", "--parameters", "9"), "no form of this network"),
        ("csv", ("--network", "adacof", "-o", "x.txt"), "TOML or JSON"),
        ("csv", ("--network", "adacof", "--size", "65x64"), "multiples of 32"),
        ("csv", ("--network", "compressed_adacof", "--strategy", "mean"), "unknown strategy"),
        ("mobile", (), "cannot be chosen by density"),
        ("mobile", ("--network", "adacof"), "only there"),
        ("mobile", ("--from", "channels", "--floor", "3"), "nothing to choose"),
        ("mobile", ("--from", "nowhere"), "unknown choice"),
    ],
)
def test_what_the_command_refuses(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    source: str,
    args: tuple[str, ...],
    problem: str,
) -> None:
    path = PUBLISHED
    if source == "mobile":
        path = tmp_path / "w.safetensors"
        save_weights(path, build_network(NETWORKS.get("cdfi_mobile"), seed=0))
    before = sorted(tmp_path.iterdir())
    out = () if "-o" in args else ("-o", str(tmp_path / "s.toml"))
    assert run("compact", path, *args, *out) == 2
    error = capsys.readouterr().err
    assert problem in error
    assert "Traceback" not in error
    assert sorted(tmp_path.iterdir()) == before
