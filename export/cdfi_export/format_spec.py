"""What an export format is: one file in ``formats/`` that registers one :class:`FormatSpec`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from cdfi_runtime.registry import Registry

from cdfi_export.frame_size import FrameSize

if TYPE_CHECKING:
    import numpy as np
    from cdfi_model.network import InterpolationNetwork
    from cdfi_runtime.manifest import Manifest
    from numpy.typing import NDArray

    FramePair = tuple[NDArray[np.float32], NDArray[np.float32]]

INPUT_NAMES = ("frame0", "frame2")
OUTPUT_NAME = "frame1"


@dataclass(frozen=True)
class GraphRequest:
    """One graph to write.

    Attributes:
        network: In eval mode, float32, with its warp formulation already chosen.
        size: Frame size of the graph, padded to the network's multiple; ``None`` for any size.
        opset: ONNX operator set, or ``None`` for formats without one.
        precision: One of the format's ``precisions``.
        calibration: Frame pairs ``(1, H, W, 3)`` in [0, 1] of the graph's size, for precisions that
            need the range of activations; empty for the others.
        images: Inputs and output are RGB images of 0 to 255, not arrays; for formats that can.
        sparse: Weights are stored without their zeros, for formats that can.
        license: Licence of the weights, for formats that can carry it.
        manifest: All that is known before the file exists: its hash is 64 zeros, its length 1.
            Formats that can carry metadata embed this copy, since no file holds its own hash.
    """

    network: InterpolationNetwork
    size: FrameSize | None
    opset: int | None
    precision: str
    license: str
    manifest: Manifest
    calibration: Sequence[FramePair] = ()
    images: bool = False
    sparse: bool = False


@dataclass(frozen=True)
class WrittenGraph:
    """What was written; it goes into the manifest.

    Attributes:
        operators: Nodes of each operator type.
        remarks: Sentences that a user should read, e.g. layers kept in a wider precision and why.
    """

    operators: dict[str, int] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class FormatSpec:
    """One export format.

    Attributes:
        name: What ``--format`` takes.
        summary: One line for listings.
        suffix: File name suffix with its dot.
        target: Whose rows of the measured warp table ``--warp auto`` reads.
        precisions: Precisions it can write, the default first.
        layout: Layout of the graph's inputs and outputs.
        dynamic: Whether one graph can take every frame size.
        opsets: Smallest, default and largest operator set; ``None`` for formats without opsets.
        packages: Distributions whose versions the manifest records; all must be installed.
        extra: The extra of ``cdfi-mobile`` that brings them.
        export: Writes the graph to the given path.
        images: Whether its graphs can take and give images instead of arrays.
        native_warp: Whether its graphs can hold the operator of the native library.
        sparse: Precisions in which it can store weights without their zeros.
        no_sparse: Why not in the others.
        prefer: Warp formulations that ``--warp auto`` tries first where none was measured.
    """

    name: str
    summary: str
    suffix: str
    target: str
    precisions: tuple[str, ...]
    layout: Literal["NCHW", "NHWC"]
    dynamic: bool
    opsets: tuple[int, int, int] | None
    packages: tuple[str, ...]
    extra: str
    export: Callable[[GraphRequest, Path], WrittenGraph]
    prefer: tuple[str, ...] = ()
    images: bool = False
    native_warp: bool = False
    sparse: tuple[str, ...] = ()
    no_sparse: str = "the format holds dense weights only"


FORMATS: Registry[FormatSpec] = Registry(
    "format", "cdfi_export.formats", entry_point_group="cdfi_mobile.formats"
)
