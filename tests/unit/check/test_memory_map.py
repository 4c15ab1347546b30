"""Rows and intervals of memory, worked by hand and against the bytes themselves."""

import pytest
from hypothesis import given, settings, strategies as st

from myvta.isa.check.memory_map import Intervals, Rows


def touched(rows):
    return {
        rows.start + n * rows.pitch + byte for n in range(rows.count) for byte in range(rows.size)
    }


def test_end_of_rows_is_that_of_the_last_row():
    assert Rows(10, 3, 8, 4).end == 10 + 3 * 8 + 3
    assert Rows(10, 3, 0, 1).end == 13


def test_rows_are_solid_when_no_byte_is_left_out():
    assert Rows(0, 8, 8, 3).solid and Rows(0, 8, 4, 3).solid and Rows(0, 8, 99, 1).solid
    assert not Rows(0, 8, 9, 2).solid


@pytest.mark.slow
@settings(max_examples=300, derandomize=True)
@given(*[
    st.builds(Rows, st.integers(0, 20), st.integers(1, 6), st.integers(0, 9), st.integers(1, 5))
    for _ in range(2)
])
def test_overlap_is_addressed_by_both(one, other):
    both = touched(one) & touched(other)
    piece = one.overlap(other)
    assert (piece is not None) == bool(both)
    if piece:
        assert piece[0] < piece[1] and set(range(*piece)) <= both


def test_first_row_outside_a_range_is_found():
    rows = Rows(0x100, 16, 0x100, 4)
    assert rows.row_outside(0x100, 0x300) == 0x300
    assert rows.row_outside(0x101, 0x1000) == 0x100
    assert rows.row_outside(0x100, 0x40F) == 0x400


def test_adjacent_and_overlapping_intervals_are_merged():
    parts = Intervals([(20, 30), (0, 10), (10, 15), (25, 40), (50, 50)])
    assert list(zip(parts.starts, parts.ends, strict=True)) == [(0, 15), (20, 40)]


@pytest.mark.parametrize(
    ("start", "end", "holds", "meets"),
    [(0, 15, True, True), (14, 16, False, True), (15, 20, False, False), (19, 21, False, True),
     (39, 40, True, True), (40, 41, False, False)],
)
def test_intervals_hold_and_meet_ranges(start, end, holds, meets):
    parts = Intervals([(0, 15), (20, 40)])
    assert parts.holds(start, end) is holds
    assert parts.meets(start, end) is meets
