"""Where triplets come from: a pack, or a folder in Vimeo-90K's layout, behind one interface."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import numpy as np
from cdfi_runtime.errors import InputError
from numpy.typing import NDArray

from cdfi_model.data.pack import Pack
from cdfi_model.data.vimeo import TRAIN_LIST, VimeoTriplets


class TripletSource(Protocol):
    """Triplets by number; reading is deterministic and safe in a worker thread."""

    def __len__(self) -> int:
        """How many triplets there are."""
        ...

    def read(self, row: int) -> tuple[NDArray[np.uint8], NDArray[np.float16]]:
        """One triplet.

        Returns:
            Frame 0, true middle and frame 2 as uint8 ``(3, H, W, 3)``, RGB; and float16
            ``(2, H / 2, W / 2, 2)``, the flow from the middle into frame 0 and into frame 2 as
            (x, y) in full-size pixels, zeros where a source was opened without flow.
        """
        ...


def open_source(folder: Path, *, val: bool = False, flow: bool = True) -> TripletSource:
    """Open ``folder``, whatever its layout.

    Args:
        folder: A pack, or Vimeo-90K's layout (``tri_trainlist.txt`` beside ``sequences/``).
        val: Take the test list of Vimeo-90K; a pack is what it is.
        flow: Whether flow is needed where it must be computed.

    Raises:
        InputError: neither layout, or no triplets in it.
        ArtifactError: a pack that is damaged.
        MissingDependencyError: flow must be computed and OpenCV is not installed.
    """
    source: TripletSource
    if (folder / "index.json").exists():
        source = Pack.open(folder, flow=flow)
    elif (folder / TRAIN_LIST).exists():
        source = VimeoTriplets(folder, val=val, flow=flow)
    else:
        raise _unknown_layout(folder)
    if len(source) == 0:
        raise InputError(
            "the data folder has no triplets",
            expected="at least one",
            got=str(folder),
            fix="make the pack anew from clips that move: cdfi-model pack CLIPS -o PACK",
        )
    return source


def _unknown_layout(folder: Path) -> InputError:
    return InputError(
        "the data folder has no known layout",
        expected=f"a pack (index.json) or Vimeo-90K's layout ({TRAIN_LIST})",
        got=str(folder) if folder.is_dir() else f"{folder}, which does not exist",
        fix="turn a folder of clips into a pack: cdfi-model pack CLIPS -o PACK",
    )
