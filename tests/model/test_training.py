"""The trainer: exact resume, flow that survives augmentation, exact synthetic triplets."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
import yaml
from cdfi_model.checkpoints.weights import load_network, read_weights
from cdfi_model.data.pack import Pack
from cdfi_model.layers.offset_warp import offset_warp
from cdfi_model.training.batches import training_batch
from cdfi_model.training.config import Stage, load_config
from cdfi_model.training.loop import BEST, CHECKPOINT, Progress, train
from cdfi_model.training.losses.offsets import offset_loss
from cdfi_model.training.synthetic import synthetic_triplets
from cdfi_runtime.errors import ArtifactError, CdfiError, InputError

CONFIG = """
network = "cdfi_mobile"
pack = "pack"
val_pack = "pack"
out = "run"
seed = 3
warmup = 2
eval_every = {every}
save_every = 2

[[stages]]
steps = 3
batch = 2
crop = 32
downscale = 2
taps = false
synthetic = 0.5

[[stages]]
steps = 3
batch = 2
crop = 32
"""


def smooth_noise(seed: int, height: int, width: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    noise = torch.from_numpy(rng.random((1, 3, height // 4, width // 4), dtype=np.float32))
    return F.interpolate(noise, size=(height, width), mode="bicubic").clamp(0, 1)[0].numpy()


def run(folder: Path, *, stop_after: int | None = None, every: int = 3) -> list[Progress]:
    path = folder / "config.toml"
    path.write_text(CONFIG.format(every=every))
    seen: list[Progress] = []
    train(load_config(path), report=seen.append, stop_after=stop_after)
    return seen


def test_a_stopped_run_ends_with_the_weights_of_an_unbroken_one(
    tmp_path: Path, moving_pack: Callable[..., Path]
) -> None:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        for name in ("whole", "broken"):
            (tmp_path / name).mkdir()
            moving_pack(tmp_path / name / "pack")
        whole = run(tmp_path / "whole")
        first = run(tmp_path / "broken", stop_after=2)
        second = run(tmp_path / "broken")
    finally:
        torch.set_num_threads(threads)
    assert [p.loss for p in first + second] == [p.loss for p in whole]
    assert len(whole) == 6 and len(second) == 4
    files = [tmp_path / name / "run" / BEST for name in ("whole", "broken")]
    assert files[0].read_bytes() == files[1].read_bytes()
    assert read_weights(files[0]).info["val_psnr_db"] > 5
    assert load_network(files[0]).spec.name == "cdfi_mobile"


def test_complete_run_is_refused_and_foreign_checkpoint_named(
    tmp_path: Path, moving_pack: Callable[..., Path]
) -> None:
    moving_pack(tmp_path / "pack")
    run(tmp_path, every=6)
    with pytest.raises(InputError, match="complete"):
        run(tmp_path)
    (tmp_path / "run" / CHECKPOINT).write_bytes(b"not a checkpoint")
    with pytest.raises(ArtifactError, match="no checkpoint of this trainer"):
        run(tmp_path)


def test_a_loss_that_is_no_number_stops_the_run_and_keeps_the_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moving_pack: Callable[..., Path]
) -> None:
    moving_pack(tmp_path / "pack")
    run(tmp_path, stop_after=2)
    before = (tmp_path / "run" / CHECKPOINT).read_bytes()
    monkeypatch.setattr(
        "cdfi_model.training.losses.objective.charbonnier", lambda *_: torch.tensor(float("nan"))
    )
    with pytest.raises(CdfiError, match="no number any more at step 2"):
        run(tmp_path)
    assert (tmp_path / "run" / CHECKPOINT).read_bytes() == before


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("network = ", "no TOML"),
        ("network = 'cdfi_mobile'", "pack: Field required"),
        (CONFIG.format(every=3).replace("crop = 32", "crop = 33", 1), "stages.0.crop"),
        (CONFIG.format(every=3) + "tpas = true\n", "tpas"),
    ],
)
def test_bad_config_is_refused_with_the_field(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "config.toml"
    path.write_text(text)
    with pytest.raises(InputError, match=message):
        load_config(path)


def test_yaml_says_the_same_as_toml(tmp_path: Path) -> None:
    plain = CONFIG.format(every=3)
    (tmp_path / "config.toml").write_text(plain)
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(tomllib.loads(plain)))
    assert load_config(tmp_path / "config.yaml") == load_config(tmp_path / "config.toml")
    (tmp_path / "config.yml").write_text("network: [cdfi_mobile")
    with pytest.raises(InputError, match="no YAML"):
        load_config(tmp_path / "config.yml")


@pytest.mark.parametrize("downscale", [1, 2])
def test_flow_fits_the_frames_after_every_augmentation(
    tmp_path: Path, downscale: int, moving_pack: Callable[..., Path]
) -> None:
    pack = Pack.open(moving_pack(tmp_path / "pack", count=8))
    stage = Stage(steps=1, batch=8, crop=32, downscale=downscale)
    for step in range(6):
        batch = training_batch(pack, stage, seed=0, step=step)
        flow = F.interpolate(batch.flow, scale_factor=2.0)
        for frame, side in ((batch.frame0, flow[:, :2]), (batch.frame2, flow[:, 2:])):
            inner = (..., slice(6, -6), slice(6, -6))
            still = (frame - batch.middle)[inner].abs().mean((1, 2, 3))
            moved = (offset_warp(frame, side) - batch.middle)[inner].abs().mean((1, 2, 3))
            assert (moved < 0.25 * still).all(), (step, moved, still)


def test_batches_follow_from_seed_and_step(
    tmp_path: Path, moving_pack: Callable[..., Path]
) -> None:
    pack = Pack.open(moving_pack(tmp_path / "pack"))
    stage = Stage(steps=1, batch=2, crop=32, synthetic=0.5)
    same = [training_batch(pack, stage, seed=1, step=5) for _ in range(2)]
    other = training_batch(pack, stage, seed=1, step=6)
    assert torch.equal(same[0].middle, same[1].middle)
    assert not torch.equal(same[0].middle, other.middle)


def test_synthetic_flow_leads_from_the_middle_to_both_frames() -> None:
    pictures = torch.from_numpy(np.stack([smooth_noise(seed, 128, 128) for seed in range(4)]))
    frames, flow = synthetic_triplets(pictures, np.random.default_rng(2))
    assert frames.shape == (4, 3, 3, 128, 128) and flow.shape == (4, 4, 64, 64)
    flow = F.interpolate(flow, scale_factor=2.0, mode="bilinear")
    assert flow.abs().max() > 2
    for side, time in ((flow[:, :2], 0), (flow[:, 2:], 2)):
        moved = (offset_warp(frames[:, time], side) - frames[:, 1]).abs().mean(1)
        still = (frames[:, time] - frames[:, 1]).abs().mean(1)
        # Occluded pixels have no match, so the median is looked at.
        assert moved.median() < 0.1 * still.mean()


def test_offset_loss_is_small_at_the_truth_and_weighs_out_what_flow_cannot_explain() -> None:
    scene = torch.from_numpy(smooth_noise(0, 64, 64))[None]
    target = torch.zeros(1, 4, 32, 32)
    offsets = [torch.zeros(1, 4, 8, 8), torch.zeros(1, 4, 32, 32)]
    exact = offset_loss(offsets, (scene, scene, scene), target)
    wrong = offset_loss([item + 1 for item in offsets], (scene, scene, scene), target)
    distrusted = offset_loss([item + 1 for item in offsets], (1 - scene, scene, 1 - scene), target)
    assert exact < 0.11 < 0.9 < wrong
    assert distrusted < 0.5 * wrong
