"""Losses that a config can choose, for both kinds of network."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from cdfi_model.checkpoints.weights import default_weights, read_weights
from cdfi_model.data.pack import Pack
from cdfi_model.layers.offset_warp import expected_offset, offset_warp
from cdfi_model.network import build_network
from cdfi_model.spec import NETWORKS, WarpSpec
from cdfi_model.training.batches import training_batch
from cdfi_model.training.config import Losses, Stage, load_config
from cdfi_model.training.loop import BEST, Progress, train
from cdfi_model.training.losses.objective import Objective
from cdfi_model.training.losses.offsets import total_variation
from cdfi_model.training.losses.teacher import open_teacher
from cdfi_model.training.losses.vgg import VggFeatures
from cdfi_model.warp import adacof_warp
from cdfi_runtime.errors import ArtifactError, InputError
from cdfi_runtime.files import sha256_file
from cdfi_runtime.interpolator import embedded_model
from pydantic import ValidationError

VGG_LAYERS = {0: (64, 3), 2: (64, 64), 5: (128, 64), 7: (128, 128), 10: (256, 128)}
VGG_LAYERS |= {12: (256, 256), 14: (256, 256), 17: (512, 256), 19: (512, 512), 21: (512, 512)}

CONFIG = """
network = "{network}"
pack = "pack"
val_pack = "pack"
out = "run"
warmup = 0
strips = 0
ema = 0.5
eval_every = {steps}

