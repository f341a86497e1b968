"""Specs: frozen descriptions from which a network is built. A change of width is a change of spec.

A spec travels as JSON inside weights files and manifests, so that either rebuilds its network.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from cdfi_runtime.errors import ArtifactError
from cdfi_runtime.manifest import TilingInfo
from cdfi_runtime.registry import Registry

if TYPE_CHECKING:
    from cdfi_model.network import InterpolationNetwork

Sampling = Literal["truncate", "bilinear"]
Offsets = Literal["per_tap", "shared"]
SPEC_VERSION = 1


@dataclass(frozen=True)
class WarpSpec:
    """The AdaCoF warp of a network (AdaCoF, CVPR 2020, equation 3).

    Attributes:
        taps: F, so that F * F taps are summed for each pixel.
        dilation: d, the distance between neighbouring taps in pixels.
        sampling: ``truncate`` rounds offsets toward zero before the four corners are weighted, as
            the published CUDA kernel does; ``bilinear`` floors them, as ``grid_sample`` does.
        offsets: ``per_tap`` as published; ``shared`` gives all taps of a pixel one offset, so that
            one sample of F * F shifted copies of the image serves them all.
    """

    taps: int
    dilation: int
    sampling: Sampling
    offsets: Offsets = "per_tap"

    @property
    def offset_maps(self) -> int:
        """Channels of the row offsets, and of the column offsets, of one warp."""
        return 1 if self.offsets == "shared" else self.taps * self.taps

    @property
    def reach(self) -> int:
        """Pixels of replicate padding on each side, so that the tap grid is centred."""
        return (self.taps - 1) * self.dilation // 2


@dataclass(frozen=True, kw_only=True)
class NetworkSpec:
    """What all networks of the family share. Subclasses add widths and say how to build.

    Attributes:
        name: Registered name, or a name of the user's own for a reshaped network.
        summary: One line for listings.
        warp: Taps, dilation and sampling of the final warp.
        multiple: Height and width must be multiples of this; the runtime pads.
        compacted_from: Name of the network that ``cdfi-model compact`` narrowed; else empty.
    """

    kind: ClassVar[str] = ""
    name: str
    summary: str
    warp: WarpSpec
    multiple: int = 32
    compacted_from: str = ""

    @property
    def warp_channels(self) -> int:
        """Channels that the warp moves on each side: the frame, and features if there are any."""
        return 3

    @property
    def tiling(self) -> TilingInfo:
        """How large frames may be cut; a network of local parts says that it is exact.

        No halo makes the published networks exact: they upsample with aligned corners, which puts
        pixels elsewhere in a tile than in the frame. Of one pair of 896x512 in tiles of 512x512,
        ``compressed_adacof`` keeps 56.6, 57.5 and 58.4 dB to the whole frame where tiles really
        have 48, 144 and 192 pixels of context; neighbours differ by 0.05 at most. Far motion is
        worse: see :mod:`cdfi_runtime.tiled`.
        """
        return TilingInfo(halo=64)

    def build(self) -> InterpolationNetwork:
        """A network of this shape with freshly initialised weights (imports torch)."""
        raise NotImplementedError(type(self).__name__)

    def to_json(self) -> dict[str, Any]:
        """Plain data that :func:`spec_from_json` turns back into an equal spec."""
        fields = dataclasses.asdict(self)
        if not self.compacted_from:  # as files older than the field say it
            del fields["compacted_from"]
        return {"kind": self.kind, "version": SPEC_VERSION, **fields}


KINDS: dict[str, type[NetworkSpec]] = {}


def spec_kind(cls: type[NetworkSpec]) -> type[NetworkSpec]:
    """Class decorator: make specs of this kind readable from JSON."""
    KINDS[cls.kind] = cls
    return cls


NETWORKS: Registry[NetworkSpec] = Registry(
    "network", "cdfi_model.networks", entry_point_group="cdfi_mobile.networks"
)


def _freeze(value: Any) -> Any:
    return tuple(_freeze(item) for item in value) if isinstance(value, list | tuple) else value


def spec_from_json(raw: dict[str, Any]) -> NetworkSpec:
    """The spec that :meth:`NetworkSpec.to_json` wrote.

    Raises:
        ArtifactError: unknown kind or version, or fields that the kind does not have.
    """
    NETWORKS.names()  # the network modules register their kinds
    kind, version = raw.get("kind"), raw.get("version")
    if version != SPEC_VERSION or kind not in KINDS:
        raise ArtifactError(
            "the network spec is of an unknown kind or version",
            expected=f"version {SPEC_VERSION} and one of {', '.join(sorted(KINDS))}",
            got=f"version {version}, kind {kind}",
        )
    fields = {key: _freeze(item) for key, item in raw.items() if key not in ("kind", "version")}
    try:
        fields["warp"] = WarpSpec(**raw["warp"])
        return KINDS[kind](**fields)
    except (KeyError, TypeError) as error:
        raise ArtifactError(
            f"the network spec of kind '{kind}' does not fit", got=str(error)
        ) from error
