"""Batches from a source of triplets: augmentation, and the flow that goes with it.

Every batch follows from ``(seed, step)`` alone, so a resumed run sees what an unbroken one does.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from cdfi_runtime.errors import InputError
from torch import Tensor

from cdfi_model.training.config import Stage
from cdfi_model.training.sources import TripletSource
from cdfi_model.training.synthetic import synthetic_triplets


class Batch(NamedTuple):
    """Frames ``(B, 3, H, W)`` in [0, 1]; ``flow`` ``(B, 4, H / 2, W / 2)``.

    Flow channels: row and column offset from the middle frame into frame 0, then into frame 2,
    in full-size pixels.
    """

    frame0: Tensor
    middle: Tensor
    frame2: Tensor
    flow: Tensor


def training_batch(
    source: TripletSource,
    stage: Stage,
    *,
    seed: int,
    step: int,
    transpose: bool = True,
    colour: bool = True,
) -> Batch:
    """The batch of ``step``: random triplets, window, flips, transposition, reversal, colour."""
    rng = np.random.default_rng((seed, step))
    count = round(stage.batch * stage.synthetic)
    rows = rng.choice(len(source), stage.batch, replace=len(source) < stage.batch)
    frames, flow = _tensors(source, rows)
    frames, flow = _window(frames, flow, stage.crop * stage.downscale, rng)
    if stage.downscale > 1:
        small = F.avg_pool2d(frames.flatten(1, 2), stage.downscale)
        frames = small.reshape(-1, 3, 3, *small.shape[-2:])
        flow = F.avg_pool2d(flow, stage.downscale) / stage.downscale
    if count:
        frames[:count], flow[:count] = synthetic_triplets(frames[:count, 1], rng)
    frames, flow = _turn(frames, flow, rng, transpose)
    if colour:
        frames = _colour(frames, rng)
    return Batch(frames[:, 0], frames[:, 1], frames[:, 2], flow)


def whole_batch(source: TripletSource, rows: Iterable[int]) -> Batch:
    """Triplets of ``rows`` as they are, for validation."""
    frames, flow = _tensors(source, rows)
    return Batch(frames[:, 0], frames[:, 1], frames[:, 2], flow)


def share_of(batch: Batch, rank: int, world: int) -> Batch:
    """The part of a batch that process ``rank`` of ``world`` computes on."""
    size = batch.middle.shape[0] // world
    return Batch(*(tensor[rank * size : (rank + 1) * size] for tensor in batch))


def _tensors(source: TripletSource, rows: Iterable[int]) -> tuple[Tensor, Tensor]:
    triplets = [source.read(int(row)) for row in rows]
    frames = torch.from_numpy(np.stack([item[0] for item in triplets]))
    flows = torch.from_numpy(np.stack([item[1] for item in triplets]))
    # Sources keep channels last and flow as (x, y); networks want channels first, rows first.
    frames = frames.permute(0, 1, 4, 2, 3).contiguous().float() / 255.0
    flow = flows.flip(-1).permute(0, 1, 4, 2, 3).flatten(1, 2).contiguous().float()
    return frames, flow


def _window(
    frames: Tensor, flow: Tensor, crop: int, rng: np.random.Generator
) -> tuple[Tensor, Tensor]:
    height, width = frames.shape[-2:]
    if crop > min(height, width):
        raise InputError(
            "a stage's crop does not fit into the triplets",
            expected=f"crop * downscale of at most {min(height, width)}",
            got=f"{crop} for triplets of {width}x{height}",
        )
    cut_frames, cut_flow = [], []
    for index in range(frames.shape[0]):
        top = 2 * int(rng.integers(0, (height - crop) // 2 + 1))
        left = 2 * int(rng.integers(0, (width - crop) // 2 + 1))
        cut_frames.append(frames[index, ..., top : top + crop, left : left + crop])
        half = slice(top // 2, (top + crop) // 2), slice(left // 2, (left + crop) // 2)
        cut_flow.append(flow[index, :, half[0], half[1]])
    return torch.stack(cut_frames), torch.stack(cut_flow)


def _turn(
    frames: Tensor, flow: Tensor, rng: np.random.Generator, transposing: bool
) -> tuple[Tensor, Tensor]:
    """Flips, transposition and time reversal for each triplet by itself."""
    turned_frames, turned_flow = [], []
    for index in range(frames.shape[0]):
        picture, motion = frames[index], flow[index]
        flip_rows, flip_columns, transpose, reverse = rng.random(4) < 0.5
        if flip_rows:
            picture = picture.flip(-2)
            motion = motion.flip(-2) * motion.new_tensor([-1, 1, -1, 1])[:, None, None]
        if flip_columns:
            picture = picture.flip(-1)
            motion = motion.flip(-1) * motion.new_tensor([1, -1, 1, -1])[:, None, None]
        if transpose and transposing:
            picture = picture.transpose(-1, -2)
            motion = motion.transpose(-1, -2)[[1, 0, 3, 2]]
        if reverse:
            picture, motion = picture.flip(0), motion[[2, 3, 0, 1]]
        turned_frames.append(picture)
        turned_flow.append(motion)
    return torch.stack(turned_frames), torch.stack(turned_flow).contiguous()


def _colour(frames: Tensor, rng: np.random.Generator) -> Tensor:
    """Brightness, contrast and channel order, one draw for the three frames of a triplet."""
    batch = frames.shape[0]
    gain = torch.from_numpy(rng.uniform(0.8, 1.2, (batch, 1, 3, 1, 1)).astype(np.float32))
    lift = torch.from_numpy(rng.uniform(-0.08, 0.08, (batch, 1, 1, 1, 1)).astype(np.float32))
    order = torch.from_numpy(np.stack([rng.permutation(3) for _ in range(batch)]))
    frames = torch.gather(frames, 2, order[:, None, :, None, None].expand_as(frames))
    return (frames * gain + lift).clamp(0.0, 1.0)
