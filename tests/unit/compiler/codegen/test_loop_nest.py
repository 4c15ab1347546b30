"""Loop nests as micro-op kernels: every index once, in no more micro-ops than needed."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given, strategies as st

from myvta.compiler.codegen.loop_nest import Loop, merge, nest, unroll
from myvta.driver.stream.stream import StreamBuilder
from myvta.isa.config import named
from myvta.isa.fields import MAX_ITERATIONS
from myvta.isa.instructions import Dwc

LOOPS = st.lists(
    st.builds(Loop, st.integers(1, 4), st.integers(0, 9), st.integers(0, 9), st.integers(0, 9)),
    max_size=5,
)


def expanded(loops: list[Loop], base: tuple[int, int, int]) -> list[tuple[int, ...]]:
    """Return every index triple of a nest, sorted, the slow way."""
    indices = []
    for counters in product(*(range(loop.count) for loop in loops)):
        indices.append(tuple(
            base[axis] + sum(
                c * (loop.dst, loop.src, loop.wgt)[axis]
                for c, loop in zip(counters, loops, strict=True)
            )
            for axis in range(3)
        ))
    return sorted(indices)


@pytest.mark.slow
@given(LOOPS)
def test_a_nest_visits_every_index_once(loops: list[Loop]) -> None:
    base = (3, 5, 7)
    found = nest(base, loops)
    visited = [
        tuple(int(u) for u in row + [o * s + i * t for s, t in zip(
            found.outer.times(1), found.inner.times(1), strict=True)])
        for row in found.uops for o in range(found.outer.count) for i in range(found.inner.count)
    ]
    assert sorted(visited) == expanded(loops, base)


@pytest.mark.slow
@given(LOOPS)
def test_unroll_and_merge_keep_the_order(loops: list[Loop]) -> None:
    assert unroll((0, 0, 0), merge(loops)).tolist() == unroll((0, 0, 0), loops).tolist()


def test_adjacent_loops_of_one_stride_are_merged() -> None:
    assert merge([Loop(3, 20, 8, 0), Loop(5, 4, 0, 0)]) == [Loop(3, 20, 8, 0), Loop(5, 4, 0, 0)]
    assert merge([Loop(3, 20), Loop(5, 4), Loop(1, 9, 9, 9), Loop(4, 1)]) == [Loop(60, 1)]


def test_depthwise_instruction_has_both_loops() -> None:
    config = named("1x4x4").replace(depthwise=True)
    builder = StreamBuilder(config)
    loops = nest((3, 5, 7), [Loop(2, 10, 20), Loop(6, 1, 2)])
    loops.depthwise(builder, (2, 1), 9, overwrite=True)
    *_, actual = builder.finish().instructions[:-1]
    assert actual == Dwc(
        iter_out=2, iter_in=6, dst_factor_out=10, dst_factor_in=1, src_factor_out=20,
        src_factor_in=2, row_pitch=9, window=config.window_code(2, 1), overwrite=1)
    with pytest.raises(AssertionError, match="no factor of the weight index"):
        nest((0, 0, 0), [Loop(6, 1, 1, 1)]).depthwise(builder, (1, 1), 0)


def test_the_two_longest_loops_are_hardware() -> None:
    found = nest((0, 0, 0), [Loop(3, 1), Loop(9, 0, 1), Loop(7, 0, 0, 1), Loop(2, 50)])
    assert (found.outer.count, found.inner.count) == (9, 7)
    assert len(found.uops) == 6


def test_fields_limit_a_loop() -> None:
    apart = [Loop(2, MAX_ITERATIONS), Loop(MAX_ITERATIONS, 1)]
    assert merge(apart) != [Loop(2 * MAX_ITERATIONS, 1)]
    with pytest.raises(AssertionError):
        nest((0, 0, 0), [Loop(MAX_ITERATIONS + 1, 1)])
