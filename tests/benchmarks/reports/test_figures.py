"""Each figure that a latency report shows is recomputed here from the raw samples of its JSON."""

from __future__ import annotations

import json
import math
import re
from html.parser import HTMLParser
from typing import Any

import pytest
from cdfi_bench.report import Report
from cdfi_bench.reports import REPORT_FORMATS

Raw = dict[str, Any]


def percentile(samples: list[float], percent: float) -> float:
    """Linear between samples, written out: not the code under test."""
    ordered = sorted(samples)
    place = (len(ordered) - 1) * percent / 100
    low = math.floor(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (place - low) * (ordered[high] - ordered[low])


def ms(seconds: float) -> str:
    return f"{1e3 * seconds:.1f}" if seconds >= 0.01 else f"{1e3 * seconds:.3g}"


def third(samples: list[float]) -> float:
    size = max(1, len(samples) // 3)
    return percentile(samples[-size:], 50) / percentile(samples[:size], 50)


def expected(row: Raw) -> dict[str, str]:
    """The table's figures, without marks, by the column's title."""
    timing = row["timing"]
    if timing is None:
        return {}
    burst, reference = timing["samples_s"], timing["reference_samples_s"]
    found = {"runs": str(len(burst)), "load ms": ms(timing["load_s"])}
    if len(burst) != timing["planned_runs"]:
        found["runs"] += f" of {timing['planned_runs']}"
    if burst:
        found["first ms"] = ms(timing["first_run_s"])
        found["min ms"] = ms(min(burst))
        for title, percent in (("median ms", 50), ("p90 ms", 90), ("p99 ms", 99)):
            found[title] = ms(percentile(burst, percent))
        found["ratio"] = f"{percentile(burst, 50) / percentile(reference, 50):.2f}"
    if timing["end_to_end"]:
        found["end to end ms"] = ms(percentile(timing["end_to_end"]["samples_s"], 50))
    if timing["sustained"]:
        found["slow-down"] = f"{third(timing['sustained']['samples_s']):.2f}"
    if row["parity"]:
        found["PSNR dB"] = f"{row['parity']['psnr_db']:.1f}"
    found["peak MiB"] = f"{row['memory']['peak_bytes'] / 2**20:.0f}"
    return found


class Table(HTMLParser):
    """The cells of the page's tables, line by line; marks are text as any other."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.lines: list[list[str]] = []
        self._inside = False
        self.feed(page)

    def handle_starttag(self, tag: str, _attrs: Any) -> None:
        if tag == "tr":
            self.lines.append([])
        elif tag in ("td", "th"):
            self.lines[-1].append("")
            self._inside = True

    def handle_endtag(self, tag: str) -> None:
        self._inside = self._inside and tag not in ("td", "th")

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.lines[-1][-1] += data


def render(report: Report, name: str) -> str:
    return REPORT_FORMATS.get(name).render(report, ())


def raw_rows(report: Report) -> list[Raw]:
    rows: list[Raw] = json.loads(render(report, "json"))["rows"]
    return rows


def key(row: Raw) -> tuple[str, str]:
    return row["subject"], row["device"]["name"]


def bare(cell: str) -> str:
    return re.split(r"[ (]+(?=invalid|partial|throttled)", cell)[0]


def test_markdown_table(full: Report) -> None:
    lines = [x for x in render(full, "markdown").splitlines() if x.startswith("|")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    titles, shown = cells[0], {(line[0], line[1]): line for line in cells[2:]}
    assert len(shown) == len(full.rows)
    for row in raw_rows(full):
        line = dict(zip(titles, shown[key(row)], strict=True))
        figures = expected(row)
        for title in titles[4:-1]:
            assert bare(line[title]) == figures.get(title, "-"), (key(row), title)


def test_page_table(full: Report) -> None:
    lines = Table(render(full, "html")).lines
    titles = lines[0]
    for row in raw_rows(full):
        subject, device = key(row)
        (cells,) = [x for x in lines if len(x) == len(titles) and x[0].startswith(subject + device)]
        figures = expected(row)
        for title, cell in list(zip(titles, cells, strict=True))[2:]:
            assert bare(cell) == figures.get(title, "-"), (key(row), title)


def phases(row: Raw) -> dict[str, list[float]]:
    timing = row["timing"] or {"samples_s": [], "end_to_end": None, "sustained": None}
    found = {"network alone": timing["samples_s"]}
    for name, field in (("end to end", "end_to_end"), ("sustained", "sustained")):
        found[name] = timing[field]["samples_s"] if timing[field] else []
    return {name: samples for name, samples in found.items() if samples}


def test_box_plots_say_and_draw_their_samples(full: Report) -> None:
    page = render(full, "html")
    head = page[page.index("plot-head") :]
    ticks = [
        (float(place), float(text))
        for place, text in re.findall(r'left:([\d.]+)%">([\d.]+)<', head[: head.index("plot-name")])
    ]
    (low, least), (high, most) = ticks[0], ticks[-1]
    assert (low, high) == (0, 100) and least == 0, "a linear axis from zero"
    boxes = re.findall(r'aria-label="([^"]*smallest[^"]*)">(.*?)</svg>', page, re.DOTALL)
    wanted = [
        (name, samples)
        for row in raw_rows(full)
        if row["timing"] and row["timing"]["valid"]
        for name, samples in phases(row).items()
    ]
    assert len(boxes) == len(wanted)
    for name, samples in wanted:
        five = [percentile(samples, percent) for percent in (0, 25, 50, 75, 100)]
        title = (
            f"{name}, {len(samples)} runs: smallest {ms(five[0])}, quartiles {ms(five[1])} and "
            f"{ms(five[3])}, median {ms(five[2])}, largest {ms(five[4])} ms"
        )
        (drawing,) = [svg for label, svg in boxes if label == title]
        whisker = re.search(r'class="whisker" x1="([\d.]+)%" x2="([\d.]+)%"', drawing)
        box = re.search(r'class="box" x="([\d.]+)%" width="([\d.]+)%"', drawing)
        line = re.search(r'class="median" x1="([\d.]+)%"', drawing)
        assert whisker and box and line
        left, width = map(float, box.groups())
        places = [whisker[1], left, line[1], left + width, whisker[2]]
        drawn = [float(place) / 100 * most for place in places]
        assert drawn == pytest.approx([1e3 * each for each in five], abs=2e-5 * most)
        dots = re.findall(r'<circle class="dot" cx="([\d.]+)%"', drawing)
        if len(samples) <= 12:
            drawn = sorted(float(dot) / 100 * most for dot in dots)
            assert drawn == pytest.approx(sorted(1e3 * s for s in samples), abs=2e-5 * most)
        else:
            assert dots == []


def test_scatter_says_and_draws_its_rows(full: Report) -> None:
    page = render(full, "html")
    part = page[page.index('class="scatter"') :]
    points = re.findall(
        r"<title>\d+: (\S+) \(([^,]+),[^)]*\): ([\d.]+) MB, ([\d.]+) ms, ratio ([\d.]+), PSNR (.*?)"
        r'</title><circle class="point" cx="([\d.]+)%" cy="([\d.]+)%"',
        part,
    )
    shown = {(point[0], point[1]): point[2:] for point in points}
    wanted = [row for row in raw_rows(full) if row["timing"] and phases(row)]
    wanted = [row for row in wanted if row["timing"]["valid"]]
    assert set(shown) == {key(row) for row in wanted} and len(points) == len(wanted)
    ends = [float(text) for text in re.findall(r'class="tick"[^>]*>([\d.]+)</span></div>', part)]
    tops = re.findall(r'bottom:100.00%">([\d.]+)<', part)
    for row in wanted:
        size, median, ratio, psnr, left, down = shown[key(row)]
        figures = expected(row)
        assert size == f"{row['artifact']['bytes'] / 1e6:.2f}"
        assert (median, ratio) == (figures["median ms"], figures["ratio"])
        assert psnr == figures.get("PSNR dB", "not compared")
        assert float(left) / 100 * ends[0] == pytest.approx(
            row["artifact"]["bytes"] / 1e6, abs=1e-3
        )
        timing = row["timing"]
        exact = percentile(timing["samples_s"], 50) / percentile(timing["reference_samples_s"], 50)
        assert (100 - float(down)) / 100 * float(tops[0]) == pytest.approx(exact, abs=1e-3)


def test_sustained_line_follows_the_samples(full: Report) -> None:
    page = render(full, "html")
    (row,) = [r for r in raw_rows(full) if r["timing"] and "sustained" in phases(r)][:1]
    samples = phases(row)["sustained"]
    summary = (
        f"{len(samples)} runs in {sum(samples):.0f} of {sum(samples):.0f} s; "
        f"median {ms(percentile(samples, 50))} ms, slow-down {third(samples):.2f}"
    )
    assert summary in page
    part = page[page.index('class="sustained"') :]
    ticks = re.findall(r'bottom:([\d.]+)%">([\d.]+)<', part[: part.index("<svg")])
    bottom, top = float(ticks[0][1]), float(ticks[-1][1])
    (points,) = re.findall(r"<polyline[^>]* points=\"([^\"]*)\"", part)[:1]
    heights = [float(point.split(",")[1]) for point in points.split()]
    drawn = [bottom + (100 - height) / 100 * (top - bottom) for height in heights]
    slices = [samples[4 * index : 4 * index + 4] for index in range(200)]
    assert drawn == pytest.approx([1e3 * percentile(each, 50) for each in slices], abs=1e-2)
