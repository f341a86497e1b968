"""Frames for the ranges of activations: of the graph's size, spread over what was given."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from cdfi_export.calibration import calibration_pairs
from cdfi_export.frame_size import FrameSize
from cdfi_runtime.images import write_image


def make_triplets(folder: Path, count: int) -> None:
    """Each has frames of one grey level: its number, and its number plus 100."""
    for number in range(count):
        for index, level in ((1, number), (2, 50), (3, number + 100)):
            frame = np.full((40, 56, 3), level, np.uint8)
            path = folder / f"{number:02d}" / f"im{index}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            write_image(path, frame)


def test_pairs_are_spread_and_fit_the_graph(tmp_path: Path) -> None:
    make_triplets(tmp_path, 8)
    for size in (FrameSize(64, 32), FrameSize(32, 64)):  # padded on one side, cut on the other
        pairs = calibration_pairs(tmp_path, size, count=4)
        assert len(pairs) == 4
        for (first, second), number in zip(pairs, (0, 2, 4, 6), strict=True):
            assert first.shape == second.shape == (1, size.height, size.width, 3)
            assert first.dtype == np.float32
            assert np.allclose(first * 255, number) and np.allclose(second * 255, number + 100)


def test_fewer_pairs_than_asked_for_are_taken_once(tmp_path: Path) -> None:
    make_triplets(tmp_path, 2)
    assert len(calibration_pairs(tmp_path, FrameSize(32, 32), count=8)) == 2


def test_without_a_folder_the_sample_pair_serves() -> None:
    (pair,) = calibration_pairs(None, FrameSize(448, 256), count=8)
    assert pair[0].std() > 0.1 and not np.array_equal(*pair)