[[stages]]
steps = {steps}
batch = 2
crop = 32
taps = {taps}
offset_weight = {weight}
"""


def vgg_tensors() -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    tensors = {}
    for index, (outputs, inputs) in VGG_LAYERS.items():
        weight = torch.randn(outputs, inputs, 3, 3, generator=generator)
        tensors[f"features.{index}.weight"] = weight * (2 / (9 * inputs)) ** 0.5
        tensors[f"features.{index}.bias"] = torch.zeros(outputs)
    return tensors | {"classifier.0.bias": torch.zeros(2)}


def run(folder: Path, extra: str = "", **options: object) -> list[Progress]:
    values = {"network": "cdfi_mobile", "steps": 2, "taps": "true", "weight": "[0.01, 0.01]"}
    path = folder / "config.toml"
    path.write_text(CONFIG.format(**(values | options)) + extra)
    seen: list[Progress] = []
    train(load_config(path), report=seen.append)
    return seen


def test_expected_offset_is_where_a_one_hot_kernel_samples() -> None:
    spec = WarpSpec(taps=3, dilation=2, sampling="bilinear")
    generator = torch.Generator().manual_seed(1)
    alpha, beta = torch.rand(2, 1, 9, 12, 16, generator=generator) * 2 - 1
    tap = torch.randint(0, 9, (1, 12, 16), generator=generator)
    weight = torch.nn.functional.one_hot(tap, 9).permute(0, 3, 1, 2).float()
    image = torch.rand(1, 3, 12, 16, generator=generator)
    taken = adacof_warp(image, weight, alpha, beta, spec)
    moved = offset_warp(image, expected_offset(weight, alpha, beta, spec))
    inner = (..., slice(3, -3), slice(3, -3))
    assert torch.allclose(taken[inner], moved[inner], atol=1e-5)


@pytest.mark.parametrize("name", ["compressed_adacof", "compressed_adacof_plus", "cdfi_mobile"])
def test_describing_a_frame_gives_what_forward_gives(name: str) -> None:
    network = build_network(NETWORKS.get(name), seed=0).eval()
    generator = torch.Generator().manual_seed(2)
    pair = torch.rand(2, 1, 3, 32, 64, generator=generator)
    with torch.no_grad():
        output = network.describe(pair[0], pair[1])
        assert torch.equal(output.frame, network(pair[0], pair[1]))
    assert output.offsets[-1].shape == (1, 4, 16, 32)
    coarse = network.describe(pair[0], pair[1], taps=False)
    assert coarse.frame.shape == output.frame.shape
    coarse.offsets[-1].sum().backward()
    assert any(parameter.grad is not None for parameter in network.parameters())


def test_a_published_network_learns_its_offsets(
    tmp_path: Path, moving_pack: Callable[..., Path]
) -> None:
    pack = Pack.open(moving_pack(tmp_path / "pack"))
    batch = training_batch(pack, Stage(steps=1, batch=2, crop=32), seed=0, step=0)
    network = build_network(NETWORKS.get("compressed_adacof"), seed=0)
    objective = Objective(network, Losses(), torch.device("cpu"))
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3)
    losses = []
    for _ in range(40):
        loss = objective(batch, taps=False, supervise=True).offsets
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0]
    assert objective(batch, taps=True, supervise=False).offsets.item() == 0


def test_the_published_recipe_runs(tmp_path: Path, moving_pack: Callable[..., Path]) -> None:
    moving_pack(tmp_path / "pack")
    torch.save(vgg_tensors(), tmp_path / "vgg16.pth")
    path = tmp_path / "config.toml"
    text = CONFIG.format(network="compressed_adacof", steps=2, taps="true", weight="[0, 0]")
    path.write_text('optimizer = "adamax"\nweight_decay = 0.0\n' + text)
    with path.open("a") as file:
        file.write("\n[losses]\ntotal_variation = 0.01\nvgg = 0.005\nvgg_weights = 'vgg16.pth'\n")
    seen: list[Progress] = []
    train(load_config(path), report=seen.append)
    plain = tmp_path / "plain"
    plain.mkdir()
    moving_pack(plain / "pack")
    without = run(plain, network="compressed_adacof", weight="[0, 0]")
    assert seen[0].loss > without[0].loss  # the same batch and weights, more terms
    assert seen[1].loss == seen[1].loss


def test_total_variation_of_a_ramp_is_its_slope() -> None:
    rows = torch.arange(8.0)[:, None].expand(8, 8)
    assert total_variation((0.25 * rows).expand(1, 4, 8, 8)).item() == pytest.approx(0.25)
    assert total_variation(torch.full((1, 4, 8, 8), 3.0)).item() == 0


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_vgg_reads_both_forms_and_measures(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"vgg16{suffix}"
    if suffix == ".pth":
        torch.save(vgg_tensors(), path)
    else:
        from safetensors.torch import save_file

        save_file(vgg_tensors(), path)
    vgg = VggFeatures(path)
    picture = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(3))
    assert vgg(picture).shape == (1, 512, 4, 4)
    assert vgg.distance(picture, picture).item() == 0
    changed = (picture * 0.5).requires_grad_()
    vgg.distance(changed, picture).backward()
    assert changed.grad is not None and changed.grad.abs().sum() > 0
    assert not any(parameter.requires_grad for parameter in vgg.parameters())


def test_vgg_weights_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not found"):
        VggFeatures(tmp_path / "none.pth")
    (tmp_path / "text.pth").write_text("no weights")
    with pytest.raises(ArtifactError, match="no readable weights"):
        VggFeatures(tmp_path / "text.pth")
    tensors = vgg_tensors()
    del tensors["features.21.weight"]
    torch.save(tensors, tmp_path / "short.pth")
    with pytest.raises(ArtifactError, match=r"features\.21\.weight"):
        VggFeatures(tmp_path / "short.pth")
    with pytest.raises(ValidationError, match="vgg needs the file vgg_weights"):
        Losses(vgg=0.005)


def test_a_teacher_is_any_artifact_and_is_named_in_the_weights(
    tmp_path: Path, moving_pack: Callable[..., Path]
) -> None:
    moving_pack(tmp_path / "pack")
    pair = torch.rand(2, 2, 3, 32, 64, generator=torch.Generator().manual_seed(4))
    cpu = torch.device("cpu")
    taught = [open_teacher(p, cpu)(*pair) for p in (default_weights(), embedded_model())]
    assert taught[0].shape == (2, 3, 32, 64)
    assert torch.allclose(taught[0], taught[1], atol=2e-3)
    teacher = f"\n[losses]\nteacher = '{embedded_model()}'\nteacher_weight = 0.5\n"
    seen = run(tmp_path, extra=teacher)
    info = read_weights(tmp_path / "run" / BEST).info
    assert info["teacher"] == {
        "file": embedded_model().name,
        "sha256": sha256_file(embedded_model()),
        "weight": 0.5,
    }
    (tmp_path / "alone").mkdir()
    moving_pack(tmp_path / "alone" / "pack")
    alone = run(tmp_path / "alone")
    assert seen[0].loss > alone[0].loss
    assert "teacher" not in read_weights(tmp_path / "alone" / "run" / BEST).info
