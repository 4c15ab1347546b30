"""The inputs of a range of outputs: extents, and products that phases visit once."""

from __future__ import annotations

import pytest
from hypothesis import given, settings, strategies as st

from myvta.compiler.schedule.conv_problem import (
    ConvShape,
)
from myvta.compiler.schedule.conv_tiles import (
    Extent,
    Range,
    extent,
    phases,
    ranges_of,
)


@pytest.mark.parametrize(("start", "count", "wanted"), [
    (0, 2, (0, 3, 1, 4)), (0, 5, (0, 5, 1, 7)), (4, 1, (3, 2, 0, 3)), (2, 1, (1, 3, 0, 3)),
])
def test_extent_counts_inputs_and_padding(
    start: int, count: int, wanted: tuple[int, int, int, int]
) -> None:
    shape = ConvShape(1, 1, 1, (5, 5), (5, 5), (3, 3), before=(1, 1))
    found = extent(shape, 0, Range(start, count), Range(0, 3))
    assert found == Extent(*wanted, step=1)
    assert found.before + found.inside + found.after == found.total


def test_rows_skipped_by_a_stride_are_not_loaded() -> None:
    shape = ConvShape(1, 1, 1, (7, 7), (4, 4), (1, 1), (2, 2), before=(1, 1))
    assert extent(shape, 0, Range(0, 4), Range(0, 1)) == Extent(1, 3, 1, 4, step=2)
    assert extent(shape, 1, Range(0, 4), Range(0, 1)) == Extent(0, 6, 1, 7, step=1)


def test_tap_in_the_padding_has_no_inputs() -> None:
    shape = ConvShape(1, 1, 1, (3, 3), (7, 7), (5, 5), before=(4, 4))
    assert extent(shape, 0, Range(0, 1), Range(0, 1)) == Extent(0, 0, 0, 1, step=1)


@pytest.mark.slow
@settings(max_examples=300)
@given(st.data(), st.booleans(), st.integers(0, 1))
def test_phases_cover_every_nonzero_product_once(
    data: st.DataObject, spread: bool, axis: int
) -> None:
    """The extent holds the inputs of all pairs of output and tap, and no others."""
    def draw(low: int, high: int) -> int:
        return data.draw(st.integers(low, high))

    up, stride = (draw(2, 5), 1) if spread else (1, draw(1, 4))
    dilation, before, size = draw(1, 4), draw(-3, 8), 30
    shape = ConvShape(1, 1, 1, (size, size), (20, 20), (9, 9), (stride, stride),
                      (dilation, dilation), (before, before), (up, up))
    outputs, taps = Range(draw(0, 8), draw(1, 9)), Range(draw(0, 4), draw(1, 5))
    found = extent(shape, axis, outputs, taps)
    visited = {}
    for phase in phases(shape, axis, outputs, taps):
        for i in range(phase.count):
            for j in range(phase.taps):
                pair = (phase.first + i * phase.step, phase.tap + j * phase.tap_step)
                assert pair not in visited
                visited[pair] = phase.source + i * phase.move + j * phase.tap_move
    wanted = {}
    for o in range(outputs.count):
        for k in range(taps.count):
            place = ((outputs.start + o) * stride + (taps.start + k) * dilation - before)
            if place % up == 0:
                wanted[o, k] = place // up
    assert visited.keys() == wanted.keys()
    for pair, place in wanted.items():
        at = visited[pair]
        assert 0 <= at < found.total
        held = found.first + (at - found.before) * found.step
        if found.before <= at < found.before + found.inside:
            assert held == place
        else:
            assert not 0 <= place < size


def test_ranges_cover_the_size() -> None:
    assert ranges_of(7, 3) == [Range(0, 3), Range(3, 3), Range(6, 1)]
