"""Distillation: another model's middle frame as a second target."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from cdfi_runtime.files import require_file, sha256_file
from torch import Tensor

Teacher = Callable[[Tensor, Tensor], Tensor]


def open_teacher(path: Path, device: torch.device) -> Teacher:
    """Any artifact that a runtime opens, as ``(frame0, frame2) -> middle`` on ``(B, 3, H, W)``.

    Weights files of this project run by torch on ``device``, all others on the CPU.

    Raises:
        CdfiError: the file is missing, corrupt, or no runtime opens it.
    """
    require_file(path, "the teacher")
    if path.suffix == ".safetensors":
        return _network(path, device)
    return _artifact(path)


def describe_teacher(path: Path, weight: float) -> dict[str, Any]:
    """What a weights file says about the teacher it was trained with."""
    return {"file": path.name, "sha256": sha256_file(path), "weight": weight}


def _network(path: Path, device: torch.device) -> Teacher:
    from cdfi_model.checkpoints.weights import load_network

    network = load_network(path).to(device).requires_grad_(False)

    @torch.no_grad()
    def run(frame0: Tensor, frame2: Tensor) -> Tensor:
        middle: Tensor = network(frame0, frame2)
        return middle.clamp(0, 1)

    return run


def _artifact(path: Path) -> Teacher:
    from cdfi_runtime import Interpolator

    interpolator = Interpolator.load(path)

    def run(frame0: Tensor, frame2: Tensor) -> Tensor:
        pair = [frame.permute(0, 2, 3, 1).float().cpu().numpy() for frame in (frame0, frame2)]
        middle = interpolator.interpolate(*(np.ascontiguousarray(frame) for frame in pair))
        return torch.from_numpy(middle).permute(0, 3, 1, 2).to(frame0)

    return run
