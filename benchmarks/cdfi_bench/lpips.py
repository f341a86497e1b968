"""LPIPS with SqueezeNet 1.1 (Zhang et al., CVPR 2018; version 0.1 of the linear layers).

Both frames go through the network; at seven depths the features are normalised over channels,
their squared differences weighted by a learned 1x1 layer and averaged over pixels; LPIPS is the
sum. The weights are not ours to ship: they are read from the user's own files, either in the form
of torchvision (``features.0.weight``) and of the LPIPS package (``lin0.model.1.weight``), or from
one file with the whole of its state (``net.slice1.0.weight``).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from cdfi_runtime.errors import ArtifactError, MissingDependencyError
from cdfi_runtime.files import require_file, sha256_file
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import Tensor

LEAST = 32
"""Pixels of the shorter side below which the last pooling has nothing left to pool."""

# SqueezeNet 1.1 by torchvision's index: fire modules as (index, input, squeeze, expand) channels.
_FIRES = (
    (3, 64, 16, 64),
    (4, 128, 16, 64),
    (6, 128, 32, 128),
    (7, 256, 32, 128),
    (9, 256, 48, 192),
    (10, 384, 48, 192),
    (11, 384, 64, 256),
    (12, 512, 64, 256),
)
_POOLS = (2, 5, 8)
_DEPTHS = (1, 4, 7, 9, 10, 11, 12)  # features are compared after these modules
_CHANNELS = (64, 128, 256, 384, 384, 512, 512)
_SHIFT, _SCALE = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)
_FEATURE = re.compile(r"(?:features|net\.slice\d+)\.(\d+)\.(.+)")
_LINEAR = re.compile(r"(lin\d)\.model\.1\.weight")


@dataclass(frozen=True)
class Lpips:
    """Measures two frames.

    Attributes:
        weights: ``INDEX.NAME`` of SqueezeNet's modules and ``linN`` to tensors.
        sha256: Of the files the weights came from.
    """

    weights: dict[str, Tensor]
    sha256: tuple[str, ...]

    def __call__(self, a: NDArray[np.uint8], b: NDArray[np.uint8]) -> float | None:
        """LPIPS of two ``(H, W, 3)`` uint8 frames, 0 if they are equal.

        Returns ``None`` for frames with a side below :data:`LEAST`.
        """
        import torch

        if min(a.shape[:2]) < LEAST:
            return None
        both = torch.from_numpy(np.stack((a, b)).transpose(0, 3, 1, 2).astype(np.float32))
        shift, scale = (torch.tensor(each).view(1, 3, 1, 1) for each in (_SHIFT, _SCALE))
        total = 0.0
        with torch.inference_mode():
            features = self._features((both / 127.5 - 1 - shift) / scale)
            for depth, found in enumerate(features):
                normal = found / (found.square().sum(1, keepdim=True).sqrt() + 1e-10)
                squares = (normal[0] - normal[1]).square()
                total += float((squares * self.weights[f"lin{depth}"].view(-1, 1, 1)).sum(0).mean())
        return total

    def _features(self, x: Tensor) -> list[Tensor]:
        from torch.nn import functional

        fires = {index for index, *_ in _FIRES}
        found = []
        x = functional.relu(self._conv("0", x, stride=2))
        for index in range(1, _DEPTHS[-1] + 1):
            if index in _POOLS:
                x = functional.max_pool2d(x, 3, 2, ceil_mode=True)
            elif index in fires:
                x = self._fire(index, x)
            if index in _DEPTHS:
                found.append(x)
        return found

    def _fire(self, index: int, x: Tensor) -> Tensor:
        import torch

        x = torch.relu(self._conv(f"{index}.squeeze", x))
        wide = self._conv(f"{index}.expand3x3", x, padding=1)
        return torch.relu(torch.cat((self._conv(f"{index}.expand1x1", x), wide), 1))

    def _conv(self, name: str, x: Tensor, **options: int) -> Tensor:
        from torch.nn import functional

        weight, bias = self.weights[f"{name}.weight"], self.weights[f"{name}.bias"]
        return functional.conv2d(x, weight, bias, **options)


def load_lpips(paths: Sequence[Path]) -> Lpips:
    """The measure with weights from ``.pth`` or ``.safetensors`` files, merged.

    Raises:
        InputError: a file is missing or empty.
        ArtifactError: a file cannot be read without unpickling code, or weights are missing or
            have another shape; the message names them.
        MissingDependencyError: torch is not installed.
    """
    found: dict[str, Tensor] = {}
    for path in paths:
        for key, value in _read(path).items():
            feature, linear = _FEATURE.fullmatch(key), _LINEAR.fullmatch(key)
            if feature is not None:
                found[f"{feature[1]}.{feature[2]}"] = value.float()
            elif linear is not None:
                found[linear[1]] = value.float()
    wanted = _shapes()
    missing = [name for name in wanted if name not in found]
    wrong = [name for name in wanted if name in found and tuple(found[name].shape) != wanted[name]]
    if missing or wrong:
        raise ArtifactError(
            "these are not all weights of LPIPS with SqueezeNet 1.1",
            expected="torchvision's squeezenet1_1 and the squeeze.pth of LPIPS v0.1",
            got=", ".join(_listed("missing", missing) + _listed("of another shape", wrong)),
            fix="give both files, each with --lpips-weights",
        )
    weights = {name: found[name] for name in wanted}
    return Lpips(weights, tuple(sha256_file(path) for path in paths))


def _shapes() -> dict[str, tuple[int, ...]]:
    shapes: dict[str, tuple[int, ...]] = {"0.weight": (64, 3, 3, 3), "0.bias": (64,)}
    for index, wide, squeeze, expand in _FIRES:
        for name, shape in {
            "squeeze": (squeeze, wide, 1, 1),
            "expand1x1": (expand, squeeze, 1, 1),
            "expand3x3": (expand, squeeze, 3, 3),
        }.items():
            shapes[f"{index}.{name}.weight"] = shape
            shapes[f"{index}.{name}.bias"] = shape[:1]
    for depth, channels in enumerate(_CHANNELS):
        shapes[f"lin{depth}"] = (1, channels, 1, 1)
    return shapes


def _listed(what: str, names: list[str]) -> list[str]:
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return [f"{what}: {', '.join(names[:3])}{more}"] if names else []


def _read(path: Path) -> dict[str, Any]:
    require_file(path, "the file of LPIPS weights")
    try:
        import torch
        from safetensors.torch import load_file
    except ImportError as error:
        raise MissingDependencyError("torch", extra="bench", needed_for="LPIPS") from error
    try:
        if path.suffix == ".safetensors":
            state: Any = load_file(path)
        else:
            state = torch.load(path, map_location="cpu", weights_only=True)
        return {key: value for key, value in state.items() if isinstance(value, torch.Tensor)}
    except Exception as error:  # a foreign file makes torch raise nearly anything
        raise ArtifactError(
            f"{path.name} cannot be read as weights",
            expected="a state dictionary as .pth or .safetensors",
            got=f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}",
            fix="download it again",
        ) from error
