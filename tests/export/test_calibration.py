"""Frames for the ranges of activations: of the graph's size, spread over what was given."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cdfi_export.calibration import calibration_pairs
from cdfi_export.frame_size import FrameSize
from cdfi_runtime.errors import InputError
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


def make_video(path: Path, levels: range) -> None:
    """A frame of one grey level for each of ``levels``, a key frame every eight."""
    av = pytest.importorskip("av")
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=25, options={"g": "8", "qscale": "2"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for level in levels:
            pixels = np.full((48, 64, 3), level, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode())


def _levels(pairs: Any) -> list[tuple[int, int]]:
    return [(round(a.mean() * 255), round(b.mean() * 255)) for a, b in pairs]


def test_a_video_gives_pairs_two_frames_apart_over_its_length(tmp_path: Path) -> None:
    make_video(tmp_path / "clip.mp4", range(20, 220, 2))
    pairs = calibration_pairs(tmp_path / "clip.mp4", FrameSize(64, 32), count=3)
    assert pairs[0][0].shape == (1, 32, 64, 3)
    levels = _levels(pairs)
    for (first, last), expected in zip(levels, (70, 120, 170), strict=True):
        assert abs(first - expected) <= 6 and 0 < last - first < 9  # 4 before it was encoded


def test_a_folder_of_videos_gives_pairs_of_many_of_them(tmp_path: Path) -> None:
    for number in range(4):
        make_video(tmp_path / f"{number}.mp4", range(50 * number, 50 * number + 20))
    pairs = calibration_pairs(tmp_path, FrameSize(64, 32), count=2)
    assert [first // 50 for first, _ in _levels(pairs)] == [0, 2]
    pairs = calibration_pairs(tmp_path, FrameSize(64, 32), count=8)
    assert [first // 50 for first, _ in _levels(pairs)] == [0, 0, 1, 1, 2, 2, 3, 3]
    assert len({first for first, _ in _levels(pairs)}) == 8


def test_a_video_that_is_none_or_too_short_is_refused(tmp_path: Path) -> None:
    (tmp_path / "broken.mp4").write_bytes(b"no video at all")
    with pytest.raises(InputError, match=r"broken\.mp4"):
        calibration_pairs(tmp_path, FrameSize(64, 32), count=1)
    make_video(tmp_path / "broken.mp4", range(100, 102))
    with pytest.raises(InputError, match="2 frames, 3 were needed"):
        calibration_pairs(tmp_path, FrameSize(64, 32), count=1)
