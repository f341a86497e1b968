"""Any video: every second frame is held out and is the truth between its neighbours.

Triplet k is the frames 2k, 2k + 1 and 2k + 2. Left out are triplets that
* cross a cut. With d01 and d12 the mean absolute differences of consecutive frames' grey thumbnails
  (32x18, 8 bit), that is: the larger exceeds ``CUT_LEVELS``, or it exceeds ``JUMP_LEVELS`` and
  ``JUMP_RATIO`` times the smaller;
* have a middle frame equal to a neighbour: a repeat, as frame-rate conversion makes them, is no
  truth.

Frames go to a temporary folder as PNG, which is removed when the process ends. It is bounded: when
more than ``MOST_TRIPLETS`` or ``MOST_BYTES`` are stored, every second triplet is dropped and from
there on half as many are kept, so that those that stay are spread evenly over the whole video.
Rotation metadata is ignored, pixels are not scaled.
"""

from __future__ import annotations

import tempfile
from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import numpy as np
from cdfi_runtime.errors import InputError, MissingDependencyError
from cdfi_runtime.images import natural_key
from numpy.typing import NDArray

from cdfi_model.data.layouts import LAYOUTS, ImageSet, Layout, Triplet

SUFFIXES = (".mp4", ".mov", ".mkv", ".webm", ".avi", ".m4v", ".mpg", ".mpeg", ".y4m", ".ts")
CUT_LEVELS = 24.0
JUMP_LEVELS, JUMP_RATIO = 8.0, 4.0
MOST_TRIPLETS = 100
MOST_BYTES = 1 << 30
_THUMBNAIL = (32, 18)
_stores = ExitStack()  # holds the temporary folders until the process ends

RgbFrame = NDArray[np.uint8]


def find(path: Path) -> list[ImageSet]:
    """One set for a video file, or for each video directly in a folder.

    Raises:
        InputError: a video cannot be decoded or has no usable triplet.
        MissingDependencyError: PyAV is not installed.
    """
    if path.is_dir():
        files = sorted((each for each in path.iterdir() if _is_video(each)), key=natural_key)
    else:
        files = [path] if _is_video(path) else []
    return [ImageSet(file.stem, _store(file)) for file in files]


def decode(path: Path) -> Iterator[RgbFrame]:
    """The frames of a video, ``(H, W, 3)`` uint8 RGB, in the order shown.

    Raises:
        InputError: it cannot be decoded, holds no video, or changes its size.
        MissingDependencyError: PyAV is not installed.
    """
    try:
        import av
    except ImportError as error:
        raise MissingDependencyError("av", extra="video", needed_for="reading videos") from error
    count = 0
    shape: tuple[int, ...] | None = None
    try:
        with av.open(str(path), metadata_errors="replace") as container:
            if not container.streams.video:
                raise _unusable(path, "no video stream")
            for decoded in container.decode(video=0):
                frame = np.asarray(decoded.to_ndarray(format="rgb24"), np.uint8)
                shape = shape or frame.shape
                if frame.shape != shape:
                    raise _unusable(path, f"the size changes at frame {count}")
                yield frame
                count += 1
    except (av.FFmpegError, OSError) as error:
        raise _unusable(path, f"{error} after {count} frames") from error


