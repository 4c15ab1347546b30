"""Schedules: whatever the shape and configuration, tiles fit twice."""

from __future__ import annotations

import pytest
from hypothesis import given, settings, strategies as st

from myvta.compiler.conv_tiles import Extent, Part, extent, parts_of, phases
from myvta.compiler.schedule import ConvShape, choose_tiling, cuts, parameter_tiles
from myvta.compiler.slots import SlotPool
from myvta.isa.config import NAMED
from myvta.isa.opcodes import MemoryType


def shapes() -> st.SearchStrategy[ConvShape]:
    """Return convolutions of every size up to 60 pixels and 40 blocks."""
    pair = st.tuples(st.integers(1, 60), st.integers(1, 60))
    return st.builds(
        ConvShape, groups=st.integers(1, 3), ci=st.integers(1, 40), co=st.integers(1, 40),
        size=pair, out=pair, kernel=st.tuples(st.integers(1, 7), st.integers(1, 7)),
        strides=st.tuples(st.integers(1, 3), st.integers(1, 3)),
        dilations=st.tuples(st.integers(1, 2), st.integers(1, 2)),
    )


@settings(max_examples=60, deadline=None)
@given(shapes(), st.sampled_from(sorted(NAMED)))
def test_every_tile_fits_twice(shape: ConvShape, name: str) -> None:
    config = NAMED[name]
    t = choose_tiling(shape, config)
    kept = parameter_tiles(config) * (shape.co if t.all_parameters else t.co)
    assert kept + 2 * t.co * t.oh * t.ow <= config.depth(MemoryType.ACC)
    assert 2 * t.co * t.ci * t.kh * t.kw <= config.depth(MemoryType.WGT)
    area = shape.reach(0, t.oh, t.kh) * shape.reach(1, t.ow, t.kw)
    assert 2 * t.ci * area <= config.depth(MemoryType.INP)
    for size, whole in ((t.co, shape.co), (t.ci, shape.ci), (t.oh, shape.out[0]),
                        (t.ow, shape.out[1]), (t.kh, shape.kernel[0]), (t.kw, shape.kernel[1])):
        assert 1 <= size <= whole


def test_cuts() -> None:
    assert cuts(1) == [1]
    assert cuts(7) == [7, 4, 3, 2, 1]
    assert cuts(7, 2) == [7, 4, 2, 1]


def test_a_small_layer_is_not_cut() -> None:
    shape = ConvShape(1, 4, 4, (14, 14), (14, 14), (3, 3), before=(1, 1))
    t = choose_tiling(shape, NAMED["default"])
    assert (t.ci, t.kh, t.kw, t.ow) == (4, 3, 3, 14)


@pytest.mark.parametrize(("start", "count", "wanted"), [
    (0, 2, (0, 3, 1, 4)), (0, 5, (0, 5, 1, 7)), (4, 1, (3, 2, 0, 3)), (2, 1, (1, 3, 0, 3)),
])
def test_extent(start: int, count: int, wanted: tuple[int, ...]) -> None:
    shape = ConvShape(1, 1, 1, (5, 5), (5, 5), (3, 3), before=(1, 1))
    found = extent(shape, 0, Part(start, count), Part(0, 3))
    assert found == Extent(*wanted, step=1)
    assert found.before + found.inside + found.after == found.total


def test_rows_that_a_stride_skips_stay_in_memory() -> None:
    shape = ConvShape(1, 1, 1, (7, 7), (4, 4), (1, 1), (2, 2), before=(1, 1))
    assert extent(shape, 0, Part(0, 4), Part(0, 1)) == Extent(1, 3, 1, 4, step=2)
    assert extent(shape, 1, Part(0, 4), Part(0, 1)) == Extent(0, 6, 1, 7, step=1)


def test_nothing_inside() -> None:
    shape = ConvShape(1, 1, 1, (3, 3), (7, 7), (5, 5), before=(4, 4))
    assert extent(shape, 0, Part(0, 1), Part(0, 1)) == Extent(0, 0, 0, 1, step=1)


@settings(max_examples=300, deadline=None)
@given(st.data(), st.booleans(), st.integers(0, 1))
def test_phases_are_every_product_that_counts_once(
    data: st.DataObject, spread: bool, axis: int
) -> None:
    """Where an output meets a tap, their input lies in the extent; nothing else is visited."""
    def draw(low: int, high: int) -> int:
        return data.draw(st.integers(low, high))

    up, stride = (draw(2, 5), 1) if spread else (1, draw(1, 4))
    dilation, before, size = draw(1, 4), draw(-3, 8), 30
    shape = ConvShape(1, 1, 1, (size, size), (20, 20), (9, 9), (stride, stride),
                      (dilation, dilation), (before, before), (up, up))
    outputs, taps = Part(draw(0, 8), draw(1, 9)), Part(draw(0, 4), draw(1, 5))
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


def test_parts_of() -> None:
    assert parts_of(7, 3) == [Part(0, 3), Part(3, 3), Part(6, 1)]


def test_slots_take_turns_and_remember() -> None:
    pool = SlotPool(8, 4)
    first, before = pool.take("a")
    assert (first.base, before) == (8, None)
    first.used = 5
    second, _ = pool.take("b")
    second.used = 6
    assert second.base == 12
    assert pool.find("a") is first
    third, before = pool.take("c")  # "b" was idle longer
    assert (third, before) == (second, 6)
    assert pool.find("b") is None
