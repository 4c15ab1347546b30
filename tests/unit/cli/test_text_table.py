"""Tables: numbers and names on one line each, at any width."""

import io

import pytest
from rich.console import Console
from rich.text import Text

from myvta.cli.text_table import Column, Kind, elide, open_console, print_table

LONG = "backbone/stage1/block0/conv_down/Conv"
COLUMNS = (
    Column("node", Kind.NAME), Column("on", Kind.WORD), Column("why", Kind.TEXT), Column("steps"),
)
ROWS = (
    (LONG, "device", "one two three four five six seven eight nine ten", "123456"),
    ("x", "host", "unsupported", "7"),
)


def printed(width, *args, **options):
    """Return the lines of a table on a console of so many columns."""
    out = io.StringIO()
    print_table(Console(file=out, width=width), *args, **options)
    return out.getvalue().splitlines()


def test_elided_text_keeps_both_ends_within_the_width():
    assert elide(LONG, 15) == "backbo...n/Conv"
    assert [len(elide(LONG, width)) for width in range(5, 38)] == list(range(5, 38))
    assert elide(LONG, len(LONG)) == LONG
    assert elide("short", 12) == "short"


def test_wide_console_shows_each_row_on_one_line():
    assert printed(200, COLUMNS, ROWS) == [
        "node                                   on      "
        "why                                                steps",
        f"{LONG}  device  one two three four five six seven eight nine ten  123456",
        "x                                      host    "
        "unsupported                                            7",
    ]


@pytest.mark.parametrize("width", [58, 60, 80])
def test_no_line_is_wider_than_the_console(width):
    lines = printed(width, COLUMNS, ROWS)
    assert max(map(len, lines)) <= width
    assert lines[1].split()[0].startswith("backbo")
    assert lines[1].endswith("  123456")


def test_names_are_elided_and_texts_wrap_between_words():
    assert printed(52, COLUMNS, ROWS) == [
        "node          on      why                        steps",
        "backb...Conv  device  one two three four five   123456",
        "                      six seven eight nine ten",
        "x             host    unsupported                    7",
    ]


def test_a_long_word_in_a_text_is_not_cut():
    rows = [("a", "host", f"see {LONG} of it", "1")]
    assert LONG in " ".join(printed(40, COLUMNS, rows))


def test_lines_of_a_cell_stay_separate_and_keep_their_style():
    rows = [("a", "b", Text.assemble(("race", "red"), ": x\nload inp"), "1")]
    lines = printed(80, COLUMNS, rows)
    assert lines[1:] == ["a     b   race: x       1", "          load inp"]


def test_table_is_split_only_on_narrow_consoles():
    rows = [("a", "device", "because", "123456"), ("b", "host", "", "")]
    whole = printed(80, COLUMNS, rows, split=3)
    assert len(whole) == 3
    assert printed(24, COLUMNS, rows, split=3) == [
        "node  on      why", "a     device  because", "b     host",
        "",
        "node   steps", "a     123456",
    ]


def test_a_table_without_rows_is_its_headings():
    assert printed(80, COLUMNS, []) == ["node  on  why  steps"]


def test_a_pipe_is_as_wide_as_its_contents(monkeypatch, capsys):
    monkeypatch.delenv("COLUMNS", raising=False)
    print_table(open_console(), COLUMNS, [(LONG * 9, "device", "w " * 99, "1")])
    assert LONG * 9 in capsys.readouterr().out


def test_columns_variable_limits_a_pipe(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "80")
    print_table(open_console(), COLUMNS, ROWS)
    assert max(map(len, capsys.readouterr().out.splitlines())) <= 80
