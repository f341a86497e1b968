"""Feature distance by VGG16 (Simonyan and Zisserman, 2015) up to conv4_3.

The weights are read from a local file; none are fetched.
"""

from __future__ import annotations

from pathlib import Path

import torch
from cdfi_runtime.errors import ArtifactError
from cdfi_runtime.files import require_file
from torch import Tensor, nn

# Widths up to conv4_3; "pool" halves the size. Indices of the layers are those of the usual
# ``features.N`` keys: convolution and ReLU count one each.
_LAYERS = (64, 64, "pool", 128, 128, "pool", 256, 256, 256, "pool", 512, 512, 512)
# Mean and deviation of ImageNet, by which the usual weights expect RGB in [0, 1] to be normalised.
_MEAN = (0.485, 0.456, 0.406)
_DEVIATION = (0.229, 0.224, 0.225)


class VggFeatures(nn.Module):
    """Frozen VGG16 features after the ReLU of conv4_3, at an eighth of the picture's size."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, weights: Path) -> None:
        """Read ``weights``: safetensors, or a state dict that torch saved (``features.N.weight``).

        Raises:
            InputError: no such file, or an empty one.
            ArtifactError: unreadable, or tensors that are missing or of another shape.
        """
        super().__init__()
        layers: list[nn.Module] = []
        channels = 3
        for width in _LAYERS:
            if isinstance(width, int):
                layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU()]
                channels = width
            else:
                layers.append(nn.MaxPool2d(2))
        self.features = nn.Sequential(*layers)
        self.register_buffer("mean", torch.tensor(_MEAN).view(1, 3, 1, 1), False)
        self.register_buffer("deviation", torch.tensor(_DEVIATION).view(1, 3, 1, 1), False)
        tensors = _read(weights)
        wanted = self.state_dict()
        misfits = [
            f"{name} {tuple(tensor.shape)}"
            for name, tensor in wanted.items()
            if name not in tensors or tensors[name].shape != tensor.shape
        ]
        if misfits:
            raise ArtifactError(
                f"{weights.name} does not hold VGG16 up to conv4_3",
                expected=", ".join(misfits[:3]) + (" ..." if len(misfits) > 3 else ""),
                got=", ".join(list(tensors)[:3]) or "no tensors",
                fix="name a state dict of VGG16 with the keys features.0.weight, features.0.bias, "
                "... or set vgg = 0 under [losses]",
            )
        self.load_state_dict({name: tensors[name] for name in wanted})
        self.eval().requires_grad_(False)

    def forward(self, picture: Tensor) -> Tensor:
        """``(B, 3, H, W)`` RGB in [0, 1] to ``(B, 512, H / 8, W / 8)``."""
        features: Tensor = self.features((picture - self.mean) / self.deviation)
        return features

    def distance(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Mean squared difference of the features; CDFI (CVPR 2021) adds 0.005 of it."""
        with torch.no_grad():
            wanted = self(target)
        distance: Tensor = (self(prediction) - wanted).square().mean()
        return distance


def _read(path: Path) -> dict[str, Tensor]:
    require_file(path, "the VGG16 weights file")
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            return dict(load_file(path))
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # the parsers raise whatever they meet in a foreign file
        raise ArtifactError(
            f"{path.name} is no readable weights file",
            expected="safetensors, or a state dict saved by torch",
            got=f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}",
        ) from error
    if not isinstance(content, dict):
        raise ArtifactError(f"{path.name} holds no state dict", got=type(content).__name__)
    return {str(name): item for name, item in content.items() if isinstance(item, Tensor)}
