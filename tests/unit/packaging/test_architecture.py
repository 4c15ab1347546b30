"""ARCHITECTURE.md is drawn from the imports, and the paths it names exist."""

import re

import pytest
import room_drawing
import rooms


@pytest.mark.slow
def test_drawings_show_the_imports():
    text = room_drawing.PAGE.read_text(encoding="utf-8")
    assert set(re.findall(r"<!-- rooms: (\w+) -->", text)) == set(room_drawing.DRAWN)
    assert room_drawing.page(text) == text, "run `python tests/support/room_drawing.py --write`"


def test_implied_arrows_are_left_out():
    arrows = {("a", "b"), ("b", "c"), ("a", "c"), ("c", "d"), ("a", "d"), ("e", "d")}
    assert room_drawing.reduced(arrows) == {("a", "b"), ("b", "c"), ("c", "d"), ("e", "d")}


@pytest.mark.slow
def test_a_new_import_changes_the_drawing(monkeypatch):
    before = room_drawing.drawing("driver")
    arrows = {**rooms.arrows(), ("driver.serve", "driver.program"): 1}
    monkeypatch.setattr(rooms, "arrows", lambda: arrows)
    assert "driver_serve --> driver_program" in room_drawing.drawing("driver")
    assert room_drawing.drawing("driver") != before


@pytest.mark.parametrize("name", ["ARCHITECTURE.md", "CONTRIBUTING.md", "docs/glossary.md"])
def test_named_paths_exist(name):
    text = (rooms.ROOT / name).read_text(encoding="utf-8")
    paths = re.findall(r"`([\w.]+(?:/[\w.]+)*/?)`", text)
    folders = {path.name for path in rooms.ROOT.iterdir() if path.is_dir()}
    named = [path for path in paths if "/" in path and path.split("/")[0] in folders]
    assert named
    assert [path for path in named if not (rooms.ROOT / path).exists()] == [
        path for path in named if "NAME" in path]
