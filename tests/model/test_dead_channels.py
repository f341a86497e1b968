"""Structured removal: the frames stay, whichever channels are zero; group-wise l1 makes them so."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch
from cdfi_model.checkpoints.weights import load_network, save_weights
from cdfi_model.cli import app
from cdfi_model.kernel_unet_spec import KernelUNetSpec
from cdfi_model.network import InterpolationNetwork, build_network
from cdfi_model.pruning.channel_graph import Slot, convolutions, slot_widths
from cdfi_model.pruning.dead_channels import remove_dead_channels
from cdfi_model.pruning.group_lasso import GroupLasso, shrink_groups
from cdfi_model.spec import NETWORKS, WarpSpec
from cdfi_runtime.command import run_app
from cdfi_runtime.errors import InputError
from torch import Tensor

PLAIN = KernelUNetSpec(
    name="plain",
    summary="for tests",
    warp=WarpSpec(taps=3, dilation=1, sampling="bilinear"),
    multiple=4,
    encoder=((8, 7), (12, 9)),
    decoder=((10, 6),),
    **dict.fromkeys(("weight0", "alpha0", "beta0", "weight2", "alpha2", "beta2"), (8, 6)),
    occlusion=(6,),
)
SYNTHESIS = dataclasses.replace(
    PLAIN,
    name="synthesis",
    blend=(6,),
    feature_levels=(3, 4),
    synthesis_widths=(8, 12),
    synthesis_columns=4,
)
SPECS = pytest.mark.parametrize("spec", [PLAIN, SYNTHESIS], ids=lambda spec: spec.name)


def network_of(spec: KernelUNetSpec) -> InterpolationNetwork:
    """In float64, so that a difference is a fault and no rounding; every weight tells."""
    network = build_network(spec, seed=3).eval().double()
    with torch.no_grad():
        for name, each in network.named_parameters():
            each.mul_(2 if name.endswith("weight") and each.dim() == 4 else 1)
    return network


def frames() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(5)
    pair = torch.rand(2, 1, 3, 32, 32, generator=generator, dtype=torch.float64)
    return pair[0], pair[1]


def silence(network: InterpolationNetwork, slot: Slot, channels: list[int], bias: float) -> None:
    """Zero the weights of channels in all that write them; ``bias`` where a ReLU follows."""
    with torch.no_grad():
        for layer in convolutions(network.spec):  # type: ignore[arg-type]
            if layer.writes == slot:
                network.get_parameter(f"{layer.name}.weight")[channels] = 0
                network.get_parameter(f"{layer.name}.bias")[channels] = bias if layer.relu else 0


def after_removal(network: InterpolationNetwork) -> tuple[InterpolationNetwork, int, int]:
    # The result is float32 as our files are; the weights here are float32 values in float64.
    before = network(*frames())
    removal = remove_dead_channels(network)
    difference = (removal.network.double().eval()(*frames()) - before).abs().max()
    assert difference < 1e-6
    return removal


@SPECS
@torch.no_grad()
def test_the_frames_stay_wherever_channels_are_zero(spec: KernelUNetSpec) -> None:
    for slot, width in slot_widths(spec).items():
        network = network_of(spec)
        silence(network, slot, [0, width - 2], bias=-0.5)
        made, removed, constant = after_removal(network)
        assert (removed, constant) == (2, 0), slot
        expected = slot_widths(spec) | {slot: width - 2}
        assert slot_widths(made.spec) == expected  # type: ignore[arg-type]


@SPECS
@torch.no_grad()
def test_many_at_once(spec: KernelUNetSpec) -> None:
    network = network_of(spec)
    for number, (slot, width) in enumerate(slot_widths(spec).items()):
        silence(network, slot, [c for c in range(width) if (c + number) % 3 == 0], bias=0.0)
    made, removed, _ = after_removal(network)
    assert removed > 0.3 * sum(slot_widths(spec).values())
    assert made.count_parameters() < 0.6 * network.count_parameters()


@torch.no_grad()
def test_a_constant_that_is_not_zero_stays() -> None:
    """It cannot move into the next bias: along the border it meets the padding's zeros."""
    network = network_of(PLAIN)
    silence(network, ("encoder", 0, 0), [1, 4], bias=0.5)
    made, removed, constant = after_removal(network)
    assert (removed, constant) == (0, 2)
    assert slot_widths(made.spec) == slot_widths(PLAIN)  # type: ignore[arg-type]


@torch.no_grad()
def test_one_writer_of_a_skip_connection_is_not_enough() -> None:
    network = network_of(PLAIN)
    for name in ("weight", "bias"):
        network.get_parameter(f"upsample.0.conv.{name}")[2] = 0
    assert after_removal(network)[1:] == (0, 0)
    for name in ("weight", "bias"):
        network.get_parameter(f"encoder.1.convs.1.{name}")[2] = 0
    assert after_removal(network)[1] == 1


