"""The contact sheet: digits on a terminal, in a pipe, in an ASCII pipe and in the PNG."""

from __future__ import annotations

import io
import re
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from myvta.cli.demo_sheet import Card, draw_sheet, print_sheet

ONE = np.zeros((8, 8), np.uint8)
ONE[1:7, 4] = 16
ONE[0, 0] = 16
PLAIN = ["▀   ▄   ", "    █   ", "    █   ", "    ▀   ", "   1    "]


def cards(count: int) -> list[Card]:
    return [Card(ONE, 1, 1) for _ in range(count - 1)] + [Card(ONE, 1, 7)]


def shown(
    deck: list[Card], encoding: str = "utf-8", *, width: int = 80, **options: Any
) -> str:
    file = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    console = Console(file=file, width=width, **options)
    print_sheet(console, deck)
    file.flush()
    return file.buffer.getvalue().decode(encoding)


def test_pipe_gets_plain_half_blocks():
    lines = shown([Card(ONE, 1, 1)], color_system=None).splitlines()
    assert lines[:5] == PLAIN


def test_no_color_terminal_gets_plain_half_blocks():
    text = shown([Card(ONE, 1, 1)], force_terminal=True, color_system="truecolor", no_color=True)
    assert text.splitlines()[:5] == PLAIN


def test_ascii_pipe_gets_ascii():
    lines = shown([Card(ONE, 1, 1)], "ascii", color_system=None).splitlines()
    assert lines[:5] == ['"   _   ', "    #   ", "    #   ", '    "   ', "   1    "]


@pytest.mark.parametrize("width", [80, 40, 12])
@pytest.mark.parametrize("terminal", [False, True])
def test_lines_fit_the_width(width, terminal):
    options = {"force_terminal": True, "color_system": "truecolor"} if terminal else {}
    text = re.sub(r"\x1b\[[0-9;]*m", "", shown(cards(30), width=width, **options))
    assert max(map(len, text.splitlines())) <= width
    assert len(text.splitlines()) == 2 * 6


def test_wrong_digits_come_first_and_are_marked():
    captions = shown(cards(30), color_system=None).splitlines()[4]
    assert captions[:8] == "7 not 1 "
    assert captions.count("not") == 1


def test_terminal_gets_grey_levels():
    image = (np.arange(64) % 17).astype(np.uint8).reshape(8, 8)
    text = shown([Card(image, 3, 3)], force_terminal=True, color_system="truecolor")
    found = re.findall(r"38;2;(\d+);\1;\1;48;2;(\d+);\2;\2m▀", text)
    greys = np.array(found, int).reshape(4, 8, 2).transpose(0, 2, 1).reshape(8, 8)
    assert np.array_equal(greys, 24 + image.astype(int) * 231 // 16)


def png(deck: list[Card]) -> np.ndarray:
    matplotlib_image = pytest.importorskip("matplotlib.image")
    data = draw_sheet(deck, "title", [("1", "figure")])
    assert data == draw_sheet(deck, "title", [("1", "figure")])
    return matplotlib_image.imread(io.BytesIO(data))[..., :3]


def test_png_marks_wrong_digits():
    right, wrong = png([Card(ONE, 1, 1)]), png([Card(ONE, 1, 7)])
    pink = np.array([0xFF, 0xB3, 0xAB]) / 255
    assert not (np.abs(right - pink).max(2) < 0.01).any()
    # a digit pixel is 6 x 6 in the picture; 7 of the 64 are ink
    assert (np.abs(wrong - pink).max(2) < 0.01).sum() == (64 - 7) * 36


def test_png_has_a_row_for_each_label():
    one, two = png([Card(ONE, 1, 1)]), png([Card(ONE, 1, 1), Card(ONE, 2, 2)])
    assert one.shape[1] == two.shape[1]
    assert two.shape[0] - one.shape[0] == 13 * 6
