"""Spec of the phone-sized kind: coarse-to-fine offsets, AdaCoF taps only as the last refinement."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from cdfi_runtime.errors import InputError
from cdfi_runtime.manifest import TilingInfo

from cdfi_model.spec import NetworkSpec, spec_kind

if TYPE_CHECKING:
    from cdfi_model.network import InterpolationNetwork


@spec_kind
@dataclass(frozen=True, kw_only=True)
class PyramidSpec(NetworkSpec):
    """Widths of a pyramid network. Tuples run from the finest level (half size) to the coarsest.

    Attributes:
        features: Feature channels per level, 1/2, 1/4, ... of the frame size.
        decoders: Channels of the offset decoder per level; 0 decoders are not allowed.
        search: Radius of the symmetric cost volume per level in pixels of that level; 0 for none.
        decoder_depth: 3x3 convolutions in each decoder.
        synthesis: Channels of the residual synthesis at half size; 0 for none.
        context: Channels in which each level but the coarsest gets the features of the decoder
            below it; empty hands them up as they are. A choice for speed: ONNX Runtime's blocked
            convolutions want input channels in multiples of 16.
    """

    kind: ClassVar[str] = "pyramid"
    features: tuple[int, ...]
    decoders: tuple[int, ...]
    search: tuple[int, ...]
    decoder_depth: int = 3
    synthesis: int = 0
    context: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        levels = len(self.features)
        if not (levels == len(self.decoders) == len(self.search) and levels >= 2):
            raise InputError(
                "the widths of a pyramid network do not fit each other",
                expected="features, decoders and search with one value per level, two at least",
                got=f"{levels}, {len(self.decoders)} and {len(self.search)} values",
            )
        if self.context and len(self.context) != levels - 1:
            raise InputError(
                "the context of a pyramid network does not fit its levels",
                expected=f"{levels - 1} values, or none",
                got=str(len(self.context)),
            )
        if self.multiple % (1 << levels):
            raise InputError(
                f"{levels} levels halve a frame {levels} times",
                expected=f"a 'multiple' that {1 << levels} divides",
                got=str(self.multiple),
            )

    @property
    def tiling(self) -> TilingInfo:
        """See :attr:`NetworkSpec.tiling`: exact with the receptive field of still frames as halo.

        Far motion reads features elsewhere and may need more; what the tiles then lose is in the
        difference at their seams, which the runtime reports.
        """
        return TilingInfo(halo=self._reach(), exact=True)

    def _reach(self) -> int:
        """Pixels of the frame on one side of a pixel that can change it, rounded up."""
        features, own = [], 3  # the 6x6 convolution of stride 2
        for level in range(len(self.features)):
            own += (1 << level if level else 0) + (2 << level)  # 3x3 of stride 2, and 3x3
            features.append(own)
        reach = 0
        for level in reversed(range(len(self.features))):
            pixel = 2 << level
            seen = max(features[level], reach + 2 * pixel if reach else 0)  # doubled from coarser
            # The search, the decoder's convolutions and its head.
            reach = seen + (self.search[level] + self.decoder_depth + 1) * pixel
        taps = 2 + self.warp.reach + 2  # offsets doubled; the taps; a bilinear sample
        residual = 3 + 2 + 2 if self.synthesis else 0  # 6x6, then twice 3x3 at half size
        coarsest = 1 << len(self.features)  # centres of pixels lie differently on every level
        return reach + taps + residual + coarsest

    def build(self) -> InterpolationNetwork:
        """The torch module; weights are random but for the heads, which start at zero motion."""
        from cdfi_model.pyramid import PyramidNetwork

        return PyramidNetwork(self)
