"""Reading training clips: the manifest that describes them, and their decoded frames."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from cdfi_runtime.errors import InputError, MissingDependencyError
from numpy.typing import NDArray

MANIFEST = "manifest.csv"
_COLUMNS = ("file", "split", "group", "licence", "source", "w", "h", "fps", "frames", "cutlist")


@dataclass(frozen=True)
class ClipInfo:
    """One row of the manifest.

    `path` is the clip's file; `width` and `height` are its stored size in pixels, `frames` the
    expected number of frames. `group` names the scene: splits are made by group, never by frame.
    `cuts` holds, in ascending order, the index of the first frame after each cut.
    """

    path: Path
    split: str
    group: str
    licence: str
    source: str
    width: int
    height: int
    fps: float
    frames: int
    cuts: tuple[int, ...]

    @property
    def name(self) -> str:
        """The clip's file name."""
        return self.path.name


def read_manifest(folder: str | Path) -> list[ClipInfo]:
    """Read `folder`/manifest.csv, one `ClipInfo` a row, in the file's order.

    The clips themselves are not opened. Columns other than the needed ones are ignored.
    Raises `InputError` when the manifest is missing, lacks a column, or a row can't be read.
    """
    path = Path(folder) / MANIFEST
    if not path.is_file():
        raise InputError(
            "the clip folder has no manifest",
            expected=f"a file {MANIFEST} in the folder",
            got=str(folder),
            fix="name the folder that holds the clips and their manifest.csv",
        )
    with path.open(newline="", encoding="utf-8") as stream:
        reader = csv.DictReader(stream)
        missing = [name for name in _COLUMNS if name not in (reader.fieldnames or ())]
        if missing:
            raise InputError(
                f"{path} lacks columns",
                expected=", ".join(_COLUMNS),
                got=", ".join(reader.fieldnames or ()) or "an empty file",
                fix=f"add the columns {', '.join(missing)}",
            )
        return [_clip(path, reader.line_num, row) for row in reader]


def _clip(manifest: Path, line: int, row: dict[str, str]) -> ClipInfo:
    try:
        return ClipInfo(
            path=manifest.parent / row["file"],
            split=row["split"],
            group=row["group"],
            licence=row["licence"],
            source=row["source"],
            width=int(row["w"]),
            height=int(row["h"]),
            fps=float(row["fps"]),
            frames=int(row["frames"]),
            cuts=tuple(sorted(int(cut) for cut in row["cutlist"].split())),
        )
    except (TypeError, ValueError, AttributeError) as error:
        raise InputError(
            f"{manifest}, line {line}: the row can't be read",
            expected="whole numbers in w, h, frames and cutlist (space-separated), a number in fps",
            got=str(error),
            fix="correct the row or leave it out",
        ) from error


def shrink_factor(width: int, height: int, max_height: int) -> int:
    """The smallest whole factor that brings the shorter side to `max_height` px or less."""
    return max(1, -(-min(width, height) // max_height))


def decode_clip(info: ClipInfo, max_height: int = 600) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    """Decode a clip, yielding (index, frame) with frames uint8 (height, width, 3), RGB.

    Large clips are shrunk by a whole factor (area averaging) so that the shorter side is at most
    `max_height` px. `index` counts every decoded frame; frames that the decoder marks as damaged
    are left out, so the indices then have a gap. Rotation metadata is ignored.
    Raises `InputError`, naming the file, when it can't be opened or decoded, has no frames, or
    changes its size midway; `MissingDependencyError` without PyAV.
    """
    try:
        import av
    except ImportError as error:
        raise MissingDependencyError("av", extra="video", needed_for="reading clips") from error
    index = -1
    try:
        with av.open(str(info.path), metadata_errors="replace") as container:
            if not container.streams.video:
                raise _unreadable(info, "no video stream")
            stream = container.streams.video[0]
            stream.thread_type = "AUTO"
            size: tuple[int, int] | None = None
            for frame in container.decode(stream):
                index += 1
                size = size or (frame.width, frame.height)
                if (frame.width, frame.height) != size:
                    raise _unreadable(info, f"size changes at frame {index}")
                if frame.is_corrupt:
                    continue
                factor = shrink_factor(*size, max_height)
                picture = frame.to_ndarray(
                    width=size[0] // factor,
                    height=size[1] // factor,
                    format="rgb24",
                    interpolation="AREA" if factor > 1 else "BICUBIC",
                )
                yield index, picture.astype(np.uint8, copy=False)
    except (av.FFmpegError, OSError) as error:
        raise _unreadable(info, f"{error} after {index + 1} frames") from error
    if index < 0:
        raise _unreadable(info, "no frames")


def _unreadable(info: ClipInfo, got: str) -> InputError:
    return InputError(
        f"the clip {info.path} can't be decoded",
        expected="a video file that FFmpeg decodes to the end",
        got=got,
        fix="replace the file or take its row out of the manifest",
    )
