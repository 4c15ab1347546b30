"""Planning is only regrouping: the rules of gemm_plan and of the waves of the ALU, each tested.

1. The products of a plan are the steps of the instruction, no more, no fewer.
2. ``last_writes`` keeps, for every destination, the value of its last step.
3. Waves executed at once give the result of the steps one by one.
"""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, strategies as st
from step_loops import MANY, all_steps, walk

from myvta.isa.config import named
from myvta.model.alu import waves
from myvta.model.gemm_plan import last_writes, plan
from myvta.model.steps import LoopAxis, Steps


def expand(product):
    """The steps that a product combines."""
    groups, rows, columns = product.dst.shape
    for g in range(groups):
        for r in range(rows):
            for c in range(columns):
                dst = int(product.dst[g, r, c])
                terms = zip(product.src[g, r].tolist(), product.wgt[g, c].tolist(), strict=True)
                for src, wgt in terms:
                    yield from [(dst, src, wgt)] * product.repeat


@pytest.mark.slow
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
def test_last_write_of_each_destination_is_found(steps):
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

    expected = list(range(9))  # tiles; each step combines its operands, so order matters
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
