"""The published family as specs: sizes, JSON, and what a spec refuses."""

from __future__ import annotations

import dataclasses
import json

import pytest
import torch
from cdfi_model.cost import count_macs
from cdfi_model.kernel_unet_spec import KernelUNetSpec
from cdfi_model.network import build_network
from cdfi_model.spec import NETWORKS, NetworkSpec, WarpSpec, spec_from_json
from cdfi_runtime.errors import InputError, UnknownNameError

PARAMETERS = {
    "adacof": 21_843_427,
    "adacof_plus": 22_933_219,
    "compressed_adacof": 2_452_094,
    "compressed_adacof_plus": 2_557_214,
    "cdfi": 4_976_718,
}
# 10 ** 9 multiply-accumulates of a 448x256 frame, as counted from the published definitions.
GMAC = {
    "adacof": 43.4,
    "adacof_plus": 140.0,
    "compressed_adacof": 22.4,
    "compressed_adacof_plus": 34.7,
    "cdfi": 106.4,
}


def tiny(sampling: str = "truncate", synthesis: bool = True, **changes: object) -> KernelUNetSpec:
    """A CDFI of two levels, quick enough for every property."""
    fields: dict[str, object] = {
        "name": "tiny",
        "summary": "",
        "warp": WarpSpec(3, 1, sampling),  # type: ignore[arg-type]
        "multiple": 4,
        "encoder": ((4, 5), (6, 7)),
        "decoder": ((8, 9),),
        **{f"{kind}{side}": (5, 4) for kind in ("weight", "alpha", "beta") for side in "02"},
        "occlusion": (4,),
    }
    if synthesis:
        fields |= {
            "blend": (4,),
            "feature_levels": (2, 3),
            "synthesis_widths": (4, 6),
            "synthesis_columns": 4,
        }
    return KernelUNetSpec(**{**fields, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize("name", PARAMETERS)
def test_parameter_counts(name: str) -> None:
    with torch.device("meta"):
        assert NETWORKS.get(name).build().count_parameters() == PARAMETERS[name]


@pytest.mark.parametrize("name", GMAC)
def test_cost_at_448x256(name: str) -> None:
    with torch.device("meta"):
        network = NETWORKS.get(name).build()
    assert count_macs(network, 256, 448) / 1e9 == pytest.approx(GMAC[name], rel=0.01)


def test_cost_does_not_depend_on_the_formulation_and_grows_with_the_area() -> None:
    network = build_network(tiny(), seed=0)
    small = count_macs(network, 8, 12)
    network.formulation = "gather"
    assert count_macs(network, 8, 12) == small
    assert count_macs(network, 16, 24) == pytest.approx(4 * small, rel=0.1)


def test_truncating_and_flooring_cost_the_same() -> None:
    costs = {
        count_macs(build_network(tiny(kind), seed=0), 8, 8) for kind in ("truncate", "bilinear")
    }
    assert len(costs) == 1


@pytest.mark.parametrize(
    "spec", [*NETWORKS.all(), tiny(), tiny(synthesis=False)], ids=lambda s: s.name
)
def test_specs_survive_json(spec: NetworkSpec) -> None:
    assert spec_from_json(json.loads(json.dumps(spec.to_json()))) == spec


def test_a_change_of_width_is_a_change_of_spec() -> None:
    spec = NETWORKS.get("cdfi")
    assert isinstance(spec, KernelUNetSpec)
    narrow = dataclasses.replace(spec, name="narrow", alpha0=(10, 9, 8))
    with torch.device("meta"):
        assert narrow.build().state_dict()["heads.alpha0.out.weight"].shape == (121, 8, 3, 3)


def test_unknown_network_lists_the_known_ones() -> None:
    with pytest.raises(UnknownNameError, match="adacof, adacof_half, adacof_plus, cdfi"):
        NETWORKS.get("cdfi2")


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"decoder": ()}, "one level less"),
        ({"alpha2": ()}, "at least one channel"),
        ({"encoder": ((4, 0), (6, 7))}, "at least one channel"),
        ({"multiple": 6}, "multiple of 4"),
        ({"blend": ()}, "come together"),
        ({"feature_levels": (2,)}, "one feature width"),
        ({"synthesis_columns": 3}, "even number of columns"),
        ({"warp": WarpSpec(4, 1, "truncate")}, "odd"),
    ],
)
def test_specs_that_cannot_be_built_are_refused(changes: dict[str, object], problem: str) -> None:
    with pytest.raises(InputError, match=problem):
        tiny(**changes)


@pytest.mark.parametrize("synthesis", [True, False])
def test_batches_equal_single_frames(synthesis: bool) -> None:
    network = build_network(tiny(synthesis=synthesis), seed=0).double().eval()
    random = torch.Generator().manual_seed(0)
    frame0, frame2 = torch.rand(2, 3, 3, 8, 12, generator=random, dtype=torch.float64)
    with torch.no_grad():
        for formulation in ("per_tap", "gather"):
            network.formulation = formulation
            together = network(frame0, frame2)
            alone = [network(frame0[i : i + 1], frame2[i : i + 1]) for i in range(3)]
            assert together.shape == frame0.shape
            assert (together - torch.cat(alone)).abs().max() < 1e-12


def test_training_reaches_every_parameter() -> None:
    network = build_network(tiny("bilinear"), seed=0)
    random = torch.Generator().manual_seed(0)
    frame0, frame2 = torch.rand(2, 1, 3, 8, 12, generator=random)
    network(frame0, frame2).square().sum().backward()
    idle = [
        name
        for name, parameter in network.named_parameters()
        if parameter.grad is None or not parameter.grad.abs().max() > 0
    ]
    assert idle == []
