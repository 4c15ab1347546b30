"""The page of a profile: cells, sections, no script, and how a browser lays it out."""

from __future__ import annotations

import subprocess
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from profile_rows import PREDICTED, REPORT

from myvta.cli.profile_command import report_files
from myvta.cli.profile_page import COLUMNS

VOID = {"meta", "link", "br", "img"}


class Page(HTMLParser):
    """Collects ids, cells and references; refuses tags that do not close."""

    def __init__(self) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.cells: list[str] = []
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.references: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        for name, value in attrs:
            if name == "id":
                self.ids.add(value or "")
            if name in ("src", "href", "xlink:href"):
                self.references.append(value or "")
        if tag not in VOID:
            self.open.append(tag)
        if tag == "td":
            self.cells.append("")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "td":
            self.cells[-1] += data


def test_page_has_every_section_and_cell() -> None:
    page = Page()
    page.feed(report_files(REPORT)["index.html"])
    assert not page.open
    assert {"timeline", "roofline", "causes", "traffic", "layers", "split"} <= page.ids
    width = len(COLUMNS)
    assert page.cells[:width] == [
        "conv <1>", "1000", "25.0 %", "50.0 %", "25.0 %", "50.0 %", "0.0 %", "3.0", "1.50 x"]
    assert page.cells[width : width + 3] == ["conv2", "3000", "75.0 %"]
    assert "script" not in page.tags
    outside = [text for text in page.references if not text.startswith(("#", "data:"))]
    assert not outside, "the page works offline"


def test_page_of_a_prediction_leaves_out_the_figures_of_a_run() -> None:
    page = Page()
    page.feed(text := report_files(PREDICTED)["index.html"])
    assert {"instructions", "roofline", "traffic", "layers"} <= page.ids
    assert page.ids.isdisjoint({"timeline", "causes", "split"})
    assert page.cells[:9] == ["conv <1>", "1000", "25.0 %", "50.0 %", "", "", "", "3.0", "1.50 x"]
    assert "<p>Predicted by a model.</p>" in text


def test_page_has_a_bar_for_each_instruction_of_each_launch() -> None:
    text = report_files(REPORT)["index.html"]
    assert text.count('<g class="bar ') == 10
    assert text.count("<summary>conv &lt;1&gt;: 5 instructions, 1000 cycles</summary>") == 1
    assert "Recorded from the RTL." in text


MEASURE = """<iframe id="f" src="index.html" style="width:390px;height:6000px;border:0"></iframe>
<script>f.onload = () => {
  const page = f.contentDocument, root = page.documentElement, bar = page.querySelector(".compute");
  const shown = () => f.contentWindow.getComputedStyle(bar.querySelector("path")).display;
  const before = shown();
  bar.focus();
  const svg = page.querySelectorAll("figure svg"), text = page.querySelector("#timeline text");
  document.title = [root.scrollWidth, svg.length, text.getBoundingClientRect().height > 2,
                    page.querySelectorAll("#layers tbody tr").length,
                    before, shown()].join(" ");
}</script>"""


@pytest.mark.browser
@pytest.mark.parametrize(("width", "height"), [(390, 3000), (1200, 2600)])
def test_page_fits_the_width_of_a_phone(tmp_path: Path, width: int, height: int) -> None:
    for name, text in report_files(REPORT).items():
        (tmp_path / name).write_text(text)
    (tmp_path / "measure.html").write_text(MEASURE)

    def chromium(page: str, *options: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["chromium", "--headless", "--no-sandbox", "--disable-gpu",
             "--allow-file-access-from-files", "--enable-logging=stderr",
             f"--user-data-dir={tmp_path / 'profile'}", *options, (tmp_path / page).as_uri()],
            capture_output=True, text=True, timeout=100, check=True,
        )

    from matplotlib import image

    shot = tmp_path / "shot.png"
    seen = chromium("index.html", f"--screenshot={shot}", f"--window-size={width},{height}")
    assert ":CONSOLE" not in seen.stderr
    pixels = image.imread(shot)
    assert pixels.shape[:2] == (height, width)
    green = np.abs(pixels[..., :3] - np.array([0x2A, 0x7F, 0x62]) / 255).max(-1) < 0.02
    assert green.sum() > 500, "the plots are drawn"
    measured = chromium("measure.html", "--dump-dom", "--virtual-time-budget=5000")
    assert ":CONSOLE" not in measured.stderr
    assert "<title>390 4 true 2 none inline</title>" in measured.stdout, "no wider than a phone"