@torch.no_grad()
def test_what_nobody_reads_goes() -> None:
    network = network_of(PLAIN)
    network.get_parameter("heads.occlusion.out.weight")[:, 3] = 0  # its bias is not zero
    network.get_parameter("encoder.1.convs.1.weight")[:, 5] = 0
    for head in PLAIN.heads:  # the encoder's next level does not read it, but the decoder does
        network.get_parameter(f"heads.{head}.stack.convs.0.weight")[:, 1] = 0
    made, removed, _ = after_removal(network)
    assert removed == 2
    assert slot_widths(made.spec)[("occlusion", 0)] == 5  # type: ignore[arg-type]
    assert slot_widths(made.spec)[("encoder", 1, 0)] == 11  # type: ignore[arg-type]


@torch.no_grad()
def test_an_empty_layer_keeps_one_channel() -> None:
    network = network_of(PLAIN)
    silence(network, ("decoder", 0, 0), list(range(10)), bias=-1.0)
    for each in ("weight", "bias"):
        network.get_parameter(f"decoder.0.convs.1.{each}").mul_(0)
    made, removed, _ = after_removal(network)
    assert made.spec.decoder == ((1, 1),)  # type: ignore[attr-defined]
    assert removed == 14


@torch.no_grad()
def test_a_row_without_a_shortcut_is_refused() -> None:
    spec = dataclasses.replace(SYNTHESIS, synthesis_widths=(20, 8))  # 2 * (3 + 3 + 4) enter
    with pytest.raises(InputError, match=r"synthesis\.enter\.shortcut"):
        remove_dead_channels(network_of(spec))


def test_shrinking_is_the_proximal_operator() -> None:
    """It minimises ``|x - v|^2 / 2 + t |x|_2`` group by group; checked against its neighbours."""
    generator = torch.Generator().manual_seed(1)
    weight = torch.randn(5, 3, 3, 3, generator=generator, dtype=torch.float64)
    bias = torch.randn(5, generator=generator, dtype=torch.float64)
    weight[0] *= 1e-3
    bias[0] = 1e-3
    threshold = 2.0
    before = [weight.clone(), bias.clone()]

    def joined(parts: list[Tensor]) -> Tensor:
        return torch.cat([parts[0].flatten(1), parts[1][:, None]], 1)

    def cost(x: Tensor) -> Tensor:
        return 0.5 * (x - joined(before)).square().sum(1) + threshold * x.norm(dim=1)

    zero = shrink_groups([weight, bias], threshold)
    found = joined([weight, bias])
    assert zero.tolist() == [True, False, False, False, False]
    assert not found[0].any()
    for _ in range(50):
        near = found + 1e-3 * torch.randn(found.shape, generator=generator, dtype=torch.float64)
        assert (cost(near) > cost(found)).all()
    broken = torch.full((2, 2), float("nan"))
    assert not shrink_groups([broken], 1.0).any()
    assert broken.isnan().all()


@torch.no_grad()
def test_the_penalty_makes_channels_that_can_go() -> None:
    network = network_of(SYNTHESIS)
    generator = torch.Generator().manual_seed(2)
    for layer in convolutions(SYNTHESIS):  # some channels are weaker than others
        if layer.writes is not None:
            strength = torch.rand(layer.outputs, generator=generator, dtype=torch.float64)
            network.get_parameter(f"{layer.name}.weight").mul_(strength.view(-1, 1, 1, 1))
            network.get_parameter(f"{layer.name}.bias").mul_(strength)
    penalty = GroupLasso(network, 0.3)
    counts = [penalty.step(0.01) for _ in range(12)]
    assert counts == sorted(counts)
    assert 0 < counts[-1] < sum(slot_widths(SYNTHESIS).values())
    assert after_removal(network)[1] >= counts[-1]
    for wrong in (-1.0, float("nan")):
        with pytest.raises(InputError, match="0 or more"):
            GroupLasso(network, wrong)


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    network = network_of(PLAIN).float()
    silence(network, ("encoder", 1, 0), [0, 3], bias=-0.5)
    silence(network, ("encoder", 0, 0), [2], bias=0.5)
    weights, out = tmp_path / "w.safetensors", tmp_path / "new.json"
    save_weights(weights, network)
    with pytest.raises(SystemExit) as end:
        args = [str(weights), "--from", "channels", "--size", "64x64", "-o", str(out)]
        run_app(app, ["compact", *args])
    assert end.value.code == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "removed 2 channels" in text
    assert "1 more are constant" in text
    made = load_network(out.with_suffix(".safetensors"))
    pair = [frame.float() for frame in frames()]
    with torch.no_grad():
        torch.testing.assert_close(made(*pair), network(*pair), atol=1e-6, rtol=0)
    with pytest.raises(InputError, match="cannot be chosen"):
        remove_dead_channels(build_network(NETWORKS.get("cdfi_mobile"), seed=0))
