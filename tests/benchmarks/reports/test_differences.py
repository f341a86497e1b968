"""Pictures of the difference between an artifact and its reference."""

from __future__ import annotations

import io
import math
from pathlib import Path
from typing import Any

import cdfi_bench.gallery as gallery_module
import numpy as np
import pytest
from cdfi_bench.cli import app
from cdfi_bench.differences import difference_case, difference_gallery
from cdfi_bench.gallery import CROP, Case
from cdfi_bench.pairs import Pair
from cdfi_bench.report import ImageRow
from cdfi_bench.scores import raw_parity
from cdfi_runtime.command import run_app
from PIL import Image

GREY = np.full((400, 900, 3), 0.5, np.float32)


def picture(case: Case, caption: str) -> np.ndarray:
    (found,) = [each for each in case.pictures if each.caption == caption]
    return np.asarray(Image.open(io.BytesIO(found.webp)).convert("L"), float)


def wrong(*spots: tuple[int, int, float]) -> np.ndarray:
    output = GREY.copy()
    for row, column, by in spots:
        output[row : row + 12, column : column + 12, 1] += by
    return output


def test_small_differences_are_amplified_by_a_stated_scale() -> None:
    case = difference_case("a.onnx", "s", "p", wrong((300, 700, 3e-5)), GREY, 80.0)
    assert case.scale.startswith("5e-05 of full scale") and "largest 3.0e-05" in case.scale
    whole, there = picture(case, "difference, whole frame"), picture(case, "difference there")
    assert whole.shape == (134, 300) and there.shape == CROP[::-1]
    assert whole[101:103, 234:236].min() > 80 > 10 > whole[:80].max()
    row, column = 300 - case.top, 700 - case.left
    assert there[row + 2 : row + 10, column + 2 : column + 10].min() > 80
    assert picture(case, "artifact").shape == picture(case, "reference").shape == CROP[::-1]


def test_a_single_pixel_survives_the_reduction() -> None:
    output = GREY.copy()
    output[200, 450] += 0.25
    whole = picture(difference_case("a", "s", "p", output, GREY, 60.0), "difference, whole frame")
    assert whole[64:69, 148:153].max() > 60 > 10 > whole[:, :100].max()


def test_identical_outputs_are_black() -> None:
    case = difference_case("a", "s", "p", GREY, GREY, None)
    assert math.isinf(case.psnr_db)
    assert picture(case, "difference, whole frame").max() < 3


def test_gallery_keeps_the_furthest_pairs_within_its_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    gallery = difference_gallery()
    see = gallery.watch("a.onnx", "set")
    frame = np.zeros((400, 900, 3), np.uint8)
    for index in range(6):
        output = wrong((50, 50, 1e-4 * index))
        row = ImageRow(
            name=f"p{index}",
            width=900,
            height=400,
            parity=raw_parity(output, GREY, "torch"),
            quality=None,
            unmeasured={"quality": "no truth"},
        )
        see(Pair(row.name, frame, frame, None, cropped=False), output, row, GREY)
    kept = gallery.cases()
    assert [case.name for case in kept] == ["p5", "p4", "p3"]
    assert all(case.bytes < 60_000 for case in kept)
    monkeypatch.setattr(gallery_module, "MOST_BYTES", kept[0].bytes)
    assert gallery.cases() == kept[:1]


def test_parity_page_shows_the_worst_pairs(
    tint: Any, make_artifact: Any, images: Path, tmp_path: Path
) -> None:
    artifact, out = make_artifact(tint, noise=1e-5), tmp_path / "out"
    arguments = ["--data", str(images), "--weights", str(tint.weights), "--out", str(out)]
    with pytest.raises(SystemExit) as end:
        run_app(app, ["parity", str(artifact), *arguments])
    assert end.value.code == 0
    page = (out / "parity.html").read_text()
    assert page.count("data:image/webp;base64,") == 3 * 4, "two pairs with, one without a truth"
    assert page.count("of full scale and more; largest") == 3
    assert 'alt="difference, whole frame of ' in page
