"""Reading the small form of a pack: WebP frames, and flow computed from them."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from cdfi_runtime.errors import ArtifactError
from numpy.typing import NDArray

from .dis_flow import FlowLabeller

FRAMES = "frames.webp.bin"
SIZES = "sizes.npy"


class EncodedFrames:
    """Rows of three pictures, uint8 (3, crop, crop, 3), decompressed at each access."""

    def __init__(self, folder: Path, sizes: NDArray[np.uint32], crop: int) -> None:
        """Open `folder`; `sizes` (N, 3) holds the bytes of each picture in the order of the file.

        Raises `ArtifactError` when the file is missing or has not as many bytes.
        """
        self._path = folder / FRAMES
        self._crop = crop
        ends = np.cumsum(sizes.reshape(-1), dtype=np.int64)
        self._bounds = np.concatenate(([0], ends))
        size = self._path.stat().st_size if self._path.is_file() else 0
        if size != self._bounds[-1] or size == 0:
            raise ArtifactError(
                f"the pack's frames {self._path} do not fit their sizes",
                expected=f"{self._bounds[-1]} bytes",
                got=f"{size} bytes",
                fix="copy or make the pack again",
            )
        self._data = np.memmap(self._path, np.uint8, "r")

    def __len__(self) -> int:
        return len(self._bounds) // 3

    def __getitem__(self, row: int) -> NDArray[np.uint8]:
        from PIL import Image

        first = 3 * (row % len(self))
        pictures = []
        for item in range(first, first + 3):
            data = self._data[self._bounds[item] : self._bounds[item + 1]].tobytes()
            try:
                picture = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
            except (OSError, ValueError) as error:
                raise ArtifactError(
                    f"picture {item} of {self._path} is damaged",
                    got=str(error),
                    fix="copy or make the pack again",
                ) from error
            if picture.shape != (self._crop, self._crop, 3):
                raise ArtifactError(
                    f"picture {item} of {self._path} does not fit the index",
                    expected=f"{self._crop}x{self._crop}",
                    got=f"{picture.shape[1]}x{picture.shape[0]}",
                )
            pictures.append(picture)
        return np.stack(pictures)


class ComputedFlows:
    """Rows of flow, float16 (2, crop / 2, crop / 2, 2), computed by DIS at each access."""

    def __init__(self, frames: EncodedFrames, crop: int, *, compute: bool) -> None:
        """Without `compute` every row is zeros; with it OpenCV is needed."""
        self._frames = frames
        self._shape = (2, crop // 2, crop // 2, 2)
        self._label = FlowLabeller() if compute else None

    def __len__(self) -> int:
        return len(self._frames)

    def __getitem__(self, row: int) -> NDArray[np.float16]:
        return self.of(self._frames[row])

    def of(self, frames: NDArray[np.uint8]) -> NDArray[np.float16]:
        """The flow of one row's `frames`, which are at hand."""
        if self._label is None:
            return np.zeros(self._shape, np.float16)
        return self._label.whole(frames[0], frames[1], frames[2])
