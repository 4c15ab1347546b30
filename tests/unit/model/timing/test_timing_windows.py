"""Cycles of DWC worked by hand: columns that a window shares with the one before are not read."""

from __future__ import annotations

import numpy as np
import pytest

from myvta.isa.config import named
from myvta.isa.instructions import Dwc
from myvta.model.timing.timing_windows import window_cycles

PAIRED = named("default")  # windows of 2 x 4
FOUR = named("1x32x32")  # 4 x 4


def cycles(config, rows, columns, *src, **fields) -> int:
    item = Dwc(uop_end=len(src), window=config.window_code(rows, columns), **fields)
    return window_cycles(item, np.array(src), config)


@pytest.mark.parametrize(("factor", "expected"), [
    (0, 3 + 9),  # the same window: a step still takes a cycle
    (1, 3 + 9), (2, 3 + 2 * 9), (3, 3 + 3 * 9),
    (4, 3 + 3 * 9),  # nothing is shared
])
def test_a_step_reads_the_columns_it_moves_by(factor, expected) -> None:
    assert cycles(PAIRED, 2, 3, 0, iter_in=10, src_factor_in=factor, row_pitch=5) == expected


def test_a_new_row_of_outputs_reads_all_columns() -> None:
    walk = {"iter_out": 64, "iter_in": 64, "src_factor_out": 66, "src_factor_in": 1}
    assert cycles(PAIRED, 2, 3, 0, row_pitch=67, **walk) == 64 * (3 + 63)


def test_a_smaller_index_reads_all_columns() -> None:
    assert cycles(PAIRED, 2, 4, 5, 4, 5, row_pitch=1) == 4 + 4 + 1
    assert cycles(PAIRED, 1, 2, 0, 1, iter_in=2, src_factor_in=0) == 2 + 1 + 2 + 1


@pytest.mark.parametrize(("rows", "pitch", "column"), [
    (1, 4, 1), (2, 4, 2), (3, 8, 3), (4, 0, 4), (2, 2, 1), (3, 2, 2), (4, 6, 2), (4, 3, 1),
])
def test_rows_in_one_bank_are_read_one_after_the_other(rows, pitch, column) -> None:
    walk = {"iter_in": 8, "src_factor_in": 1, "row_pitch": pitch}
    assert cycles(FOUR, rows, 3, 0, **walk) == (3 + 7) * column


def test_reset_reads_nothing() -> None:
    assert cycles(PAIRED, 2, 4, 0, iter_in=9, src_factor_in=7, reset=1) == 9
