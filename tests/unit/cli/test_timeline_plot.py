"""The drawing of a timeline: bars at their cycles, arrows of their tokens, escaped texts."""

from __future__ import annotations

import re
from dataclasses import replace
from xml.etree import ElementTree

from profile_rows import TIMELINE

from myvta.cli.timeline_plot import timeline_figure, timeline_svg
from myvta.driver.run.timeline import Timeline


def drawing(timeline: Timeline) -> tuple[float, list[ElementTree.Element]]:
    """Return the width of a timeline's drawing, and its bars."""
    root = ElementTree.fromstring(timeline_figure(timeline))
    svg = root.findall(".//svg")[1]
    bars = [group for group in svg.iter("g") if group.get("class", "").startswith("bar ")]
    return float(svg.get("width", "")), bars


def rectangle(bar: ElementTree.Element) -> tuple[float, float, float]:
    """Return left, right and top of a bar."""
    box = bar.find("rect")
    assert box is not None
    x, y, width = (float(box.get(name, "")) for name in ("x", "y", "width"))
    return x, x + width, y


def test_bars_are_at_their_cycles_in_the_rows_of_their_engines() -> None:
    width, bars = drawing(TIMELINE)
    per_cycle = width / TIMELINE.cycles
    tops = []
    for bar, expected in zip(bars, TIMELINE.bars, strict=True):
        left, right, top = rectangle(bar)
        assert abs(left - expected.start * per_cycle) < 0.02
        assert abs(right - expected.end * per_cycle) < 0.03
        assert bar.get("class") == f"bar {expected.engine.name.lower()}"
        tops.append(top)
    assert tops[0] < tops[1] < tops[2] == tops[4] < tops[3], "LOADs in flight together: two rows"


def test_a_bar_has_the_arrows_of_the_tokens_it_pops_and_pushes() -> None:
    width, bars = drawing(TIMELINE)
    arrows = [[path.get("d") for path in bar.findall("path")] for bar in bars]
    assert [len(paths) for paths in arrows] == [1, 0, 2, 1, 0]
    assert arrows[2] == [arrows[0][0], arrows[3][0]]
    numbers = [float(text) for text in re.findall(r"[\d.]+", str(arrows[0][0]))]
    _, right, top = rectangle(bars[0])
    left, _, sink = rectangle(bars[2])
    assert abs(numbers[0] - right) < 0.02 and abs(numbers[2] - left) < 0.02
    assert numbers[1::2] == [top + 8, sink + 8]


def test_title_of_a_bar_has_index_instruction_cycles_and_note() -> None:
    _, bars = drawing(TIMELINE)
    title = bars[2].find("title")
    assert title is not None
    assert title.text == "2: gemm uops=0:1 pop_prev push_next\ncycles 60 to 500, 440\n<line>"


def test_width_follows_the_median_bar_within_limits() -> None:
    assert drawing(TIMELINE)[0] == 900
    short = tuple(replace(bar, end=bar.start + 10) for bar in TIMELINE.bars)
    assert drawing(replace(TIMELINE, bars=short, cycles=5000))[0] == 3000
    assert drawing(replace(TIMELINE, bars=short, cycles=10**6))[0] == 60_000


def test_ticks_have_room_for_their_numbers() -> None:
    for cycles in (7, 95, 1000, 73_214, 7_569_083):
        text = timeline_figure(replace(TIMELINE, cycles=cycles, bars=(), tokens=()))
        ticks = re.findall(r'<text x="([\d.]+)" y="10">(\d+)</text>', text)
        places = [float(x) for x, _ in ticks]
        assert all(b - a >= 60 for a, b in zip(places, places[1:], strict=False)), cycles
        assert len(ticks) <= 1 + cycles


def test_drawing_for_paper_is_one_document_within_its_width() -> None:
    root = ElementTree.fromstring(timeline_svg(TIMELINE))
    name = "{http://www.w3.org/2000/svg}"
    bars = list(root.iter(f"{name}g"))
    boxes = [bar.find(f"{name}rect") for bar in bars]
    assert len(bars) == 5
    for box in boxes:
        assert box is not None
        left, width = float(box.get("x", "")), float(box.get("width", ""))
        assert left >= 66 and left + width <= 900
    labels = [text.text for text in root.findall(f"{name}text")]
    assert labels[:3] == ["load", "compute", "store"]
