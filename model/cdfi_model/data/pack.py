"""Packs: training triplets with flow labels, cropped and stored for fast random reading.

A pack is a folder with `index.json` and either `frames.npy` and `flows.npy`, or, in the small form
(:mod:`cdfi_model.data.small_pack`), compressed frames; `Pack` states the shapes.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from cdfi_runtime.errors import ArtifactError
from numpy.typing import NDArray

from .encoded import SIZES, ComputedFlows, EncodedFrames

SCHEMA = "cdfi-pack"
VERSION = 1  # plain arrays
SMALL_VERSION = 2  # compressed frames, flow computed while reading


class Rows(Protocol):
    """What arrays and their compressed stand-ins share: one row at a time, by number."""

    def __len__(self) -> int:
        """Number of rows."""
        ...

    def __getitem__(self, row: int, /) -> Any:
        """One row as an array."""
        ...


@dataclass(frozen=True)
class Pack:
    """An opened pack of N triplets with crops of `crop` x `crop` px; arrays are read-only maps.

    `frames`: uint8 (N, 3, crop, crop, 3), RGB, 0..255: frame 0, true middle, frame 2.
    `flows`: float16 (N, 2, crop / 2, crop / 2, 2): from the middle to frame 0 and to frame 2,
    vectors (x, y) in full-resolution pixels, averaged over 2 x 2 pixels.
    In the small form frames are decompressed, and flows computed, at each access to a row.
    `index`: the content of index.json; `index["triplets"][n]` says where triplet n is from.
    """

    frames: Rows
    flows: Rows
    index: dict[str, Any]

    @classmethod
    def open(cls, folder: str | Path, *, flow: bool = True) -> Pack:
        """Open a pack of either form; without `flow`, flows that must be computed are zeros.

        Raises `ArtifactError` when a file is missing or does not fit, `MissingDependencyError`
        when flows must be computed and OpenCV is not installed.
        """
        root = Path(folder)
        index = _read_index(root / "index.json")
        count, crop = index["count"], index["crop"]
        if index["version"] == SMALL_VERSION:
            sizes = _map(root / SIZES, np.uint32, (count, 3))
            small = EncodedFrames(root, sizes, crop)
            return cls(frames=small, flows=ComputedFlows(small, crop, compute=flow), index=index)
        frames = _map(root / "frames.npy", np.uint8, (count, 3, crop, crop, 3))
        flows = _map(root / "flows.npy", np.float16, (count, 2, crop // 2, crop // 2, 2))
        return cls(frames=frames, flows=flows, index=index)

    def __len__(self) -> int:
        return len(self.frames)

    def head(self, count: int) -> Pack:
        """The first `count` triplets; a pack is in random order. All of them if it has fewer."""
        if count >= len(self):
            return self
        kept = {"count": count, "triplets": self.index["triplets"][:count]}
        return Pack(_Head(self.frames, count), _Head(self.flows, count), {**self.index, **kept})

    def read(self, row: int) -> tuple[NDArray[np.uint8], NDArray[np.float16]]:
        """Frames and flows of one triplet; see the class for the shapes."""
        frames = np.asarray(self.frames[row])
        if isinstance(self.flows, ComputedFlows):  # not decompressed a second time
            return frames, self.flows.of(frames)
        return frames, np.asarray(self.flows[row])


@dataclass(frozen=True)
class _Head:
    rows: Rows
    count: int

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, row: int) -> Any:
        return self.rows[row]


def _read_index(path: Path) -> dict[str, Any]:
    try:
        index = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ArtifactError(
            f"the pack's index {path} can't be read", got=str(error), fix="make the pack again"
        ) from error
    found = (index.get("schema"), index.get("version")) if isinstance(index, dict) else None
    if found not in ((SCHEMA, VERSION), (SCHEMA, SMALL_VERSION)):
        raise ArtifactError(
            f"{path} is not the index of a pack that this version reads",
            expected=f"schema {SCHEMA}, version {VERSION} or {SMALL_VERSION}",
            got=str(found),
            fix="make the pack again",
        )
    sizes = (index.get("count"), index.get("crop"))
    triplets = index.get("triplets")
    if (
        not all(isinstance(size, int) for size in sizes)
        or not isinstance(triplets, list)
        or len(triplets) != sizes[0]
    ):
        raise ArtifactError(
            f"{path} contradicts itself",
            expected="whole numbers count and crop, and a list of count triplets",
            got=f"count {sizes[0]}, crop {sizes[1]}",
            fix="make the pack again",
        )
    return dict(index)


def _map(path: Path, dtype: type[np.generic], shape: tuple[int, ...]) -> NDArray[Any]:
    try:
        array: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError) as error:
        raise ArtifactError(
            f"the pack's array {path} can't be read", got=str(error), fix="make the pack again"
        ) from error
    if array.dtype != dtype or array.shape != shape:
        raise ArtifactError(
            f"the pack's array {path} does not fit its index",
            expected=f"{np.dtype(dtype)} {shape}",
            got=f"{array.dtype} {array.shape}",
            fix="make the pack again",
        )
    return array
