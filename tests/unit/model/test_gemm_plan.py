"""Planning is only regrouping: contract rules of plan.py, steps.py and alu.waves, each tested.

1. The products of a plan are the steps of the instruction, no more, no fewer.
2. ``last_writes`` keeps, for every destination, what its last step writes.
3. Waves executed at once give what the steps give one by one.
4. Pieces are the steps in order; the first violation is the first step out of bounds.
"""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from myvta.isa.config import named
from myvta.model.alu import waves
from myvta.model.gemm_plan import last_writes, plan
from myvta.model.steps import Bound, LoopAxis, Steps, first_violation

MANY = settings(max_examples=120, deadline=None, derandomize=True)
factor = st.sampled_from((0, 0, 1, 2, 3, 7))
axes = st.builds(LoopAxis, st.integers(1, 4), factor, factor, factor)
index = st.integers(0, 4)


@st.composite
def all_steps(draw):
    uops = draw(st.lists(st.tuples(index, index, index), min_size=1, max_size=9))
    dst, src, wgt = (np.array(column, np.int64) for column in zip(*uops, strict=True))
    return Steps(dst, src, wgt, draw(axes), draw(axes))


def walk(steps):
    """The triple loop of vta_isa.md 4.3, literally."""
    for i in range(steps.outer.count):
        for j in range(steps.inner.count):
            for dst, src, wgt in zip(steps.dst, steps.src, steps.wgt, strict=True):
                yield (
                    int(dst) + i * steps.outer.dst + j * steps.inner.dst,
                    int(src) + i * steps.outer.src + j * steps.inner.src,
                    int(wgt) + i * steps.outer.wgt + j * steps.inner.wgt,
                )


def expand(product):
    """The steps a product stands for."""
    groups, rows, columns = product.dst.shape
    for g in range(groups):
        for r in range(rows):
            for c in range(columns):
                dst = int(product.dst[g, r, c])
                terms = zip(product.src[g, r].tolist(), product.wgt[g, c].tolist(), strict=True)
                for src, wgt in terms:
                    yield from [(dst, src, wgt)] * product.repeat


@MANY
@given(all_steps())
def test_products_are_the_steps(steps):
    planned = Counter(step for product in plan(steps) for step in expand(product))
    assert planned == Counter(walk(steps))


def test_equal_pairs_are_no_grid():
    """Two inputs and two weights over four destinations, but not every input with every weight."""
    columns = ([0, 1, 2, 3], [0, 0, 1, 0], [0, 0, 1, 1])
    still = LoopAxis(1, 0, 0, 0)
    steps = Steps(*(np.array(column, np.int64) for column in columns), still, still)
    planned = Counter(step for product in plan(steps) for step in expand(product))
    assert planned == Counter(walk(steps))


@pytest.mark.slow
@MANY
@given(all_steps())
def test_last_writes(steps):
    last = {dst: (src, wgt) for dst, src, wgt in walk(steps)}
    kept = list(walk(last_writes(steps, named("1x4x4"))))
    assert len(kept) == len(last)
    assert {dst: (src, wgt) for dst, src, wgt in kept} == last


@pytest.mark.slow
@MANY
@given(
    st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=1, max_size=14),
    st.sampled_from((0, 1, 3)),
)
def test_waves_are_sequential(steps, sources):
    def combine(before, dst, src):
        return hash((before[dst], *(before[src + n] for n in range(sources))))

    expected = list(range(9))  # tiles; each step combines what it reads, so order shows
    for dst, src in steps:
        expected[dst] = combine(expected, dst, src)
    got = list(range(9))
    columns = (np.array(column, np.int64) for column in zip(*steps, strict=True))
    for dst, src in waves(*columns, sources):
        assert len(set(dst.tolist())) == dst.size
        before = list(got)
        for d, s in zip(dst.tolist(), src.tolist(), strict=True):
            got[d] = combine(before, d, s)
    assert got == expected


@pytest.mark.slow
@MANY
@given(all_steps(), st.integers(1, 40))
def test_pieces_are_the_steps_in_order(steps, limit):
    pieces = list(steps.pieces(limit))
    assert [step for piece in pieces for step in walk(piece)] == list(walk(steps))
    assert all(len(piece) <= max(limit, steps.dst.size) for piece in pieces)


@pytest.mark.slow
@MANY
@given(all_steps(), st.integers(0, 60), st.integers(0, 60))
def test_take_returns_steps(steps, start, more):
    total = len(steps)
    start = min(start, total)
    stop = min(start + more, total)
    columns = [column.tolist() for column in steps.take(start, stop)]
    assert list(zip(*columns, strict=True)) == list(walk(steps))[start:stop]


@MANY
@given(all_steps(), st.integers(1, 40), st.integers(1, 40), st.integers(0, 2))
def test_first_violation(steps, dst_depth, src_depth, offset):
    bounds = (Bound("dst", "ACC", dst_depth), Bound("src", "INP", src_depth, offset))
    bad = [
        number
        for number, (dst, src, _) in enumerate(walk(steps))
        if dst >= dst_depth or src + offset >= src_depth
    ]
    violation = first_violation(steps, bounds)
    assert (violation.step if violation else None) == (bad[0] if bad else None)
