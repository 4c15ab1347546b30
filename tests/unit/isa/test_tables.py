"""The committed reference pages equal the generated ones."""

from pathlib import Path

import pytest

from myvta.isa.tables import PAGES

DOCS = Path(__file__).parents[3] / "docs"


@pytest.mark.parametrize("name", PAGES)
def test_page_is_up_to_date(name):
    committed = (DOCS / name).read_text(encoding="utf-8")
    assert committed == PAGES[name](), "run `python -m myvta.isa.tables docs`"
