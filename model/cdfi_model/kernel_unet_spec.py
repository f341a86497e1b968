"""The spec kind of the published family: AdaCoF, its compressed forms and CDFI."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from cdfi_runtime.errors import InputError

from cdfi_model.spec import NetworkSpec, spec_kind

if TYPE_CHECKING:
    from cdfi_model.network import InterpolationNetwork

Widths = tuple[int, ...]
MAP_HEADS = ("weight0", "alpha0", "beta0", "weight2", "alpha2", "beta2")


@spec_kind
@dataclass(frozen=True, kw_only=True)
class KernelUNetSpec(NetworkSpec):
    """A U-Net that estimates the AdaCoF maps and, with feature levels, CDFI's synthesis.

    All widths are channels after one convolution. The decoder's upsampling convolutions have no
    widths of their own: their outputs are added to an encoder level and must be as wide
    (:attr:`upsample`).

    Attributes:
        encoder: For each level, from full resolution down, the widths of its convolutions.
        decoder: The same from the lowest level up; one level less, it ends at half resolution.
        weight0: Half-resolution widths of the head for frame 0's tap weights; ``alpha0`` and
            ``beta0`` its row and column offsets, ``weight2`` and so on the same for frame 2.
        occlusion: Widths of the head that says how much of the result is frame 0.
        blend: Widths of the head that blends the synthesis in; empty without synthesis.
        feature_levels: Channels of the 1x1 feature convolution of each encoder level, or empty.
        synthesis_widths: Channels of GridNet's rows; empty without synthesis.
        synthesis_columns: GridNet's columns, an even number, or 0.
    """

    kind: ClassVar[str] = "kernel_unet"

    encoder: tuple[Widths, ...]
    decoder: tuple[Widths, ...]
    weight0: Widths
    alpha0: Widths
    beta0: Widths
    weight2: Widths
    alpha2: Widths
    beta2: Widths
    occlusion: Widths
    blend: Widths = ()
    feature_levels: Widths = ()
    synthesis_widths: Widths = ()
    synthesis_columns: int = 0

    def __post_init__(self) -> None:
        levels = len(self.encoder)
        stacks = [*self.encoder, *self.decoder, *self.heads.values()]
        parts = (self.blend, self.feature_levels, self.synthesis_widths, self.synthesis_columns)
        problems = {
            "the decoder must have one level less than the encoder": len(self.decoder) != levels - 1
            or levels < 2,
            "every convolution needs at least one channel": any(
                not widths or min(widths) < 1 for widths in stacks
            ),
            f"the size must be a multiple of {2**levels}": self.multiple % 2**levels != 0,
            "blend, feature levels and synthesis come together or not at all": any(parts)
            != all(parts),
            "one feature width for each encoder level is needed": bool(self.feature_levels)
            and len(self.feature_levels) != levels,
            "GridNet needs an even number of columns": self.synthesis_columns % 2 != 0,
            "the number of taps must be odd": self.warp.taps % 2 == 0,
        }
        for problem, found in problems.items():
            if found:
                raise InputError(f"the network spec '{self.name}' does not fit: {problem}")

    @property
    def heads(self) -> dict[str, Widths]:
        """Widths of the heads by name, in the order in which the network holds them."""
        names = (*MAP_HEADS, "occlusion", *(("blend",) if self.blend else ()))
        return {name: getattr(self, name) for name in names}

    @property
    def upsample(self) -> Widths:
        """Widths of the decoder's upsampling convolutions, from the lowest level up."""
        return tuple(level[-1] for level in reversed(self.encoder[1:]))

    @property
    def warp_channels(self) -> int:
        """The frame's channels and those of all feature levels."""
        return 3 + sum(self.feature_levels)

    def head_outputs(self, head: str) -> int:
        """Channels of the map that ``head`` ends in."""
        return self.warp.taps**2 if head in MAP_HEADS else 1

    def build(self) -> InterpolationNetwork:
        """A network of this shape with freshly initialised weights (imports torch)."""
        from cdfi_model.kernel_unet import KernelUNet

        return KernelUNet(self)
