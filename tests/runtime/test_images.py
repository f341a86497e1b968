from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from cdfi_runtime.errors import InputError, OutputError
from cdfi_runtime.images import SUFFIXES, check_suffix, list_images, read_image, write_image
from PIL import Image


@pytest.fixture
def picture() -> np.ndarray:
    ramp = np.linspace(0, 255, 20, dtype=np.uint8)
    return np.stack(np.broadcast_arrays(ramp, ramp[:12, None], np.uint8(90)), axis=-1)


@pytest.mark.parametrize("suffix", [*SUFFIXES, ".PNG"])
def test_every_format_is_written_and_read(tmp_path: Path, picture: np.ndarray, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    write_image(path, picture)
    tolerance = 12 if suffix in (".jpg", ".jpeg") else 0
    np.testing.assert_allclose(read_image(path).astype(int), picture, atol=tolerance)
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_other_modes_become_rgb(tmp_path: Path, picture: np.ndarray) -> None:
    image = Image.fromarray(picture)
    path = tmp_path / "a.png"
    for mode in ("L", "1", "P", "RGBA", "LA"):
        image.convert(mode).save(path)
        np.testing.assert_array_equal(
            read_image(path), np.asarray(image.convert(mode).convert("RGB"))
        )
    image.convert("CMYK").save(tmp_path / "a.jpg", quality=95)
    assert read_image(tmp_path / "a.jpg").shape == picture.shape


def test_transparent_pixels_are_refused(tmp_path: Path, picture: np.ndarray) -> None:
    image = Image.fromarray(picture)
    image.putalpha(128)
    image.save(tmp_path / "a.png")
    with pytest.raises(InputError, match=r"(?s)transparent.*128"):
        read_image(tmp_path / "a.png")
    palette = Image.fromarray(picture).convert("P")
    palette.save(tmp_path / "p.png", transparency=palette.getpixel((0, 0)))
    with pytest.raises(InputError, match="transparent"):
        read_image(tmp_path / "p.png")


def test_exif_rotation_is_applied(tmp_path: Path, picture: np.ndarray) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: show it rotated by 90 degrees clockwise
    Image.fromarray(picture).save(tmp_path / "a.png", exif=exif)
    np.testing.assert_array_equal(read_image(tmp_path / "a.png"), np.rot90(picture, -1))


def test_deep_gray_is_refused(tmp_path: Path) -> None:
    gray = np.arange(64, dtype=np.uint16).reshape(8, 8) * 1000
    Image.fromarray(gray).save(tmp_path / "a.png")
    with pytest.raises(InputError, match="more than 8 bits"):
        read_image(tmp_path / "a.png")
    Image.fromarray(gray.astype(np.float32)).save(tmp_path / "a.tiff")
    with pytest.raises(InputError, match="more than 8 bits"):
        read_image(tmp_path / "a.tiff")


def test_animations_are_refused(tmp_path: Path, picture: np.ndarray) -> None:
    images = [Image.fromarray(picture), Image.fromarray(picture[::-1].copy())]
    images[0].save(tmp_path / "a.webp", save_all=True, append_images=images[1:])
    with pytest.raises(InputError, match=r"(?s)animation.*2 frames"):
        read_image(tmp_path / "a.webp")


def test_broken_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    with pytest.raises(InputError, match="not found"):
        read_image(path)
    path.touch()
    with pytest.raises(InputError, match="0 bytes"):
        read_image(path)
    path.write_text("no picture\n")
    with pytest.raises(InputError, match="cannot be read as an image"):
        read_image(path)
    with pytest.raises(InputError, match="not a file"):
        read_image(tmp_path)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".bmp", ".webp", ".tif"])
def test_truncated_files_are_refused_wherever_they_end(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    noise = np.random.default_rng(0).integers(0, 256, (40, 40, 3), dtype=np.uint8)
    write_image(path, noise)
    whole = path.read_bytes()
    for length in range(1, len(whole) - 64, max(1, len(whole) // 17)):
        path.write_bytes(whole[:length])
        with pytest.raises(InputError, match="cannot be read as an image"):
            read_image(path)


def test_output_names_are_checked(picture: np.ndarray, tmp_path: Path) -> None:
    for name in ("middle", "middle.mp4", "middle.onnx", ""):
        with pytest.raises(InputError, match=r"\.png"):
            check_suffix(Path(name))
    with pytest.raises(InputError, match="8-bit RGB"):
        write_image(tmp_path / "a.png", picture.astype(np.float32) / 255)  # type: ignore[arg-type]
    with pytest.raises(OutputError):
        write_image(tmp_path / "absent" / "a.png", picture)


def test_files_are_listed_in_natural_order(tmp_path: Path) -> None:
    for name in (
        "f10.png",
        "f2.png",
        "F1.PNG",
        "2.jpg",
        ".f0.123.part.png",
        "notes.txt",
        "f02.png",
    ):
        (tmp_path / name).touch()
    (tmp_path / "f3.png").mkdir()
    names = [path.name for path in list_images(tmp_path)]
    assert names == ["2.jpg", "F1.PNG", "f02.png", "f2.png", "f10.png"]
    with pytest.raises(InputError, match="does not exist"):
        list_images(tmp_path / "absent")
