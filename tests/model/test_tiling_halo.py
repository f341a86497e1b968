"""What specs say of tiles: how far a pixel of the pyramid network really sees."""

from __future__ import annotations

import torch
from cdfi_model.network import build_network
from cdfi_model.spec import NETWORKS
from cdfi_runtime.manifest import TilingInfo

SPEC = NETWORKS.get("cdfi_mobile")


def test_the_halo_is_the_receptive_field_of_still_frames() -> None:
    network = build_network(SPEC, seed=0).double().eval()
    with torch.no_grad():  # heads start at zero, which would hide all that lies behind them
        for name, parameter in network.named_parameters():
            if parameter.abs().max() == 0 or "head" in name:
                parameter.normal_(0, 1e-3)
    torch.manual_seed(0)
    length = 832
    frames = [torch.rand(1, 3, 32, length, dtype=torch.float64).requires_grad_() for _ in range(2)]
    middle = network(*frames)
    reached = []
    for column in range(length // 2, length // 2 + 16):  # every place in a grid
        gradients = torch.autograd.grad(middle[..., column].sum(), frames, retain_graph=True)
        seen = sum(gradient.abs().sum((0, 1, 2)) for gradient in gradients).nonzero()[:, 0]
        reached += [column - int(seen.min()), int(seen.max()) - column]
    assert SPEC.tiling.exact
    assert SPEC.tiling.halo - 32 <= max(reached) <= SPEC.tiling.halo


def test_networks_with_aligned_corners_do_not_claim_to_be_exact() -> None:
    for name in ("adacof", "compressed_adacof", "cdfi"):
        assert NETWORKS.get(name).tiling == TilingInfo(halo=64, exact=False)
