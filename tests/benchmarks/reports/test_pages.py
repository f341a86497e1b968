"""The latency page stands alone, is well formed and takes no markup from outside."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from itertools import pairwise
from typing import Any

import pytest
from cdfi_bench.charts.axis import axis_for, time_axis
from cdfi_bench.charts.scatter import scatter
from cdfi_bench.gallery import Case, Picture
from cdfi_bench.report import Report, Row
from cdfi_bench.reports import REPORT_FORMATS
from cdfi_bench.reports.as_html import render_html

HOSTILE = "x<script>alert(1)</script>\"'&<img src=https://example.com/a.png onerror=b>|[a](b)"
CASE = Case("a.onnx", "sample", "city", 61.0, 1, 2, (Picture("there", b"webp"),), scale="1e-3")


class Tags(HTMLParser):
    """Fails on tags that do not close each other; collects tags and attributes."""

    VOID = ("meta", "img", "br")

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str]] = []
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self.open and self.open.pop() == tag


def hostile(row: Row) -> Row:
    """The row with hostile text wherever a device, file or tool may bring its own."""

    def spoil(section: Any, *names: str) -> Any:
        return section and section.model_copy(update=dict.fromkeys(names, HOSTILE))

    return row.model_copy(
        update={
            "subject": HOSTILE,
            "device": spoil(row.device, "name", "model", "soc", "cpu", "os", "build", "governor"),
            "backend": spoil(row.backend, "runtime", "version", "accelerator_actual"),
            "verdict": spoil(row.verdict, "reason"),
            "timing": row.timing
            and row.timing.model_copy(
                update={"invalid_because": (HOSTILE,) if row.timing.invalid_because else ()}
            ),
            "failures": {HOSTILE: HOSTILE, "b": HOSTILE},
        }
    )


def test_page_is_well_formed_and_loads_nothing(full: Report) -> None:
    page = render_html(full, [CASE])
    found = Tags(page)
    addresses = [value for name, value in found.attributes if name in ("src", "href")]
    assert len(addresses) == 1 and addresses[0].startswith("data:image/webp;base64,")
    assert not re.search(r"https?:|//|url\(|@import", page.replace(addresses[0], ""))
    assert not found.tags & {"script", "link", "iframe", "object", "embed", "base", "form"}
    assert not [name for name, _ in found.attributes if name.startswith(("on", "xlink"))]
    assert "screen and (prefers-color-scheme: dark)" in page and "@media print" in page


def test_hostile_text_stays_text(full: Report) -> None:
    bad = full.model_copy(update={"rows": tuple(map(hostile, full.rows))})
    clean, spoiled = Tags(render_html(full)), Tags(render_html(bad))
    assert spoiled.tags - {"details", "summary"} == clean.tags - {"details", "summary"}
    names = {name for name, _ in spoiled.attributes}
    assert names == {name for name, _ in clean.attributes}
    markdown = REPORT_FORMATS.get("markdown").render(bad, ())
    assert "<script" not in markdown and "<img" not in markdown
    assert not re.search(r"(?<!\\)\[a\]", markdown), "no link of another's making"
    table = [line for line in markdown.splitlines() if line.startswith("|")]
    assert len({line.replace("\\|", "").count("|") for line in table}) == 1
    assert len(table) == 2 + len(full.rows)


def test_devices_are_shown_with_what_is_known_and_what_is_not(full: Report) -> None:
    page = render_html(full)
    cards = re.findall(r'<article class="card">(.*?)</article>', page, re.DOTALL)
    assert len(cards) == 3
    pixel, small, emulator = cards
    for fact in ("Google GS201", "4 x 1.80 GHz, 2 x 2.35 GHz", "sched_pixel", "8.0 GiB"):
        assert fact in pixel
    assert "SoC, Clocks: the device does not tell it" in small
    assert "badge" not in pixel + small
    assert ">emulated<" in emulator and ">simulated<" in emulator
    for state in ("0 (none) → 2 (moderate)", "waited 42 s", "lost and found once", "big 37.0 °C"):
        assert state in page


def test_sensors_are_drawn_once_for_each_cluster(full: Report) -> None:
    page = render_html(full)
    assert "Core clocks, GHz" in page and "Temperatures, °C" in page
    assert "cpu0, cpu1, cpu2, cpu3" in page and page.count("<polyline") == 1 + 2 + 3


def test_numbers_of_the_scatter_do_not_cover_each_other(full: Report) -> None:
    row = full.rows[0]
    crowd = scatter([row] * 2 + [full.rows[1]] * 2)
    assert crowd is not None
    spots = [
        (3 * point.left + point.shift[0], -3 * point.up + point.shift[1]) for point in crowd.points
    ]
    for index, (x, y) in enumerate(spots):
        for u, v in spots[:index]:
            assert abs(x - u) >= 12 or abs(y - v) >= 12


@pytest.mark.parametrize(
    "values",
    [
        (0.003, 0.004),
        (1.0,),
        (0.0,),
        (48.2, 75.3),
        (100.0, 104.0),
        (0.5, 900.0),
        (3.0, 5e6),
        (-4, 9),
    ],
)
def test_axes_hold_their_values_at_round_ticks(values: tuple[float, ...]) -> None:
    axis = axis_for(values)
    places = [place for place, _ in axis.ticks]
    assert places[0] == 0 and places[-1] == pytest.approx(100) and places == sorted(places)
    assert 2 <= len(places) <= 7
    assert all(later - former > 9 for former, later in pairwise(places))
    for value in values:
        assert -1e-6 <= axis.place(value) <= 100 + 1e-6
    for place, text in axis.ticks:
        assert axis.place(float(text)) == pytest.approx(place, abs=1e-6)
    assert axis.log == (min(values) > 0 and max(values) / min(values) > 12)


def test_time_axes_end_with_the_time() -> None:
    axis = time_axis(154.0)
    assert axis.place(154.0) == 100 and [text for _, text in axis.ticks] == [
        "0",
        "50",
        "100",
        "150",
    ]


def test_the_scatter_needs_two_rows_and_a_scale_two_values(full: Report) -> None:
    first, second = full.rows[:2]
    assert scatter([first]) is None and scatter([first, full.rows[4]]) is None
    two, same = scatter([first, second]), scatter([first, first])
    assert two is not None and two.scale == ("44.2", "92.4")
    assert same is not None and same.scale == ("92.4",)
    page = render_html(full.model_copy(update={"rows": (first, first)}))
    assert "92.4 dB of each" in page
