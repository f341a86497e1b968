"""Triplets in Vimeo-90K's layout (Xue et al., IJCV 2019); flow is computed while reading."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from cdfi_runtime.errors import InputError
from cdfi_runtime.files import require_file
from cdfi_runtime.images import read_image
from numpy.typing import NDArray

from .dis_flow import FlowLabeller

TRAIN_LIST = "tri_trainlist.txt"
TEST_LIST = "tri_testlist.txt"


class VimeoTriplets:
    """``sequences/00001/0001/im{1,2,3}.png``, as many as ``tri_trainlist.txt`` names."""

    def __init__(self, folder: Path, *, val: bool = False, flow: bool = True) -> None:
        """Read the list; pictures are opened when they are asked for.

        Raises:
            InputError: no list, or one that names nothing.
            MissingDependencyError: ``flow`` without OpenCV.
        """
        path = require_file(folder / (TEST_LIST if val else TRAIN_LIST), "the list of triplets")
        names = [line.strip() for line in path.read_text("utf-8").splitlines() if line.strip()]
        if not names:
            raise InputError(
                "the list of triplets is empty", expected="lines like 00001/0001", got=str(path)
            )
        self._folders = [folder / "sequences" / name for name in names]
        self._label = FlowLabeller() if flow else None

    def __len__(self) -> int:
        return len(self._folders)

    def read(self, row: int) -> tuple[NDArray[np.uint8], NDArray[np.float16]]:
        """One triplet; see :class:`cdfi_model.training.sources.TripletSource`.

        Raises:
            InputError: a picture is missing or damaged, or the three differ in size; it is named.
        """
        folder = self._folders[row]
        frames = [read_image(folder / f"im{number}.png") for number in (1, 2, 3)]
        if len({frame.shape for frame in frames}) > 1:
            raise InputError(
                f"the pictures of {folder} differ in size",
                expected="im1.png, im2.png and im3.png of one size",
                got=", ".join(f"{frame.shape[1]}x{frame.shape[0]}" for frame in frames),
            )
        height, width = frames[0].shape[0] // 2 * 2, frames[0].shape[1] // 2 * 2
        if self._label is None:
            flow = np.zeros((2, height // 2, width // 2, 2), np.float16)
        else:
            flow = self._label.whole(*(frame[:height, :width] for frame in frames))
        return np.stack([frame[:height, :width] for frame in frames]), flow
