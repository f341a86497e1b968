"""Clips of a plain folder, without a manifest: split by name, cuts found by a simple rule."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
from cdfi_runtime.errors import InputError, MissingDependencyError
from numpy.typing import NDArray

from .clips import MANIFEST, ClipInfo, decode_clip
from .dis_flow import load_cv2

SUFFIXES = (".avi", ".m4v", ".mkv", ".mov", ".mp4", ".mpg", ".webm", ".y4m")
VAL_SHARE = 8  # one clip of so many is held out
CUT_LEVEL = 20.0  # mean grey difference (0..255) of two frames that a cut reaches at least
CUT_RATIO = 4.0  # and how much larger it is than the median of the differences around it
_AROUND = 6
_THUMB = (64, 36)


def split_of(group: str) -> str:
    """`val` for one group of eight, `train` for the others, by the name alone.

    Clips that are added later do not move others from one split to the other.
    """
    return "val" if zlib.crc32(group.encode()) % VAL_SHARE == 0 else "train"


def scan_folder(folder: Path, split: str, say: Callable[[str], None]) -> list[ClipInfo]:
    """The clips of `split` in `folder` and below it, each a group of its own, in order of name.

    Clips that can't be decoded are listed too: packing reports them.
    Raises `InputError` when the folder is missing or holds no clip, `MissingDependencyError`
    without PyAV.
    """
    if not folder.is_dir():
        raise InputError("the clip folder does not exist", got=str(folder))
    paths = [path for path in sorted(folder.rglob("*")) if path.suffix.lower() in SUFFIXES]
    if not paths:
        raise InputError(
            "the clip folder holds no clips",
            expected=f"a {MANIFEST}, or files {', '.join(SUFFIXES)}",
            got=str(folder),
        )
    clips = []
    for path in paths:
        group = path.relative_to(folder).as_posix()
        if split_of(group) == split:
            say(f"looking for cuts in {group}")
            clips.append(_scan(path, group, split))
    return clips


def find_cuts(differences: NDArray[np.float64]) -> tuple[int, ...]:
    """Indices of first frames after a cut; `differences[i]` lies between frames i and i + 1.

    A cut differs by `CUT_LEVEL` at least and by `CUT_RATIO` times the median of its neighbours,
    so that shaking and flashing pictures have none at every frame.
    """
    cuts = []
    for index, difference in enumerate(differences):
        start = max(0, index - _AROUND)
        around = np.delete(differences[start : index + _AROUND + 1], index - start)
        usual = float(np.median(around)) if around.size else 0.0
        if difference >= CUT_LEVEL and difference >= CUT_RATIO * usual:
            cuts.append(index + 1)
    return tuple(cuts)


def _scan(path: Path, group: str, split: str) -> ClipInfo:
    width, height, fps, frames = _probe(path)
    clip = ClipInfo(path, split, group, "unknown", "folder", width, height, fps, frames, ())
    cv2 = load_cv2()
    indices: list[int] = []
    differences: list[float] = []
    previous: NDArray[np.uint8] | None = None
    try:
        for index, frame in decode_clip(clip, max_height=180):
            grey = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)
            thumb = cv2.resize(grey, _THUMB, interpolation=cv2.INTER_AREA)
            if previous is not None:
                indices.append(index)
                differences.append(float(np.mean(cv2.absdiff(thumb, previous))))
            previous = thumb
    except InputError:
        return clip
    cuts = tuple(indices[cut - 1] for cut in find_cuts(np.array(differences)))
    expected = frames or (indices[-1] + 1 if indices else 1)
    return ClipInfo(path, split, group, "unknown", "folder", width, height, fps, expected, cuts)


def _probe(path: Path) -> tuple[int, int, float, int]:
    """Width, height, frame rate and the number of frames that the header promises (0: none)."""
    try:
        import av
    except ImportError as error:
        raise MissingDependencyError("av", extra="video", needed_for="reading clips") from error
    try:
        with av.open(str(path), metadata_errors="replace") as container:
            stream = container.streams.video[0]
            fps = float(stream.average_rate or 25)
            seconds = (container.duration or 0) / 1e6
            return stream.width, stream.height, fps, stream.frames or round(seconds * fps)
    except (av.FFmpegError, OSError, IndexError):
        return 0, 0, 25.0, 0
