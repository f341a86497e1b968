"""Image files as frames: 8-bit RGB in, 8-bit RGB out.

Colour profiles are ignored: pixel values go through as they are. 16-bit colour PNG files are read
by Pillow with their upper 8 bits.
"""

from __future__ import annotations

import os
import re
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cdfi_runtime.errors import InputError
from cdfi_runtime.files import atomic_path, require_file

if TYPE_CHECKING:
    from PIL.Image import Image

# How each format is written: as near to lossless as it gets.
_WRITERS: dict[str, dict[str, Any]] = {
    ".png": {},
    ".bmp": {},
    ".tif": {},
    ".tiff": {},
    ".webp": {"lossless": True},
    ".jpg": {"quality": 95, "subsampling": 0},
    ".jpeg": {"quality": 95, "subsampling": 0},
}
SUFFIXES = tuple(_WRITERS)
_ONE_PICTURE = ("MPO",)  # phones add previews and depth maps to JPEG; the first frame is the photo


def check_suffix(path: Path) -> None:
    """Refuse an output name whose suffix is no image format, before any work is done.

    Raises:
        InputError: a suffix that is not in :data:`SUFFIXES`.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise InputError(
            "the output is no image file name",
            expected=f"a name ending in {', '.join(SUFFIXES)}",
            got=str(path),
            fix=f"write to {path.with_suffix('.png').name}" if path.name else "name a file",
        )


def read_image(path: str | os.PathLike[str]) -> NDArray[np.uint8]:
    """An image file as ``(H, W, 3)`` uint8 RGB, turned upright by its EXIF orientation.

    Grayscale, palette and CMYK pictures become RGB; an alpha channel is dropped when it is opaque
    everywhere.

    Raises:
        InputError: missing, empty, truncated, no image, an animation, more than 8 bits of gray, or
            transparent pixels.
    """
    from PIL import Image, ImageOps

    file = require_file(Path(path), "the image")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(file) as picture:
                _check_form(picture, file)
                upright = ImageOps.exif_transpose(picture)
                return np.array(_drop_alpha(upright, file).convert("RGB"), dtype=np.uint8)
    except InputError:
        raise
    except Image.DecompressionBombError as error:
        raise _unreadable(file, f"too many pixels: {error}") from error
    except (OSError, ValueError, SyntaxError, EOFError) as error:
        raise _unreadable(file, str(error) or type(error).__name__) from error


def write_image(path: str | os.PathLike[str], frame: NDArray[np.uint8]) -> None:
    """Write ``(H, W, 3)`` uint8 RGB; the format goes by the suffix. Atomic: all or nothing.

    Raises:
        InputError: an unknown suffix, or no uint8 RGB frame.
        OutputError: the file cannot be written.
    """
    from PIL import Image

    file = Path(path)
    check_suffix(file)
    if frame.dtype != np.uint8 or frame.ndim != 3 or frame.shape[-1] != 3:
        raise InputError(
            "only 8-bit RGB frames are written",
            expected="(height, width, 3) uint8",
            got=f"{frame.shape} {frame.dtype}",
        )
    picture = Image.fromarray(np.ascontiguousarray(frame))
    with atomic_path(file) as temporary:
        picture.save(temporary, **_WRITERS[file.suffix.lower()])


def list_images(folder: Path) -> list[Path]:
    """The image files directly in ``folder`` by :data:`SUFFIXES`, in natural order.

    Raises:
        InputError: no such folder.
    """
    if not folder.is_dir():
        raise InputError(
            "the folder does not exist", expected="a folder of images", got=str(folder)
        )
    files = (path for path in folder.iterdir() if path.is_file())
    images = (path for path in files if path.suffix.lower() in SUFFIXES)
    return sorted((path for path in images if not path.name.startswith(".")), key=natural_key)


def natural_key(path: Path) -> tuple[tuple[int, int | str], ...]:
    """Sort key by which ``frame2`` comes before ``frame10``."""
    parts = re.split(r"([0-9]+)", path.name.lower())
    numbered = tuple((0, int(part)) if part.isdecimal() else (1, part) for part in parts if part)
    return (*numbered, (2, path.name))


def _check_form(picture: Image, file: Path) -> None:
    frames = getattr(picture, "n_frames", 1)
    if frames > 1 and picture.format not in _ONE_PICTURE:
        raise InputError(
            f"{file.name} is an animation",
            expected="one picture",
            got=f"{frames} frames",
            fix="save its frames as single files",
        )
    if picture.mode in ("I", "F") or picture.mode.startswith("I;16"):
        raise InputError(
            f"{file.name} has more than 8 bits of gray",
            expected="8 bits for each channel",
            got=f"the Pillow mode {picture.mode}",
            fix="convert it to 8 bits, so that you choose black and white level",
        )


def _drop_alpha(picture: Image, file: Path) -> Image:
    if not picture.has_transparency_data:
        return picture
    picture = picture.convert("RGBA")
    lowest = int(np.asarray(picture.getchannel("A")).min())
    if lowest < 255:
        raise InputError(
            f"{file.name} has transparent pixels",
            expected="an opaque picture",
            got=f"alpha down to {lowest} of 255",
            fix="put it on a background first",
        )
    return picture


def _unreadable(file: Path, got: str) -> InputError:
    return InputError(
        f"{file.name} cannot be read as an image",
        expected="a complete PNG, JPEG, WebP, TIFF or BMP file",
        got=got,
        fix="copy or export it again",
    )
