"""Where triplets come from: small packs, Vimeo-90K's layout, plain folders, and bad clips."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

av = pytest.importorskip("av")
cv2 = pytest.importorskip("cv2")

from cdfi_model.data.encoded import FRAMES  # noqa: E402
from cdfi_model.data.folder import find_cuts, scan_folder, split_of  # noqa: E402
from cdfi_model.data.pack import Pack  # noqa: E402
from cdfi_model.data.packing import pack_triplets  # noqa: E402
from cdfi_model.data.small_pack import make_pack, shrink_pack  # noqa: E402
from cdfi_model.training.batches import training_batch  # noqa: E402
from cdfi_model.training.config import Stage  # noqa: E402
from cdfi_model.training.sources import open_source  # noqa: E402
from cdfi_runtime.errors import ArtifactError, InputError  # noqa: E402
from cdfi_runtime.images import write_image  # noqa: E402

CROP, SIDE = 64, 96
HEADER = "file,split,group,licence,source,w,h,fps,frames,cuts,cutlist\n"
MakePack = Callable[..., Path]


def picture(seed: int, shift: int, side: int = SIDE) -> NDArray[np.uint8]:
    noise = np.random.default_rng(seed).uniform(0, 255, (side, side * 3, 3))
    smooth = cv2.GaussianBlur(noise, (0, 0), 3.0)
    smooth = (smooth - smooth.min()) / (smooth.max() - smooth.min()) * 235 + 10
    return np.ascontiguousarray(smooth[:, side - shift : 2 * side - shift].astype(np.uint8))


def write_clip(path: Path, seeds: list[int]) -> None:
    """A picture that moves 3 px a frame; it changes, as by a cut, where the seed does."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = SIDE, SIDE, "yuv444p"
        for index, seed in enumerate(seeds):
            content = picture(seed, 3 * index) // (1 if seed % 2 else 2)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(content, format="rgb24")))
        container.mux(stream.encode())


def quiet(line: str) -> None:
    assert line


def names_in(split: str, count: int, suffix: str = ".mkv") -> list[str]:
    names = (f"clip{number}{suffix}" for number in range(1000))
    return [name for name in names if split_of(name) == split][:count]


def test_a_small_pack_keeps_to_its_size_and_opens_like_any(
    tmp_path: Path, moving_pack: MakePack
) -> None:
    stored = moving_pack(tmp_path / "full", count=8) / "frames.npy"
    grey = np.load(stored).mean(-1, keepdims=True).astype(np.uint8)  # WebP halves colour
    np.save(stored, np.broadcast_to(grey, (*grey.shape[:-1], 3)))
    full = Pack.open(tmp_path / "full")
    limit = 0.03
    small = shrink_pack(full, tmp_path / "small", max_mib=limit)
    on_disk = sum(path.stat().st_size for path in (tmp_path / "small").iterdir())
    assert 0.3 * limit * 2**20 < on_disk <= limit * 2**20
    assert len(small) == 8 and small.index["small"]["frame_psnr_db"] > 30
    opened = open_source(tmp_path / "small")
    for row in range(8):
        frames, flow = opened.read(row)
        wanted = full.frames[row].astype(float)
        error = np.square(frames - wanted).mean()
        assert 10 * np.log10(255**2 / error) > 28
        inner = np.median(flow[:, 8:-8, 8:-8].astype(float), axis=(1, 2))
        assert inner == pytest.approx(np.array([[3, -2], [-3, 2]]), abs=0.6)
    assert not Pack.open(tmp_path / "small", flow=False).read(0)[1].any()
    stage = Stage(steps=1, batch=4, crop=32, synthetic=0.5)
    assert training_batch(opened, stage, seed=0, step=0).flow.shape == (4, 4, 16, 16)


def test_a_small_pack_that_is_damaged_or_cannot_fit_is_refused(
    tmp_path: Path, moving_pack: MakePack
) -> None:
    full = Pack.open(moving_pack(tmp_path / "full", count=8))
    with pytest.raises(InputError, match="do not fit into"):
        shrink_pack(full, tmp_path / "tiny", max_mib=0.01)
    assert not (tmp_path / "tiny").exists()
    shrink_pack(full, tmp_path / "small", max_mib=0.1)
    data = tmp_path / "small" / FRAMES
    content = data.read_bytes()
    data.write_bytes(content[:-1])
    with pytest.raises(ArtifactError, match="do not fit their sizes"):
        Pack.open(tmp_path / "small")
    data.write_bytes(b"\0" * 64 + content[64:])
    with pytest.raises(ArtifactError, match="picture 0"):
        Pack.open(tmp_path / "small").read(0)


def test_vimeo_layout_is_read_by_its_lists(tmp_path: Path) -> None:
    for number in (1, 2):
        folder = tmp_path / "sequences" / "00001" / f"000{number}"
        folder.mkdir(parents=True)
        for time in (1, 2, 3):
            write_image(folder / f"im{time}.png", picture(number, 3 * time))
    (tmp_path / "tri_trainlist.txt").write_text("00001/0001\n\n")
    (tmp_path / "tri_testlist.txt").write_text("00001/0002\n")
    train, val = open_source(tmp_path), open_source(tmp_path, val=True, flow=False)
    assert len(train) == len(val) == 1
    frames, flow = train.read(0)
    assert np.array_equal(frames[1], picture(1, 6))
    inner = np.median(flow[:, 8:-8, 8:-8].astype(float), axis=(1, 2))
    assert inner == pytest.approx(np.array([[-3, 0], [3, 0]]), abs=0.5)
    assert np.array_equal(val.read(0)[0][0], picture(2, 3)) and not val.read(0)[1].any()
    batch = training_batch(train, Stage(steps=1, batch=2, crop=64), seed=0, step=0)
    assert batch.middle.shape == (2, 3, 64, 64)
    write_image(tmp_path / "sequences" / "00001" / "0001" / "im3.png", picture(1, 9, side=64))
    with pytest.raises(InputError, match="0001 differ in size"):
        train.read(0)
    (tmp_path / "sequences" / "00001" / "0001" / "im2.png").unlink()
    with pytest.raises(InputError, match=r"im2\.png"):
        train.read(0)


