"""Packing triplets from clips: what is chosen, what is stored, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

av = pytest.importorskip("av")
cv2 = pytest.importorskip("cv2")

from cdfi_model.data.clips import decode_clip, read_manifest, shrink_factor  # noqa: E402
from cdfi_model.data.pack import Pack  # noqa: E402
from cdfi_model.data.packing import pack_triplets  # noqa: E402
from cdfi_model.data.triplet_plan import find_runs  # noqa: E402
from cdfi_runtime.errors import ArtifactError, InputError, OutputError  # noqa: E402

WIDTH, HEIGHT, CROP = 192, 128, 96
CUT, DUPLICATE, FRAMES = 12, 20, 28  # frame 12 starts a scene, frame 20 repeats frame 19
STEP = 4  # pixels that the picture moves to the right in one frame
HEADER = "file,split,group,licence,source,w,h,fps,frames,cuts,cutlist\n"


def _texture(seed: int) -> NDArray[np.uint8]:
    noise = np.random.default_rng(seed).uniform(0, 255, (HEIGHT, WIDTH * 2, 3))
    smooth = cv2.GaussianBlur(noise, (0, 0), 3.0)
    low, high = smooth.min(), smooth.max()
    return np.asarray((smooth - low) / (high - low) * 235 + 10, np.uint8)


def _pictures() -> list[NDArray[np.uint8]]:
    """Two scenes of a texture moving right by `STEP`, with a cut and a repeated frame."""
    pictures: list[NDArray[np.uint8]] = []
    for index in range(FRAMES):
        left = WIDTH // 2 + 20 - STEP * (index if index < CUT else index - CUT)
        texture = _texture(1 if index < CUT else 2)
        pictures.append(np.ascontiguousarray(texture[:, left : left + WIDTH]))
    pictures[DUPLICATE] = pictures[DUPLICATE - 1]
    return pictures


def _write_clip(path: Path, pictures: list[NDArray[np.uint8]]) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv444p"
        for picture in pictures:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())


def _row(name: str, group: str, cuts: str = "", split: str = "train", frames: int = FRAMES) -> str:
    return f"{name},{split},{group},CC0,made up,{WIDTH},{HEIGHT},25.0,{frames},1,{cuts}\n"


@pytest.fixture
def clips(tmp_path: Path) -> Path:
    folder = tmp_path / "clips"
    folder.mkdir()
    _write_clip(folder / "moving.mkv", _pictures())
    (folder / "manifest.csv").write_text(HEADER + _row("moving.mkv", "made", str(CUT)))
    return folder


def _pack(clips: Path, out: Path, **options: int) -> Pack:
    return pack_triplets(clips, out, split="train", crop=CROP, count=options.get("count", 20))


def test_triplets_cross_neither_cut_nor_duplicate(clips: Path, tmp_path: Path) -> None:
    pack = _pack(clips, tmp_path / "pack", count=60)
    assert len(pack) >= 20
    for entry in pack.index["triplets"]:
        first, last = entry["frame"], entry["frame"] + 2 * entry["stride"]
        assert not first < CUT <= last
        assert not first <= DUPLICATE <= last
        assert 17 <= entry["average_psnr"] <= 38


def test_frames_are_the_crops_of_the_named_frames(clips: Path, tmp_path: Path) -> None:
    pack = _pack(clips, tmp_path / "pack")
    decoded = dict(decode_clip(read_manifest(clips)[0]))
    for row, entry in enumerate(pack.index["triplets"]):
        y, x = entry["y"], entry["x"]
        for step in range(3):
            whole = decoded[entry["frame"] + step * entry["stride"]]
            assert np.array_equal(pack.frames[row, step], whole[y : y + CROP, x : x + CROP])


def test_flows_point_from_the_middle_outwards_in_full_pixels(clips: Path, tmp_path: Path) -> None:
    pack = _pack(clips, tmp_path / "pack")
    for row, entry in enumerate(pack.index["triplets"]):
        inner = np.asarray(pack.flows[row, :, 8:-8, 8:-8], np.float32)
        distance = STEP * entry["stride"]  # content moves right: frame 0 has it on the left
        typical = np.median(inner, axis=(1, 2))
        assert typical[0] == pytest.approx([-distance, 0], abs=0.5)
        assert typical[1] == pytest.approx([distance, 0], abs=0.5)


def test_same_seed_gives_the_same_pack(clips: Path, tmp_path: Path) -> None:
    first, second = _pack(clips, tmp_path / "a"), _pack(clips, tmp_path / "b")
    assert first.index == second.index
    assert np.array_equal(first.frames, second.frames)
    assert np.array_equal(first.flows, second.flows)
    other = pack_triplets(clips, tmp_path / "c", split="train", crop=CROP, count=20, seed=1)
    assert other.index["triplets"] != first.index["triplets"]


def test_bad_clips_are_reported_and_left_out(clips: Path, tmp_path: Path) -> None:
    (clips / "broken.mkv").write_bytes(b"\x1a\x45\xdf\xa3" + bytes(range(256)) * 8)
    with (clips / "manifest.csv").open("a") as manifest:
        manifest.write(_row("broken.mkv", "broken") + _row("gone.mkv", "gone"))
        manifest.write(_row("city.mkv", "city") + _row("held_out.mkv", "other", split="val"))
    lines: list[str] = []
    pack = pack_triplets(
        clips, tmp_path / "pack", split="train", crop=CROP, count=10, progress=lines.append
    )
    assert len(pack) == 10
    assert set(pack.index["summary"]["skipped"]) == {"broken.mkv", "gone.mkv"}
    assert any("left out broken.mkv" in line for line in lines)


def test_groups_are_balanced(clips: Path, tmp_path: Path) -> None:
    _write_clip(clips / "short.mkv", _pictures()[:8])
    with (clips / "manifest.csv").open("a") as manifest:
        manifest.write(_row("short.mkv", "short", frames=8))
    pack = _pack(clips, tmp_path / "pack", count=12)
    assert pack.index["summary"]["groups"] == {"made": 6, "short": 6}


def test_clips_smaller_than_the_crop_are_refused(clips: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"smaller than the crop"):
        pack_triplets(clips, tmp_path / "pack", split="train", crop=256, count=4)
    assert not (tmp_path / "pack").exists()


def test_packing_refuses_unusable_arguments(clips: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no clips of split"):
        pack_triplets(clips, tmp_path / "pack", split="test", crop=CROP, count=4)
    with pytest.raises(InputError, match="size is out of range"):
        pack_triplets(clips, tmp_path / "pack", split="train", crop=95, count=4)
    with pytest.raises(OutputError, match="exists already"):
        pack_triplets(clips, tmp_path, split="train", crop=CROP, count=4)


def test_manifest_errors_say_what_is_wrong(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no manifest"):
        read_manifest(tmp_path)
    (tmp_path / "manifest.csv").write_text("file,split\na,b\n")
    with pytest.raises(InputError, match="lacks columns"):
        read_manifest(tmp_path)
    (tmp_path / "manifest.csv").write_text(HEADER + "a.mkv,train,g,CC0,s,wide,1,1,1,0,\n")
    with pytest.raises(InputError, match="line 2"):
        read_manifest(tmp_path)
    (tmp_path / "manifest.csv").write_text(HEADER + "a.mkv,train\n")
    with pytest.raises(InputError, match="line 2"):
        read_manifest(tmp_path)


def test_large_clips_shrink_by_a_whole_factor(clips: Path) -> None:
    sizes = [(640, 480), (1280, 720), (1080, 1916), (3840, 2160)]
    assert [shrink_factor(*size, 600) for size in sizes] == [1, 2, 2, 4]
    _, frame = next(decode_clip(read_manifest(clips)[0], max_height=64))
    assert frame.shape == (64, 96, 3)
    assert frame.dtype == np.uint8


def test_runs_end_at_missing_frames() -> None:
    frames = [np.full((8, 8, 3), 9 * index, np.uint8) for index in range(10)]
    indices = [0, 1, 2, 3, 5, 6, 7, 8, 9, 10]
    runs = list(find_runs(zip(indices, frames, strict=True), cuts=(8,)))
    assert [(run.start, len(run.frames)) for run in runs] == [(0, 4), (5, 3), (8, 3)]


def test_opening_a_pack_checks_it(clips: Path, tmp_path: Path) -> None:
    folder = tmp_path / "pack"
    _pack(clips, folder, count=4)
    index = json.loads((folder / "index.json").read_text())
    with pytest.raises(ArtifactError, match="index"):
        Pack.open(tmp_path)
    for wrong, message in (
        ({**index, "version": 99}, "this version reads"),
        ({**index, "count": 5}, "contradicts"),
        ({**index, "crop": CROP * 2}, "does not fit"),
    ):
        (folder / "index.json").write_text(json.dumps(wrong))
        with pytest.raises(ArtifactError, match=message):
            Pack.open(folder)
    (folder / "index.json").write_text(json.dumps(index))
    (folder / "flows.npy").unlink()
    with pytest.raises(ArtifactError, match=r"flows\.npy"):
        Pack.open(folder)
