"""The published state dicts that the golden vectors were made with."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F

GOLDEN = Path(__file__).parents[1] / "golden"


@cache
def read_manifest() -> dict[str, Any]:
    manifest: dict[str, Any] = json.loads((GOLDEN / "manifest.json").read_text())
    return manifest


@cache
def make_state_dict(case: str) -> dict[str, torch.Tensor]:
    """Random weights by published name; the recipe is in tests/golden/README.md."""
    manifest = read_manifest()
    random = np.random.RandomState(manifest["seed"])
    tensors = {}
    for name, shape in manifest["cases"][case]["keys"]:
        in_synthesis = name.startswith("context_synthesis.")
        if len(shape) == 4:
            gain = 0.4 if in_synthesis else 2.0
            values = random.standard_normal(shape) * np.sqrt(gain / np.prod(shape[1:]))
        elif name.endswith("bias"):
            values = random.standard_normal(shape) * (0.05 if in_synthesis else 0.2)
        else:
            values = random.uniform(0, 0.5, shape)
        tensors[name] = torch.from_numpy(values.astype(np.float32))
    return tensors


@pytest.fixture(scope="session")
def golden_manifest() -> dict[str, Any]:
    return read_manifest()


@pytest.fixture(scope="session")
def golden_state_dict() -> Callable[[str], dict[str, torch.Tensor]]:
    return make_state_dict


def smooth_noise(seed: int, height: int, width: int) -> np.ndarray:
    """A smooth random picture ``(3, height, width)`` in [0, 1]."""
    rng = np.random.default_rng(seed)
    noise = torch.from_numpy(rng.random((1, 3, height // 4, width // 4), dtype=np.float32))
    return F.interpolate(noise, size=(height, width), mode="bicubic").clamp(0, 1)[0].numpy()


def write_moving_pack(folder: Path, count: int = 4, crop: int = 64) -> Path:
    """Frames that shift by (2, -3) px from the middle into frame 2, and back into frame 0."""
    folder.mkdir()
    frames = np.zeros((count, 3, crop, crop, 3), np.uint8)
    flows = np.zeros((count, 2, crop // 2, crop // 2, 2), np.float16)
    for index in range(count):
        scene = (smooth_noise(index, crop + 16, crop + 16) * 255).round().astype(np.uint8)
        for time in range(3):
            top, left = 8 - 2 * (time - 1), 8 + 3 * (time - 1)
            frames[index, time] = scene[:, top : top + crop, left : left + crop].transpose(1, 2, 0)
        flows[index, 0] = (3, -2)
        flows[index, 1] = (-3, 2)
    np.save(folder / "frames.npy", frames)
    np.save(folder / "flows.npy", flows)
    index_file = {"schema": "cdfi-pack", "version": 1, "crop": crop, "count": count}
    index_file |= {"split": "train", "seed": 0, "summary": {}, "triplets": [{}] * count}
    (folder / "index.json").write_text(json.dumps(index_file))
    return folder


@pytest.fixture(scope="session")
def moving_pack() -> Callable[..., Path]:
    return write_moving_pack
