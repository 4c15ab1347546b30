"""Lookup tables on chip: which slot holds which, and where each is loaded."""

from __future__ import annotations

import numpy as np
import pytest

from myvta.compiler.codegen.table_slots import TableBuilder, TableLoad, TableSlots
from myvta.isa.config import named


def table(number: int) -> np.ndarray:
    """Return a table of one value."""
    return np.full(256, number, np.int16)


def test_equal_tables_are_one() -> None:
    slots = TableSlots()
    assert slots.hold(table(1), 0, 1) == (0, TableLoad(0, 0, 0))
    assert slots.hold(table(1), 0, 2) == (0, None)
    assert len(slots.tables) == 1


def test_least_recently_used_table_is_replaced() -> None:
    slots = TableSlots()
    for number in range(4):
        slots.hold(table(number), 0, number)
    slots.hold(table(0), 0, 4)
    assert slots.hold(table(4), 5, 6) == (1, TableLoad(4, 1, 5))
    assert slots.hold(table(1), 7, 8) == (2, TableLoad(1, 2, 7))


def test_load_is_at_the_layers_start_unless_the_layer_uses_the_slot() -> None:
    slots = TableSlots()
    loads = [slots.hold(table(number), 10, 11 + number)[1] for number in range(5)]
    assert [load.step for load in loads if load] == [10, 10, 10, 10, 15]


def test_a_builder_without_slots_cannot_be_made() -> None:
    with pytest.raises(TypeError, match="abstract"):
        TableBuilder(named("1x4x4"))  # type: ignore[abstract]