def test_a_plain_folder_is_split_by_name_and_its_cuts_are_found(tmp_path: Path) -> None:
    clips = tmp_path / "clips"
    clips.mkdir()
    (train,), (val,) = names_in("train", 1), names_in("val", 1)
    for name in (train, val):
        write_clip(clips / name, [1] * 9 + [2] * 11)
    found = scan_folder(clips, "train", quiet)
    assert [(clip.name, clip.cuts, clip.frames) for clip in found] == [(train, (9,), 20)]
    pack = pack_triplets(clips, tmp_path / "pack", split="train", crop=CROP, count=12)
    assert {entry["clip"] for entry in pack.index["triplets"]} == {train}
    for entry in pack.index["triplets"]:
        assert not entry["frame"] < 9 <= entry["frame"] + 2 * entry["stride"]
    held = pack_triplets(clips, tmp_path / "val", split="val", crop=CROP, count=12)
    assert {entry["clip"] for entry in held.index["triplets"]} == {val}


def test_restless_pictures_are_no_cuts() -> None:
    shaking = np.full(20, 30.0)
    assert find_cuts(shaking) == ()
    calm = np.full(20, 3.0)
    calm[7] = 40.0
    assert find_cuts(calm) == (8,)
    assert find_cuts(np.array([])) == ()


def test_val_groups_are_never_in_a_train_pack(tmp_path: Path) -> None:
    clips = tmp_path / "clips"
    clips.mkdir()
    rows = ""
    for number, split in enumerate(("train", "val", "train", "val")):
        write_clip(clips / f"c{number}.mkv", [number] * 12)
        rows += f"c{number}.mkv,{split},g{number},CC0,s,{SIDE},{SIDE},25,12,0,\n"
    (clips / "manifest.csv").write_text(HEADER + rows)
    groups = {}
    for split in ("train", "val"):
        pack = pack_triplets(clips, tmp_path / split, split=split, crop=CROP, count=20)
        groups[split] = {entry["group"] for entry in pack.index["triplets"]}
    assert groups == {"train": {"g0", "g2"}, "val": {"g1", "g3"}}
    splits = {f"name{number}": split_of(f"name{number}") for number in range(800)}
    assert 60 < sum(split == "val" for split in splits.values()) < 140
    assert all(split_of(name) == split for name, split in splits.items())


def test_a_group_in_both_splits_is_refused(tmp_path: Path) -> None:
    clips = tmp_path / "clips"
    clips.mkdir()
    rows = (
        f"c{n}.mkv,{split},same,CC0,s,96,96,25,12,0,\n" for n, split in enumerate(("train", "val"))
    )
    (clips / "manifest.csv").write_text(HEADER + "".join(rows))
    with pytest.raises(InputError, match="same"):
        pack_triplets(clips, tmp_path / "pack", split="train", crop=CROP, count=4)


def test_bad_clips_are_named_and_packing_goes_on(tmp_path: Path) -> None:
    clips = tmp_path / "clips"
    clips.mkdir()
    good, broken, short, grows = names_in("train", 4)
    write_clip(clips / good, [1] * 20)
    write_clip(clips / short, [2] * 20)
    whole = (clips / short).read_bytes()
    (clips / short).write_bytes(whole[: len(whole) // 2])
    (clips / broken).write_bytes(whole[:40])
    sizes = [SIDE] * 10 + [2 * SIDE] * 10
    pictures = [picture(3, 3 * index, side) for index, side in enumerate(sizes)]
    encoded = [cv2.imencode(".jpg", content)[1].tobytes() for content in pictures]
    (clips / grows).write_bytes(b"".join(encoded))  # a stream of JPEGs is a clip too
    pack = pack_triplets(clips, tmp_path / "pack", split="train", crop=CROP, count=12)
    summary = pack.index["summary"]
    assert set(summary["skipped"]) == {broken, grows}
    assert "size changes at frame 10" in summary["skipped"][grows]
    assert summary["notes"][short].startswith("ends after")
    assert good in {entry["clip"] for entry in pack.index["triplets"]}


def test_an_empty_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"(?s)no clips.*nothing_here"):
        (tmp_path / "nothing_here").mkdir()
        scan_folder(tmp_path / "nothing_here", "train", quiet)
    with pytest.raises(InputError, match="no known layout"):
        open_source(tmp_path / "nothing_here")


def test_clips_and_packs_shrink_by_one_command(tmp_path: Path, moving_pack: MakePack) -> None:
    options = {"split": "train", "crop": CROP, "seed": 0, "progress": quiet}
    full = moving_pack(tmp_path / "full", count=8)
    small = make_pack(full, tmp_path / "small", count=5, max_mib=0.1, **options)
    assert len(small) == 5 and len(small.index["triplets"]) == 5
    clips = tmp_path / "clips"
    clips.mkdir()
    write_clip(clips / names_in("train", 1)[0], [1] * 20)
    direct = make_pack(clips, tmp_path / "direct", count=6, max_mib=0.1, **options)
    assert len(direct) == 6 and direct.index["small"]["form"] == "webp"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["clips", "direct", "full", "small"]
    shutil.rmtree(tmp_path / "direct")
    with pytest.raises(InputError, match="pack already"):
        make_pack(full, tmp_path / "again", count=5, max_mib=None, **options)
