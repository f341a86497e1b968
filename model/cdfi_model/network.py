"""The interface every network of the family keeps."""

from __future__ import annotations

from typing import ClassVar, NamedTuple

import torch
from torch import Tensor, nn

from cdfi_model.spec import NetworkSpec


class NetworkOutput(NamedTuple):
    """What training looks at besides the picture.

    Attributes:
        frame: ``(B, 3, H, W)`` the middle frame.
        warped: ``(B, 3, H, W)`` the same before the synthesis.
        offsets: Per level, coarsest first, ``(B, 4, h, w)``: expected row and column offset into
            frame 0, then into frame 2, in pixels of that level. The finest is at half size.
    """

    frame: Tensor
    warped: Tensor
    offsets: list[Tensor]


class InterpolationNetwork(nn.Module):
    """Two frames in, the frame half way between them out.

    Attributes:
        spec: The spec this network was built from.
        formulation: Name of the warp formulation that ``forward`` uses; all of them compute the
            same values (see :mod:`cdfi_model.warp`), some trace better for a given target.
        sensitive_layers: Last names of the layers that integer precisions leave in floating point:
            what they give is a position, a weight or the picture itself.
    """

    sensitive_layers: ClassVar[tuple[str, ...]] = ("out",)

    def __init__(self, spec: NetworkSpec) -> None:
        super().__init__()
        self.spec = spec
        self.formulation = "unfold" if spec.warp.offsets == "shared" else "per_tap"

    def forward(self, frame0: Tensor, frame2: Tensor) -> Tensor:
        """The middle frame.

        Args:
            frame0: ``(B, 3, H, W)`` RGB in [0, 1]; H and W multiples of ``spec.multiple``.
            frame2: The same shape.

        Returns:
            ``(B, 3, H, W)``, not clipped: values may leave [0, 1] a little.
        """
        raise NotImplementedError

    def describe(self, frame0: Tensor, frame2: Tensor, *, taps: bool = True) -> NetworkOutput:
        """The middle frame with the offsets behind it, for training.

        Args:
            frame0: As in :meth:`forward`.
            frame2: The same shape.
            taps: False leaves the taps and the synthesis out (one bilinear sample per frame, at
                the expected offset), for the first stage of training.
        """
        raise NotImplementedError

    def count_parameters(self) -> int:
        """Number of trainable values."""
        return sum(parameter.numel() for parameter in self.parameters())


def build_network(spec: NetworkSpec, *, seed: int | None = None) -> InterpolationNetwork:
    """Build ``spec``; with a ``seed``, the same weights every time. The global RNG is untouched."""
    if seed is None:
        return spec.build()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return spec.build()
