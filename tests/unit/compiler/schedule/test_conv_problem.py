"""Schedules: whatever the shape and configuration, candidates fit; the best ones are good."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice, product
from math import prod
from pathlib import Path

import pytest
from compiler_networks import NetworkBuilder, compiled
from hypothesis import given, settings, strategies as st

from myvta.compiler.codegen.scratchpad_lru import SlotPool
from myvta.compiler.schedule.conv_problem import (
    ORDERS,
    After,
    ConvShape,
    ConvTiling,
    cuts,
    parameter_tiles,
)
from myvta.compiler.schedule.conv_tiles import (
    Extent,
    Part,
    extent,
    parts_of,
    phases,
    split,
    tile_of,
)
from myvta.compiler.schedule.select_tiling import (
    ScheduleOptions,
    choose,
    hopeless,
    price,
    shortlist,
)
from myvta.compiler.schedule.tiling_space import (
    buffers_of,
    estimate,
    order_matters,
    tilings,
)
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


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(shapes(), st.sampled_from(sorted(NAMED)), st.sampled_from([None, *ORDERS]))
def test_every_candidate_fits(shape: ConvShape, name: str, order: str | None) -> None:
    config = NAMED[name]
    for t, cost in shortlist(shape, config, order, count=20):
        buffers = buffers_of(shape, t, config)
        assert buffers is not None
        kept = parameter_tiles(config) * (shape.co if t.all_parameters else t.co)
        tiles = -(-shape.co // t.co) * shape.groups * prod(
            -(-whole // part) for whole, part in zip(shape.out, (t.oh, t.ow), strict=True))
        assert buffers.kept == kept
        assert buffers.acc[1] == t.co * t.oh * t.ow
        assert kept + prod(buffers.acc) <= config.depth(MemoryType.ACC)
        assert buffers.acc[0] == 2 or t.part < t.co or tiles == 1
        assert buffers.wgt[1] == t.co * t.ci * t.kh * t.kw
        assert prod(buffers.wgt) <= config.depth(MemoryType.WGT)
        area = shape.reach(0, t.oh, t.kh) * shape.reach(1, t.ow, t.kw)
        assert buffers.inp[1] == t.ci * area
        assert prod(buffers.inp) <= config.depth(MemoryType.INP)
        for size, whole in (
            (t.co, shape.co), (t.part, t.co), (t.ci, shape.ci), (t.oh, shape.out[0]),
            (t.ow, shape.out[1]), (t.kh, shape.kernel[0]), (t.kw, shape.kernel[1]),
        ):
            assert 1 <= size <= whole
        assert cost.cycles >= shape.steps
        assert cost.moved >= shape.groups * shape.co * prod(shape.out)


def followed() -> st.SearchStrategy[ConvShape]:
    """Return convolutions with windows over their outputs."""
    few = st.tuples(st.integers(1, 5), st.integers(1, 5))

    @st.composite
    def draw_one(draw: st.DrawFn) -> ConvShape:
        shape, kernel, strides = draw(shapes()), draw(few), draw(few)
        before = tuple(draw(st.integers(0, size - 1)) for size in kernel)
        out = tuple(
            max(1, (whole + outside - size) // stride + 1) for whole, outside, size, stride in zip(
                shape.out, before, kernel, strides, strict=True))
        after = After(
            (out[0], out[1]), kernel, strides, (before[0], before[1]), draw(st.booleans()),
            draw(st.integers(0, 9)), draw(st.integers(0, 2)), draw(st.integers(0, 1)))
        return replace(shape, after=after, residual=draw(st.booleans()))

    return draw_one()


@settings(max_examples=15, deadline=None)
@given(followed(), st.sampled_from(sorted(NAMED)))
def test_every_candidate_with_windows_fits(shape: ConvShape, name: str) -> None:
    config, after = NAMED[name], shape.after
    assert after is not None
    for t, buffers in islice(tilings(shape, config), 20):
        cost = estimate(shape, t, buffers, config)
        rows, columns = shape.span(0, t.oh), shape.span(1, t.ow)
        assert rows == (t.oh - 1) * after.strides[0] + after.kernel[0]
        assert buffers.acc[1] == t.co * rows * columns
        blocks = (shape.co if t.all_parameters else t.co) + after.tables + shape.residual
        through = t.oh * t.ow if after.early else rows * columns
        assert buffers.kept >= parameter_tiles(config) * blocks + after.beside * t.part * through
        assert buffers.kept + prod(buffers.acc) <= config.depth(MemoryType.ACC)
        if shape.residual:
            assert buffers.other == (2, t.part * rows * columns)
        assert prod(buffers.inp) + prod(buffers.other) <= config.depth(MemoryType.INP)
        assert t.oh <= after.out[0]
        assert t.ow <= after.out[1]
        assert cost.moved >= shape.groups * shape.co * prod(after.out)


@settings(max_examples=60, deadline=None)
@given(followed(), st.integers(1, 9), st.integers(1, 9), st.data())
def test_where_outputs_lie(shape: ConvShape, tall: int, wide: int, data: st.DataObject) -> None:
    """Each has a place of its own, those of a tap are neighbours, and none is forgotten."""
    after = shape.after
    assert after is not None
    parts = parts_of(after.out[0], tall), parts_of(after.out[1], wide)
    rows, columns = (data.draw(st.sampled_from(choices)) for choices in parts)
    tile = tile_of(shape, 0, Part(0, 1), rows, columns)
    layout, (sy, sx) = tile.layout, after.strides
    every = product(range(layout.rows), range(layout.columns))
    assert sorted(layout.at(*place) for place in every) == list(range(layout.size))
    for y, x in product(*map(range, after.kernel)):
        assert [
            layout.at(y + i * sy, x + j * sx)
            for i in range(rows.count) for j in range(columns.count)
        ] == [
            layout.at(y, x) + i * layout.width(x) + j
            for i in range(rows.count) for j in range(columns.count)
        ]
    for inside, stored, axis in ((tile.oh, rows, 0), (tile.ow, columns, 1)):
        met = {
            output * after.strides[axis] - after.before[axis] + tap
            for output in range(stored.start, stored.start + stored.count)
            for tap in range(after.kernel[axis])}
        there = {index for index in met if 0 <= index < shape.out[axis]}
        assert there <= set(range(inside.start, inside.start + inside.count))
        assert layout.first[axis] - inside.start == (
            after.before[axis] - stored.start * after.strides[axis])
        phase = phases(shape, axis, inside, Part(0, 1))
        found = sorted(
            part.first + index * part.step for part in split(phase, after.strides[axis])
            for index in range(part.count))
        assert found == list(range(inside.count))
        assert all(
            part.step % after.strides[axis] == 0 for part in split(phase, after.strides[axis]))


@pytest.mark.parametrize("order", ORDERS)
def test_an_order_can_be_forced(order: str) -> None:
    shape = ConvShape(1, 8, 16, (28, 28), (28, 28), (3, 3), before=(1, 1))
    assert {t.order for t, _ in shortlist(shape, NAMED["default"], order)} == {order}


@pytest.mark.slow
@pytest.mark.parametrize(("size", "channels", "same"), [
    ((4, 4), 200, True), ((12, 12), 60, False),
])
def test_orders_that_are_one_stream_are_tried_once(
    tmp_path: Path, size: tuple[int, int], channels: int, same: bool
) -> None:
    """With one tile of pixels, or one of channels, nothing tells the orders apart."""
    shape = ConvShape(1, 2, -(-channels // 4), size, size, (3, 3), before=(1, 1))
    tried = [t for t, _ in shortlist(shape, NAMED["1x4x4"])]
    twins = {replace(t, order="") for t in tried if not order_matters(shape, t)}
    assert len(twins) == sum(not order_matters(shape, t) for t in tried)
    assert twins or not same
    made = []
    for order in ("weights", "inputs"):
        network = NetworkBuilder()
        output = network.conv(network.input((1, 8, *size)), channels)
        options = ScheduleOptions(order=order)
        made.append(compiled(network, tmp_path, "1x4x4", output, schedule=options).program)
    assert (made[0].segments == made[1].segments) == same


def test_what_formulas_call_hopeless_is_not_predicted() -> None:
    config, options = NAMED["1x4x4"], ScheduleOptions()
    shape = ConvShape(1, 4, 8, (28, 28), (28, 28), (3, 3), before=(1, 1))
    t, cost = shortlist(shape, config)[0]
    formula = price(cost.cycles, cost.moved, config)
    assert not hopeless(shape, config, options, formula)
    assert hopeless(shape, config, options, formula / 1.2)
    assert not hopeless(shape, config, ScheduleOptions(tuned={shape: t}), formula / 1.2)
    small = replace(shape, size=(7, 7), out=(7, 7))
    assert not hopeless(small, config, options, 1)


def test_the_prediction_decides() -> None:
    shape = ConvShape(1, 8, 8, (28, 28), (28, 28), (3, 3), before=(1, 1))
    config, asked = NAMED["default"], []

    def predict(tiling: ConvTiling) -> int:
        asked.append(tiling)
        return 10**9 - len(asked) * 10**8

    options = ScheduleOptions(order="outputs")
    assert choose(shape, config, options, predict) == asked[-1]
    assert len(asked) == len(set(asked)) > 1
    assert choose(shape, config, options, lambda tiling: 0) == asked[-1]  # remembered


@pytest.mark.parametrize("sizes", [
    (4, 4, 56, 1), (8, 8, 28, 1), (16, 16, 14, 1), (32, 32, 7, 1), (4, 8, 56, 2), (16, 32, 14, 2),
])
def test_resnet_layers_move_little(sizes: tuple[int, ...]) -> None:
    """Compulsory bytes and a quarter of the input at most: rows shared by tiles."""
    ci, co, size, stride = sizes
    shape = ConvShape(
        1, ci, co, (size, size), (size // stride,) * 2, (3, 3), (stride, stride), before=(1, 1))
    _, cost = shortlist(shape, NAMED["default"])[0]
    inp, wgt = 16 * ci * size**2, 256 * 9 * ci * co
    least = inp + wgt + 16 * co * (size // stride) ** 2
    assert cost.moved <= least + inp + 20_000
    assert cost.cycles <= 1.06 * shape.steps


def test_cuts() -> None:
    assert cuts(1) == [1]
    assert cuts(7) == [7, 4, 3, 2, 1]
    assert cuts(7, 2) == [7, 4, 2, 1]


def test_a_small_layer_is_not_cut() -> None:
    shape = ConvShape(1, 4, 4, (14, 14), (14, 14), (3, 3), before=(1, 1))
    t, _ = shortlist(shape, NAMED["default"])[0]
    assert (t.oh, t.kh, t.kw, t.ow) == (14, 3, 3, 14)


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


@pytest.mark.slow
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
    first = pool.take("a")
    assert first.base == 8
    second = pool.take("b")
    assert second.base == 12
    assert pool.find("a") is first
    assert pool.take("c") is second  # "b" was idle longer
    assert pool.find("b") is None
