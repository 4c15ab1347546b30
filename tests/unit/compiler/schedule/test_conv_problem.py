"""Schedules: whatever the shape and configuration, candidates fit; the best ones are good."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice, product
from math import prod

import pytest
from hypothesis import given, settings, strategies as st

from myvta.compiler.schedule.conv_problem import (
    DATAFLOWS,
    ConvShape,
    EpilogueSpec,
    even_splits,
    parameter_tiles,
)
from myvta.compiler.schedule.conv_tiles import (
    Range,
    phases,
    ranges_of,
    split,
    tile_of,
)
from myvta.compiler.schedule.select_tiling import (
    candidates,
)
from myvta.compiler.schedule.tiling_space import (
    analytical_cost,
    buffers_of,
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
@settings(max_examples=60)
@given(shapes(), st.sampled_from(sorted(NAMED)), st.sampled_from([None, *DATAFLOWS]))
def test_every_candidate_fits(shape: ConvShape, name: str, dataflow: str | None) -> None:
    config = NAMED[name]
    for t, cost in candidates(shape, config, dataflow, count=20):
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
        epilogue = EpilogueSpec(
            (out[0], out[1]), kernel, strides, (before[0], before[1]), draw(st.booleans()),
            draw(st.integers(0, 9)), draw(st.integers(0, 2)), draw(st.integers(0, 1)))
        return replace(shape, epilogue=epilogue, residual=draw(st.booleans()))

    return draw_one()


@pytest.mark.slow
@settings(max_examples=15)
@given(followed(), st.sampled_from(sorted(NAMED)))
def test_every_candidate_with_windows_fits(shape: ConvShape, name: str) -> None:
    config, epilogue = NAMED[name], shape.epilogue
    assert epilogue is not None
    for t, buffers in islice(tilings(shape, config), 20):
        cost = analytical_cost(shape, t, buffers, config)
        rows, columns = shape.span(0, t.oh), shape.span(1, t.ow)
        assert rows == (t.oh - 1) * epilogue.strides[0] + epilogue.kernel[0]
        assert buffers.acc[1] == t.co * rows * columns
        blocks = (shape.co if t.all_parameters else t.co) + epilogue.tables + shape.residual
        through = t.oh * t.ow if epilogue.early else rows * columns
        scratch = epilogue.scratch_tiles * t.part * through
        assert buffers.kept >= parameter_tiles(config) * blocks + scratch
        assert buffers.kept + prod(buffers.acc) <= config.depth(MemoryType.ACC)
        if shape.residual:
            assert buffers.other == (2, t.part * rows * columns)
        assert prod(buffers.inp) + prod(buffers.other) <= config.depth(MemoryType.INP)
        assert t.oh <= epilogue.out[0]
        assert t.ow <= epilogue.out[1]
        assert cost.moved >= shape.groups * shape.co * prod(epilogue.out)


@pytest.mark.slow
@settings(max_examples=60)
@given(followed(), st.integers(1, 9), st.integers(1, 9), st.data())
def test_every_output_of_a_tile_has_one_place(
    shape: ConvShape, tall: int, wide: int, data: st.DataObject
) -> None:
    """Each has a place of its own, those of a tap are neighbours, and none is forgotten."""
    epilogue = shape.epilogue
    assert epilogue is not None
    parts = ranges_of(epilogue.out[0], tall), ranges_of(epilogue.out[1], wide)
    rows, columns = (data.draw(st.sampled_from(choices)) for choices in parts)
    tile = tile_of(shape, 0, Range(0, 1), rows, columns)
    layout, (sy, sx) = tile.layout, epilogue.strides
    every = product(range(layout.rows), range(layout.columns))
    assert sorted(layout.at(*place) for place in every) == list(range(layout.size))
    for y, x in product(*map(range, epilogue.kernel)):
        assert [
            layout.at(y + i * sy, x + j * sx)
            for i in range(rows.count) for j in range(columns.count)
        ] == [
            layout.at(y, x) + i * layout.width(x) + j
            for i in range(rows.count) for j in range(columns.count)
        ]
    for inside, stored, axis in ((tile.oh, rows, 0), (tile.ow, columns, 1)):
        met = {
            output * epilogue.strides[axis] - epilogue.before[axis] + tap
            for output in range(stored.start, stored.start + stored.count)
            for tap in range(epilogue.kernel[axis])}
        there = {index for index in met if 0 <= index < shape.out[axis]}
        assert there <= set(range(inside.start, inside.start + inside.count))
        assert layout.first[axis] - inside.start == (
            epilogue.before[axis] - stored.start * epilogue.strides[axis])
        phase = phases(shape, axis, inside, Range(0, 1))
        found = sorted(
            part.first + index * part.step for part in split(phase, epilogue.strides[axis])
            for index in range(part.count))
        assert found == list(range(inside.count))
        assert all(
            part.step % epilogue.strides[axis] == 0
            for part in split(phase, epilogue.strides[axis]))


def test_even_splits_cover_the_size() -> None:
    assert even_splits(1) == [1]
    assert even_splits(7) == [7, 4, 3, 2, 1]
    assert even_splits(7, 2) == [7, 4, 2, 1]
