"""Synthetic triplets from single pictures: moving layers whose middle frame and flow are exact."""

from __future__ import annotations

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

_LAYERS = 3


def synthetic_triplets(pictures: Tensor, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """An affine background and up to three blobs of other pictures, all moving at even speed.

    Each layer is drawn at half time and sampled at opposite displacements for the outer frames, so
    the middle frame and both flows are known exactly, occlusions included.

    Args:
        pictures: ``(B, 3, H, W)`` in [0, 1]; each is a background and a texture for others.
        rng: Decides everything.

    Returns:
        Frames ``(B, 3, 3, H, W)`` in time order, and the flow ``(B, 4, H / 2, W / 2)`` from the
        middle frame into frame 0 and frame 2, rows first, in full-size pixels.
    """
    batch, _, height, width = pictures.shape
    outer0, middle, outer2, flow = _background(pictures, rng)
    for _ in range(_LAYERS):
        texture = pictures[torch.from_numpy(rng.permutation(batch))]
        mask = _blobs(batch, height, width, rng)
        velocity = _affine(batch, rng, reach=28.0, bend=0.08)
        layers = [_move(torch.cat((texture, mask), 1), velocity, time) for time in (-1, 0, 1)]
        present = torch.from_numpy((rng.random((batch, 1, 1, 1)) < 0.8).astype(np.float32))
        covers = [layer[:, 3:] * present for layer in layers]
        outer0 = outer0 + covers[0] * (layers[0][:, :3] - outer0)
        middle = middle + covers[1] * (layers[1][:, :3] - middle)
        outer2 = outer2 + covers[2] * (layers[2][:, :3] - outer2)
        drawn = _flow(velocity, height, width)
        flow = torch.where(covers[1] > 0.5, drawn, flow)
    return torch.stack((outer0, middle, outer2), 1), F.avg_pool2d(flow, 2)


def _background(
    pictures: Tensor, rng: np.random.Generator
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    batch, _, height, width = pictures.shape
    velocity = _affine(batch, rng, reach=12.0, bend=0.04)
    outer0, middle, outer2 = (_move(pictures, velocity, time) for time in (-1, 0, 1))
    return outer0, middle, outer2, _flow(velocity, height, width)


def _affine(batch: int, rng: np.random.Generator, *, reach: float, bend: float) -> Tensor:
    """Velocities ``(B, 2, 3)``: v(p) = A p + t, rows first, p from the centre in half sides.

    The displacement goes by the picture's half side, ``reach`` is in pixels of a 256 px picture.
    """
    length = reach / 128.0 * rng.random((batch, 1)) ** 2
    angle = rng.uniform(0, 2 * math.pi, (batch, 1))
    shift = np.concatenate((length * np.sin(angle), length * np.cos(angle)), 1)[..., None]
    matrix = rng.uniform(-bend, bend, (batch, 2, 2)) * rng.random((batch, 1, 1))
    return torch.from_numpy(np.concatenate((matrix, shift), 2).astype(np.float32))


def _positions(height: int, width: int) -> Tensor:
    rows = (torch.arange(height, dtype=torch.float32) + 0.5) * 2 / height - 1
    columns = (torch.arange(width, dtype=torch.float32) + 0.5) * 2 / width - 1
    y, x = torch.meshgrid(rows, columns, indexing="ij")
    return torch.stack((y, x, torch.ones_like(y)))


def _move(layer: Tensor, velocity: Tensor, time: int) -> Tensor:
    """The layer at ``time``: what lies at p was at q at half time, with p = q + time * v(q)."""
    if time == 0:
        return layer
    batch, _, height, width = layer.shape
    motion = torch.zeros(batch, 3, 3)
    motion[:, :2] = velocity * time
    motion = motion + torch.eye(3)
    origin = torch.linalg.inv(motion) @ _positions(height, width).flatten(1)
    grid = origin[:, :2].flip(1).transpose(1, 2).reshape(batch, height, width, 2)
    return F.grid_sample(
        layer, grid, mode="bilinear", padding_mode="reflection", align_corners=False
    )


def _flow(velocity: Tensor, height: int, width: int) -> Tensor:
    """Full-size ``(B, 4, H, W)`` flow into frame 0 (backward in time) and into frame 2."""
    drift = (velocity @ _positions(height, width).flatten(1)).reshape(-1, 2, height, width)
    pixels = drift * torch.tensor([height / 2, width / 2])[:, None, None]
    return torch.cat((-pixels, pixels), 1)


def _blobs(batch: int, height: int, width: int, rng: np.random.Generator) -> Tensor:
    """Soft-edged random shapes ``(B, 1, H, W)`` in [0, 1] that cover about a tenth of a picture."""
    noise = torch.from_numpy(rng.standard_normal((batch, 1, 6, 6)).astype(np.float32))
    smooth = F.interpolate(noise, size=(height, width), mode="bicubic", align_corners=False)
    y, x, _ = _positions(height, width)
    centre = torch.from_numpy(rng.uniform(-0.7, 0.7, (batch, 2, 1, 1)).astype(np.float32))
    size = torch.from_numpy(rng.uniform(0.2, 0.6, (batch, 1, 1, 1)).astype(np.float32))
    distance = torch.sqrt((y - centre[:, :1]) ** 2 + (x - centre[:, 1:]) ** 2)
    return torch.sigmoid(40.0 * (1 - distance / size + 0.4 * smooth))
