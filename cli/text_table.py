"""Tables on a terminal and in a pipe: one line per row, names shortened in the middle, not wrapped.

On a terminal a table fits its width; other output is as wide as its contents, unless ``COLUMNS`` is
set, so that names stay complete and searchable.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum

from rich.console import Console
from rich.text import Text

__all__ = ["Column", "Kind", "elide", "open_console", "print_table"]

Cell = str | Text

_GAP = 2
_ELLIPSIS = "..."
_UNLIMITED = 10_000
_COLUMNS_VARIABLE = "COLUMNS"


class Kind(Enum):
    """How a column may be narrowed."""

    NUMBER = "aligned to the right, never shortened"
    WORD = "aligned to the left, never shortened"
    NAME = "one line, shortened in the middle on narrow consoles"
    TEXT = "wrapped between words on narrow consoles"


_MINIMUM = {Kind.NAME: 12, Kind.TEXT: 24}
"""Characters below which a column is not narrowed."""


@dataclass(frozen=True)
class Column:
    """A heading, and the kind of the cells below it."""

    title: str
    kind: Kind = Kind.NUMBER


def open_console() -> Console:
    """Return the console of standard output, unlimited in width unless it is a terminal."""
    console = Console(highlight=False)
    if not console.is_terminal and _COLUMNS_VARIABLE not in os.environ:
        console.width = _UNLIMITED
    return console


def elide(text: str, width: int) -> str:
    """Return a text of at most ``width`` characters (5 or more) that keeps both its ends."""
    if len(text) <= width:
        return text
    kept = width - len(_ELLIPSIS)
    tail = kept // 2
    return text[: kept - tail] + _ELLIPSIS + text[len(text) - tail :]


def print_table(
    console: Console, columns: Sequence[Column], rows: Sequence[Sequence[Cell]], *,
    split: int | None = None,
) -> None:
    """Print rows below the columns' headings.

    Parameters
    ----------
    console : Console
    columns : sequence of Column
    rows : sequence of sequences of str or Text
        A cell for each column; a newline in a cell begins another line of its row.
    split : int, optional
        Column at which the table is divided in two if the console is too narrow; the second table
        repeats the first column, for rows with other cells that are not empty.
    """
    texts = [[_text(cell) for cell in row] for row in rows]
    parts = [list(range(len(columns)))]
    if split is not None and _minimum_width(columns, texts) > console.width:
        parts = [parts[0][:split], [0, *parts[0][split:]]]
    for number, part in enumerate(parts):
        if number:
            console.print()
        chosen = [columns[index] for index in part]
        shown = [[row[index] for index in part] for row in texts]
        if number:
            shown = [row for row in shown if any(map(len, row[1:]))]
        for line in _lines(console.width, chosen, shown):
            console.print(line, soft_wrap=True)


def _text(cell: Cell) -> Text:
    return Text(cell) if isinstance(cell, str) else cell


def _natural(columns: Sequence[Column], rows: Sequence[Sequence[Text]]) -> list[int]:
    """Return the width of each column's longest line."""
    cells = [[Text(column.title) for column in columns], *rows]
    return [
        max(len(line) for row in cells for line in row[index].plain.split("\n"))
        for index in range(len(columns))
    ]


def _minimum_width(columns: Sequence[Column], rows: Sequence[Sequence[Text]]) -> int:
    """Return the width below which no column can be narrowed further."""
    narrow = [
        min(width, _MINIMUM.get(column.kind, width))
        for column, width in zip(columns, _natural(columns, rows), strict=True)
    ]
    return sum(narrow) + _GAP * (len(columns) - 1)


def _widths(
    columns: Sequence[Column], rows: Sequence[Sequence[Text]], room: int
) -> list[int]:
    """Return column widths that fit ``room`` if they can: the widest are narrowed first."""
    widths = _natural(columns, rows)
    excess = sum(widths) + _GAP * (len(columns) - 1) - room
    while excess > 0:
        spare = [
            width - _MINIMUM[column.kind] if column.kind in _MINIMUM else 0
            for column, width in zip(columns, widths, strict=True)
        ]
        if max(spare) <= 0:
            break
        widest = max((width, index) for index, width in enumerate(widths) if spare[index] > 0)[1]
        widths[widest] -= 1
        excess -= 1
    return widths


def _lines(
    room: int, columns: Sequence[Column], rows: Sequence[Sequence[Text]]
) -> Iterator[Text]:
    widths = _widths(columns, rows, room)
    yield _line(columns, widths, [Text(column.title, "bold") for column in columns])
    for row in rows:
        cells = [
            _cell_lines(column, width, cell)
            for column, width, cell in zip(columns, widths, row, strict=True)
        ]
        for number in range(max(map(len, cells))):
            yield _line(columns, widths, [
                lines[number] if number < len(lines) else Text() for lines in cells
            ])


def _cell_lines(column: Column, width: int, cell: Text) -> list[Text]:
    if column.kind is Kind.NAME and len(cell) > width:
        return [Text(elide(cell.plain, width), cell.style)]
    lines = list(cell.split("\n"))
    if column.kind is Kind.TEXT:
        return [part for line in lines for part in _wrapped(line, width)]
    return lines


def _wrapped(line: Text, width: int) -> list[Text]:
    """Break a line between words; a word longer than the column stays whole."""
    breaks, start = [], 0
    for word in re.finditer(r"\S+", line.plain):
        if word.end() - start > width and word.start() > start:
            breaks.append(start := word.start())
    parts = list(line.divide(breaks))
    for part in parts:
        part.rstrip()
    return parts


def _line(columns: Sequence[Column], widths: Sequence[int], cells: Sequence[Text]) -> Text:
    line = Text()
    for number, (column, width, cell) in enumerate(zip(columns, widths, cells, strict=True)):
        padding = " " * max(0, width - len(cell))
        if column.kind is Kind.NUMBER:
            line.append(padding).append_text(cell)
        else:
            line.append_text(cell)
            if number + 1 < len(columns):
                line.append(padding)
        if number + 1 < len(columns):
            line.append(" " * _GAP)
    line.rstrip()
    return line
