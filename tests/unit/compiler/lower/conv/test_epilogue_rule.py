"""Windows of an epilogue: their strides, their limits, and whether they are all inside."""

from __future__ import annotations

import pytest

from myvta.compiler.ir.attributes import SlidingWindow
from myvta.compiler.lower.conv.epilogue_rule import (
    WindowRule,
    reaches_outside,
    sliding_windows,
)
from myvta.compiler.schedule.conv_problem import EpilogueSpec
from myvta.isa.opcodes import AluOpcode


def test_a_single_window_along_an_axis_has_no_stride() -> None:
    window = SlidingWindow((3, 2), (2, 2), (1, 0, 0, 0))
    assert sliding_windows(window, (4, 5)) == EpilogueSpec((4, 5), (3, 2), (2, 2), (1, 0))
    assert sliding_windows(window, (1, 5)) == EpilogueSpec((1, 5), (3, 2), (1, 2), (1, 0))


@pytest.mark.parametrize(("window", "possible"), [
    (SlidingWindow((9, 9), (1, 1), (0, 0, 0, 0)), True),
    (SlidingWindow((2, 41), (1, 1), (0, 0, 0, 0)), False),
    (SlidingWindow((2, 2), (1, 1), (0, 0, 0, 0), (1, 2)), False),
])
def test_many_taps_and_windows_with_holes_stay_apart(
    window: SlidingWindow, possible: bool
) -> None:
    assert (sliding_windows(window, (2, 2)) is not None) is possible


@pytest.mark.parametrize(("before", "stored", "outside"), [
    ((0, 0), (3, 2), False), ((0, 1), (3, 2), True), ((0, 0), (4, 2), True),
])
def test_windows_reach_outside_at_either_end(
    before: tuple[int, int], stored: tuple[int, int], outside: bool
) -> None:
    assert reaches_outside(EpilogueSpec(stored, (2, 2), (2, 2), before), (6, 4)) is outside


def test_only_a_maximum_commutes_with_the_requantization() -> None:
    assert WindowRule(AluOpcode.MAX, lambda node, stored, out: None).commutes
    assert not WindowRule(AluOpcode.ADD, lambda node, stored, out: None).commutes
