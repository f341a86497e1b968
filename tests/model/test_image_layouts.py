"""Layouts of evaluation data, on made-up folders of each."""

from __future__ import annotations

import sys
from pathlib import Path

import av
import cdfi_model.data.layouts.video as video
import numpy as np
import pytest
from cdfi_model.data.image_sets import ImageSet, find_image_sets
from cdfi_model.data.layouts import LAYOUTS
from cdfi_runtime.errors import InputError, MissingDependencyError
from cdfi_runtime.images import read_image, write_image


def picture(seed: int, size: tuple[int, int] = (36, 64)) -> np.ndarray:
    coarse = np.random.default_rng(seed).integers(0, 256, (size[0] // 4, size[1] // 4, 3))
    return coarse.repeat(4, 0).repeat(4, 1).astype(np.uint8)


def write(path: Path, frame: np.ndarray | None = None) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_image(path, picture(0) if frame is None else frame)
    return path


def write_video(path: Path, frames: list[np.ndarray]) -> Path:
    """Lossless, so that the frames can be compared."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = "bgr0"
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())
    return path


def panning(count: int, seed: int = 0) -> list[np.ndarray]:
    wide = picture(seed, (36, 64 + 4 * count))
    return [np.ascontiguousarray(wide[:, i : i + 64]) for i in range(count)]


def names(image_set: ImageSet) -> list[str]:
    return [triplet.name for triplet in image_set.triplets]


def make_ucf(folder: Path, *ids: str) -> None:
    for each in ids:
        for part in ("frame_00", "frame_01_gt", "frame_02"):
            write(folder / each / f"{part}.png")


def test_every_layout_is_registered_by_its_file() -> None:
    expected = {"middlebury_other", "ucf101", "vimeo90k", "snu_film", "triplets", "video"}
    assert set(LAYOUTS.names()) == expected


def test_vimeo_takes_the_listed_triplets_only(tmp_path: Path) -> None:
    for name in ("00001/0001", "00001/0002", "00002/0001"):
        for index in (1, 2, 3):
            write(tmp_path / "sequences" / name / f"im{index}.png")
    (tmp_path / "tri_testlist.txt").write_text("00002/0001\n00001/0001\n\n")
    (found,) = find_image_sets(tmp_path)
    assert names(found) == ["00002/0001", "00001/0001"]
    first = found.triplets[0]
    assert first.truth is not None
    got = [path.name for path in (first.frame0, first.truth, first.frame2)]
    assert got == ["im1.png", "im2.png", "im3.png"]


@pytest.mark.parametrize("inside", ["", "eval_modes"])
def test_snu_film_lists_are_sets_and_their_root_is_found(tmp_path: Path, inside: str) -> None:
    (tmp_path / inside).mkdir(exist_ok=True)
    clip = "test/GOPRO_test/GOPR0384_11_05"
    for index in range(5):
        write(tmp_path / clip / f"{index:06d}.png")
    for mode, gap in (("easy", 1), ("extreme", 2)):
        line = " ".join(f"data/SNU-FILM/{clip}/{i * gap:06d}.png" for i in range(3))
        (tmp_path / inside / f"test-{mode}.txt").write_text(f"{line}\n\n")
    easy, extreme = find_image_sets(tmp_path)
    assert (easy.name, extreme.name) == ("snu_film_easy", "snu_film_extreme")
    (triplet,) = extreme.triplets
    assert triplet.truth is not None
    paths = (triplet.frame0, triplet.truth, triplet.frame2)
    assert [path.stem for path in paths] == ["000000", "000002", "000004"]
    assert all(path.is_file() for path in paths)


@pytest.mark.parametrize(
    ("line", "text"), [("a.png b.png", "three paths"), ("a.png b.png c.png", "not in the folder")]
)
def test_broken_snu_film_list_is_named(tmp_path: Path, line: str, text: str) -> None:
    (tmp_path / "test-hard.txt").write_text(line)
    with pytest.raises(InputError, match=text) as caught:
        find_image_sets(tmp_path)
    assert "test-hard.txt" in str(caught.value)


def test_folders_of_sets_hide_no_neighbour(tmp_path: Path) -> None:
    make_ucf(tmp_path / "ucf", "1", "2")
    for index in (1, 3):
        write(tmp_path / "plain" / "x" / f"im{index}.png")
    plain, ucf = find_image_sets(tmp_path)
    assert (plain.name, names(plain)) == ("plain", ["x"])
    assert (ucf.name, names(ucf)) == ("ucf", ["1", "2"])
    assert plain.triplets[0].truth is None


def test_plain_triplets_are_one_set(tmp_path: Path) -> None:
    for name in ("a", "b/c"):
        for index in (1, 2, 3):
            write(tmp_path / name / f"im{index}.png")
    (found,) = find_image_sets(tmp_path)
    assert names(found) == ["a", "b/c"]


def test_nothing_found_lists_every_layout(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        find_image_sets(tmp_path)
    assert all(layout.expected in str(caught.value) for layout in LAYOUTS.all())


def test_odd_frames_of_a_video_are_the_truth(tmp_path: Path) -> None:
    frames = panning(6)
    (found,) = find_image_sets(write_video(tmp_path / "pan.mkv", frames))
    assert (found.name, names(found)) == ("pan", ["frame 0", "frame 2"])
    for start, triplet in zip((0, 2), found.triplets, strict=True):
        assert triplet.truth is not None
        paths = (triplet.frame0, triplet.truth, triplet.frame2)
        for offset, path in enumerate(paths):
            assert np.array_equal(read_image(path), frames[start + offset])


def test_cuts_and_repeats_of_a_video_are_left_out(tmp_path: Path) -> None:
    first, second = panning(4), [255 - frame for frame in panning(5)]
    frames = [*first, *second, second[-1], panning(1, seed=9)[0]]
    (found,) = find_image_sets(write_video(tmp_path / "cut.mkv", frames))
    # 0-2 is whole; 2-4 has the cut at 4; 4-6 and 6-8 are whole; 8-10 repeats 8 and ends in a cut.
    assert names(found) == ["frame 0", "frame 4", "frame 6"]


@pytest.mark.parametrize(
    ("levels", "kept"),
    [((100, 101, 112), 0), ((100, 101, 107), 1), ((100, 106, 116), 1), ((100, 118, 144), 0)],
    ids=["a jump", "too small for one", "steady", "large"],
)
def test_what_counts_as_a_cut(tmp_path: Path, levels: tuple[int, ...], kept: int) -> None:
    shades = (94, 97, 100, 98, *levels)  # the first and second triplet are steady
    frames = [np.full((36, 64, 3), shade, np.uint8) for shade in shades]
    (found,) = find_image_sets(write_video(tmp_path / "levels.mkv", frames))
    assert names(found).count("frame 4") == kept


def test_stored_triplets_are_bounded_and_spread_evenly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(video, "MOST_TRIPLETS", 4)
    (found,) = find_image_sets(write_video(tmp_path / "long.mkv", panning(41)))
    assert names(found) == ["frame 0", "frame 16", "frame 32"]
    store = found.triplets[0].frame0.parent
    assert len(list(store.iterdir())) == 9, "dropped triplets leave no file"
    total = sum(file.stat().st_size for file in store.iterdir())
    monkeypatch.setattr(video, "MOST_BYTES", total // 3)
    (fewer,) = find_image_sets(tmp_path / "long.mkv")
    assert len(fewer.triplets) == 1


def test_each_video_of_a_folder_is_a_set(tmp_path: Path) -> None:
    for name in ("v2.mkv", "v10.mkv"):
        write_video(tmp_path / name, panning(3))
    assert [each.name for each in find_image_sets(tmp_path)] == ["v2", "v10"]


@pytest.mark.parametrize("content", [b"", b"no video at all"])
def test_broken_video_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "broken.mp4"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"broken\.mp4"):
        find_image_sets(path)


def test_too_short_video_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no three frames"):
        find_image_sets(write_video(tmp_path / "short.mkv", panning(2)))


def test_video_without_av_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_video(tmp_path / "pan.mkv", panning(3))
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(MissingDependencyError, match="video"):
        find_image_sets(path)
