"""Spec of the phone-sized kind: coarse-to-fine offsets, AdaCoF taps only as the last refinement."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from cdfi_runtime.errors import InputError

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

    def build(self) -> InterpolationNetwork:
        """The torch module; weights are random but for the heads, which start at zero motion."""
        from cdfi_model.pyramid import PyramidNetwork

        return PyramidNetwork(self)