def frames_at(path: Path, share: float, count: int) -> list[RgbFrame]:
    """``count`` frames in a row from ``share`` of a video's length.

    Args:
        path: The video.
        share: 0 is the start, 1 the end. The start is taken where a video cannot be sought in, or
            where too little of it is left behind its last key frame.
        count: At least 1.

    Raises:
        InputError: it cannot be decoded or is shorter.
        MissingDependencyError: PyAV is not installed.
    """
    try:
        import av
    except ImportError as error:
        raise MissingDependencyError("av", extra="video", needed_for="reading videos") from error
    frames: deque[RgbFrame] = deque(maxlen=count)
    try:
        with av.open(str(path), metadata_errors="replace") as container:
            if not container.streams.video:
                raise _unusable(path, "no video stream")
            stream = container.streams.video[0]
            start = (container.start_time or 0) + int(share * (container.duration or 0))
            with suppress(av.FFmpegError):
                container.seek(start)  # to the key frame before it
            past = 0
            for decoded in container.decode(stream):
                frames.append(np.asarray(decoded.to_ndarray(format="rgb24"), np.uint8))
                past += decoded.time is None or decoded.time * av.time_base >= start
                if past >= count:
                    break
    except (av.FFmpegError, OSError) as error:
        if len(frames) < count:
            raise _unusable(path, str(error)) from error
    if len(frames) == count:
        return list(frames)
    if share > 0:  # sought to a key frame too near to the end
        return frames_at(path, 0, count)
    raise _unusable(path, f"{len(frames)} frames, {count} were needed")


def _store(path: Path) -> tuple[Triplet, ...]:
    folder = Path(_stores.enter_context(tempfile.TemporaryDirectory(prefix="cdfi-video-")))
    kept: list[Triplet] = []
    stride, total = 1, 0
    for index, frames in _triplets(path):
        if (index // 2) % stride:
            continue
        triplet = _write(folder, index, frames)
        kept.append(triplet)
        total += _bytes(triplet)
        while len(kept) > 1 and (len(kept) > MOST_TRIPLETS or total > MOST_BYTES):
            stride *= 2
            wanted = [each for each in kept if (int(each.name.split()[-1]) // 2) % stride == 0]
            for each in set(kept) - set(wanted):
                total -= _bytes(each)
                for file in _files(each):
                    file.unlink()
            kept = wanted
    if not kept:
        raise _unusable(path, "no three frames in a row without a cut or a repeated frame")
    return tuple(kept)


def _triplets(path: Path) -> Iterator[tuple[int, tuple[RgbFrame, RgbFrame, RgbFrame]]]:
    """Usable triplets with the index of their first frame."""
    window: list[RgbFrame] = []
    for index, frame in enumerate(decode(path)):
        window = [*window, frame][-3:]
        if index >= 2 and index % 2 == 0:
            first, middle, last = window
            repeat = np.array_equal(first, middle) or np.array_equal(middle, last)
            if not (repeat or _crosses_cut(first, middle, last)):
                yield index - 2, (first, middle, last)


def _crosses_cut(first: RgbFrame, middle: RgbFrame, last: RgbFrame) -> bool:
    small = [_thumbnail(frame) for frame in (first, middle, last)]
    less, more = sorted(float(np.abs(small[i] - small[i + 1]).mean()) for i in range(2))
    return more > CUT_LEVELS or (more > JUMP_LEVELS and more > JUMP_RATIO * less)


def _thumbnail(frame: RgbFrame) -> NDArray[np.float32]:
    from PIL import Image

    grey = Image.fromarray(frame).convert("L").resize(_THUMBNAIL, Image.Resampling.BOX)
    return np.asarray(grey, np.float32)


def _write(folder: Path, index: int, frames: tuple[RgbFrame, ...]) -> Triplet:
    from PIL import Image

    first, truth, last = (folder / f"{index:07d}_{part}.png" for part in range(3))
    for file, frame in zip((first, truth, last), frames, strict=True):
        Image.fromarray(frame).save(file, compress_level=1)  # read again soon: speed over size
    return Triplet(f"frame {index}", first, last, truth)


def _files(triplet: Triplet) -> list[Path]:
    return [path for path in (triplet.frame0, triplet.truth, triplet.frame2) if path is not None]


def _bytes(triplet: Triplet) -> int:
    return sum(file.stat().st_size for file in _files(triplet))


def _is_video(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES and path.is_file()


def _unusable(path: Path, got: Any) -> InputError:
    return InputError(
        f"the video {path} cannot be used",
        expected="a video that FFmpeg decodes, with at least three frames of one size",
        got=str(got),
        fix="convert it again, or leave it out",
    )


LAYOUTS.register(Layout("video", f"videos ({' '.join(SUFFIXES)})", find, fallback=True))
