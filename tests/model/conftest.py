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
