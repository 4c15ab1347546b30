"""The contact sheet: each digit with the accelerator's prediction, as PNG and as text."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from rich.console import Console, Group
from rich.style import Style
from rich.text import Text

__all__ = ["Card", "draw_sheet", "print_sheet"]

_INK = np.array([0x14, 0x21, 0x3D]) / 255
_PAPER = np.array([0xF1, 0xF4, 0xF9]) / 255
_WRONG = np.array([0xFF, 0xB3, 0xAB]) / 255
_INK_TEXT, _RIGHT_TEXT, _WRONG_TEXT, _FAINT_TEXT = "#14213d", "#0f766e", "#b91c1c", "#64748b"
_CELL = (13, 10)  # rows and columns of a cell in digit pixels: the digit, its caption, a gap
_ZOOM = 6  # picture pixels per digit pixel
_DPI = 150


@dataclass(frozen=True, eq=False)
class Card:
    """One digit: ``image`` uint8 [8, 8] in 0..16, its label, the prediction, where it ran."""

    image: np.ndarray
    label: int
    prediction: int
    on_rtl: bool = True

    @property
    def right(self) -> bool:
        """Whether the prediction is the label."""
        return self.prediction == self.label


# -- terminal --------------------------------------------------------------------------------------
def print_sheet(console: Console, cards: Sequence[Card], rows: int = 2) -> None:
    """Print some cards, wrong ones first, in as many columns as fit the console.

    Each character holds two pixels, one above the other: grey half blocks where the console has
    colours, plain ones elsewhere (a file, a pipe), and ASCII if the encoding has no others.
    """
    per_row = max(1, (console.width + 2) // 10)
    shown = sorted(cards, key=lambda card: card.right)[: per_row * rows]
    plain = console.color_system is None or console.no_color
    blocks = _blocks(console.encoding)
    for start in range(0, len(shown), per_row):
        row = shown[start : start + per_row]
        pictures = [_plain(card, blocks) if plain else _coloured(card) for card in row]
        lines = [Text("  ").join(parts) for parts in zip(*pictures, strict=True)]
        lines.append(Text("  ").join(_caption(card) for card in row))
        console.print(Group(*lines, Text()), no_wrap=True, crop=True)


def _blocks(encoding: str) -> str:
    """Return the characters for: neither pixel, the upper, the lower, both."""
    try:
        " ▀▄█".encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return " \"_#"
    return " ▀▄█"


def _plain(card: Card, blocks: str) -> list[Text]:
    dark = card.image >= 8
    return [Text("".join(blocks[int(above) + 2 * int(below)]
                         for above, below in zip(*pair, strict=True)))
            for pair in zip(dark[0::2], dark[1::2], strict=True)]


def _coloured(card: Card) -> list[Text]:
    lines = []
    for upper, lower in zip(card.image[0::2], card.image[1::2], strict=True):
        line = Text()
        for above, below in zip(upper, lower, strict=True):
            line.append("▀", Style(color=_grey(above), bgcolor=_grey(below)))
        lines.append(line)
    return lines


def _grey(level: int) -> str:
    value = 24 + int(level) * 231 // 16
    return f"rgb({value},{value},{value})"


def _caption(card: Card) -> Text:
    if card.right:
        return Text(f"{card.prediction:^8}", style="green")
    return Text(f"{card.prediction} not {card.label}".center(8), style="bold red")


# -- PNG -------------------------------------------------------------------------------------------
def draw_sheet(cards: Sequence[Card], title: str, figures: Sequence[tuple[str, str]]) -> bytes:
    """Return the PNG of all cards, a row for each label, under a title and a few large figures.

    Parameters
    ----------
    cards : sequence of Card
    title : str
        One line.
    figures : sequence of (str, str)
        Value and meaning, drawn side by side.

    Raises
    ------
    ImportError
        matplotlib is not installed.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    rows = [[card for card in cards if card.label == label]
            for label in sorted({card.label for card in cards})]
    columns = max(24, *map(len, rows))
    # every length below is in pixels of the picture
    body_width, body_height = columns * _CELL[1] * _ZOOM, len(rows) * _CELL[0] * _ZOOM
    left, right, head, foot = 84, 40, 240, 66
    width, height = left + body_width + right, head + body_height + foot
    figure = Figure(figsize=(width / _DPI, height / _DPI), dpi=_DPI, facecolor="white")
    FigureCanvasAgg(figure)

    def write(x: float, y: float, text: str, **style: Any) -> None:
        figure.text(x / width, 1 - y / height, text, va="center", **style)

    write(left, 58, title, size=18, weight="bold", color=_INK_TEXT)
    for index, (value, meaning) in enumerate(figures):
        x = left + index * body_width / len(figures)
        write(x, 132, value, size=21, weight="bold", color=_RIGHT_TEXT)
        write(x, 182, meaning, size=9.5, color=_FAINT_TEXT)
    write(left, height - foot / 2, _legend(cards), size=9.5, color=_FAINT_TEXT)

    mosaic = np.ones((len(rows) * _CELL[0], columns * _CELL[1], 3))
    for y, row in enumerate(rows):
        top = y * _CELL[0]
        write(left / 2, head + (top + 4) * _ZOOM, str(row[0].label), ha="center", size=13,
              weight="bold", color=_INK_TEXT)
        for x, card in enumerate(row):
            side = x * _CELL[1] + 1
            paper = _PAPER if card.right else _WRONG
            shade = paper + (_INK - paper) * (card.image / 16)[..., None]
            mosaic[top : top + 8, side : side + 8] = shade
            write(left + (side + 4) * _ZOOM, head + (top + 10) * _ZOOM, str(card.prediction),
                  ha="center", size=8, weight="normal" if card.right else "bold",
                  color=_text_colour(card))
    pixels = np.repeat(np.repeat(mosaic, _ZOOM, 0), _ZOOM, 1)
    figure.figimage(pixels, left, foot)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()


def _legend(cards: Sequence[Card]) -> str:
    parts = ["a row for each label, below each digit the accelerator's prediction"]
    if len({card.on_rtl for card in cards}) == 2:
        parts.append("green: RTL and model, grey: model alone")
    wrong = sum(not card.right for card in cards)
    parts.append(f"red: wrong ({wrong})" if wrong else "none is wrong")
    return "; ".join(parts)


def _text_colour(card: Card) -> str:
    if not card.right:
        return _WRONG_TEXT
    return _RIGHT_TEXT if card.on_rtl else _FAINT_TEXT
