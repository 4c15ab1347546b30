"""docs/operators.md holds the table of the registry."""

from __future__ import annotations

from pathlib import Path

import pytest

from myvta.compiler.operators.operator_docs import BEGIN, END, main, operator_table, with_table
from myvta.compiler.operators.registry import OPERATORS

PAGE = Path(__file__).parents[4] / "docs/operators.md"


def test_page_holds_the_table_of_the_registry() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert with_table(page) == page, f"run the command in {BEGIN}"


def test_table_has_a_row_of_four_columns_for_each_operator() -> None:
    head, rule, *rows = operator_table().splitlines()
    assert (head.count("|"), rule.count("|")) == (5, 5)
    assert [row.split("|")[1].strip() for row in rows] == list(OPERATORS)
    assert {row.count("|") for row in rows} == {5}


def test_main_replaces_the_table(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    main([str(page)])
    assert page.read_text() == f"before\n{BEGIN}\n\n{operator_table()}\n\n{END}\nafter\n"


def test_page_without_markers_is_refused() -> None:
    with pytest.raises(ValueError, match="^the page must hold "):
        with_table("no table")
