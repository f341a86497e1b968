"""The HTML page: what is on it, that it stands alone, and that it stays small."""

from __future__ import annotations

import base64
import io
import re
import sys
from html.parser import HTMLParser
from pathlib import Path

import cdfi_bench.gallery as gallery_module
import numpy as np
import pytest
from cdfi_bench.charts.psnr import MOST_IMAGES
from cdfi_bench.environment import device_info, run_info
from cdfi_bench.gallery import CROP, WORST, Gallery, worst_corner
from cdfi_bench.pairs import Pair
from cdfi_bench.quality import quality_report
from cdfi_bench.report import ImageRow, Report
from cdfi_bench.reports import write_report
from cdfi_bench.reports.as_html import render_html
from cdfi_bench.rows import undecided_row
from cdfi_bench.scores import frame_quality
from cdfi_model.data.image_sets import ImageSet, find_image_sets
from cdfi_runtime.errors import MissingDependencyError
from cdfi_runtime.images import write_image
from PIL import Image


class Balance(HTMLParser):
    """Fails on tags that do not close each other; collects addresses."""

    VOID = ("meta", "img", "br")

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href")]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open and self.open.pop() == tag


def check(page: str) -> list[str]:
    parser = Balance()
    parser.feed(page)
    parser.close()
    assert parser.open == []
    return parser.addresses


def watch_frames(count: int, size: tuple[int, int] = (160, 210)) -> Gallery:
    """A gallery that has seen ``count`` pairs, each with a wrong square of another strength."""
    gallery = Gallery()
    see = gallery.watch("net", "set")
    truth = np.full((*size, 3), 100, np.uint8)
    for index in range(count):
        output = (truth / np.float32(255)).astype(np.float32)
        output[20:40, 30:60] += 0.1 * (index % 5 + 1)
        pair = Pair(f"p{index}", truth, truth, truth, cropped=False)
        row = ImageRow(
            name=pair.name,
            width=pair.width,
            height=pair.height,
            parity=None,
            quality=frame_quality(output, truth),
            unmeasured={"parity": "no"},
        )
        see(pair, output, row)
    return gallery


def test_page_holds_every_row_the_chart_and_the_pictures(tint, images: Path) -> None:
    gallery = Gallery()
    sets = find_image_sets(images / "scenes")
    report = quality_report([tint.weights], sets, gallery=gallery)
    page = render_html(report, gallery.cases())
    addresses = check(page)
    assert len(addresses) == 2 * 4, "two cases of four pictures"
    assert all(each.startswith("data:image/webp;base64,") for each in addresses)
    for address in addresses:
        raw = base64.b64decode(address.split(",")[1])
        assert Image.open(io.BytesIO(raw)).size in ((52, 40), (47, 33))
    assert not re.search(r"https?:|url\(|@import|<script|<link", page), "loads nothing"
    assert "prefers-color-scheme: dark" in page
    for row in report.rows:
        assert row.quality is not None and f">{row.quality.psnr_db:.2f}<" in page
        for image in row.images:
            assert f"{row.subject}: {image.quality.psnr_db:.2f} dB" in page
    assert report.device.os in page and report.run.started in page


def test_failures_come_with_every_reason(images: Path) -> None:
    first, second = find_image_sets(images / "scenes")[0].triplets
    for triplet, size in ((first, (9, 9)), (second, (8, 8))):
        write_image(triplet.frame2, np.zeros((*size, 3), np.uint8))
    report = quality_report([], [ImageSet("scenes", (first, second))])
    (row,) = report.rows
    assert set(row.failures) == {"A", "B"}
    again = Report.model_validate_json(report.model_dump_json())
    page = render_html(again)
    check(page)
    assert "2 failed" not in page and "1 failed" in page
    assert "(9, 9, 3)" in page and "(8, 8, 3)" in page


def test_text_from_outside_cannot_become_markup() -> None:
    odd = undecided_row("parity", "<script>a</script>&", "fail", "bad <b>bold</b>\n  got: 'x'")
    report = Report(kind="parity", run=run_info(), device=device_info(), rows=(odd,))
    page = render_html(report)
    check(page)
    assert "<script" not in page and "&lt;b&gt;bold" in page


def test_the_worst_window_is_found() -> None:
    error = np.zeros((50, 80))
    error[30:36, 60:70] = 1
    left, top = worst_corner(error, 10, 6)
    assert (left, top) == (60, 30)
    assert worst_corner(error, 80, 50) == (0, 0)


def test_gallery_keeps_the_worst_and_shows_where() -> None:
    cases = watch_frames(10).cases()
    assert len(cases) == WORST
    assert [case.name for case in cases[:2]] == ["p4", "p9"]
    assert cases[0].psnr_db == cases[1].psnr_db < cases[2].psnr_db
    for case in cases:
        captions = [picture.caption for picture in case.pictures]
        assert captions == ["frame 0", "output", "truth", "error"]
        pictures = [Image.open(io.BytesIO(picture.webp)) for picture in case.pictures]
        assert {picture.size for picture in pictures} == {CROP}
        error = np.asarray(pictures[3].convert("L"), float)
        square = np.s_[20 - case.top : 40 - case.top, 30 - case.left : 60 - case.left]
        assert error[square].mean() > 100 > 10 > error[-40:, -40:].mean()


def test_pictures_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    gallery = watch_frames(10)
    whole = gallery.cases()
    monkeypatch.setattr(gallery_module, "MOST_BYTES", whole[0].bytes + whole[1].bytes)
    assert gallery.cases() == whole[:2]


def test_chart_of_a_large_set_is_bounded(images: Path) -> None:
    first = find_image_sets(images / "scenes")[0].triplets[0]
    copies = tuple(
        type(first)(f"n{index}", first.frame0, first.frame2, first.truth)
        for index in range(MOST_IMAGES + 7)
    )
    page = render_html(quality_report([], [ImageSet("many", copies)]))
    assert page.count('<div class="image">') == MOST_IMAGES
    assert "7 better ones left out" in page


def test_exact_images_have_a_bar_without_a_number(images: Path) -> None:
    first = find_image_sets(images / "scenes")[0].triplets[0]
    still = type(first)("still", first.frame0, first.frame0, first.frame0)
    page = render_html(quality_report([], [ImageSet("s", (still, first))]))
    check(page)
    assert "frame average: exact dB" in page


def test_without_jinja_the_other_formats_are_still_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "jinja2", None)
    row = undecided_row("parity", "a", "fail", "no model")
    report = Report(kind="parity", run=run_info(), device=device_info(), rows=(row,))
    with pytest.raises(MissingDependencyError, match="jinja2"):
        write_report(report, tmp_path)
    written = sorted(path.name for path in tmp_path.iterdir())
    endings = ("bigger.benchmark.json", "json", "junit.xml", "md", "smaller.benchmark.json")
    assert written == [f"parity.{ending}" for ending in endings]
