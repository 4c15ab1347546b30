"""Steps of an instruction: decoding, pieces in order, and the first step out of bounds."""

import numpy as np
import pytest
from hypothesis import given, strategies as st
from step_loops import MANY, all_steps, walk

from myvta.isa.config import named
from myvta.isa.instructions import Alu, Gemm, Uop, encode_uop
from myvta.isa.opcodes import ErrorCode
from myvta.model.steps import Bound, LoopAxis, Steps, first_violation

CONFIG = named("1x4x4")
UOPS = np.array([encode_uop(Uop(1, 2, 3), CONFIG), encode_uop(Uop(4, 5, 6), CONFIG)], np.uint32)


def test_loops_and_indices_of_an_instruction():
    fields = dict(zip(
        ("iter_out", "iter_in", "dst_factor_out", "dst_factor_in", "src_factor_out",
         "src_factor_in"), range(2, 8), strict=True))
    steps = Steps.of(Gemm(wgt_factor_out=8, wgt_factor_in=9, **fields), UOPS, CONFIG)
    assert (steps.outer, steps.inner) == (LoopAxis(2, 4, 6, 8), LoopAxis(3, 5, 7, 9))
    assert (steps.dst.tolist(), steps.src.tolist(), steps.wgt.tolist()) == ([1, 4], [2, 5], [3, 6])
    assert len(steps) == 2 * 3 * 2
    alu = Steps.of(Alu(**fields), UOPS, CONFIG)
    assert (alu.outer, alu.inner) == (LoopAxis(2, 4, 6, 0), LoopAxis(3, 5, 7, 0))


def test_violation_names_step_index_and_depth():
    steps = Steps.of(Gemm(iter_out=2, iter_in=2, dst_factor_out=10, dst_factor_in=1), UOPS, CONFIG)
    violation = first_violation(steps, (Bound("dst", "ACC", 15),))  # 1, 4, 2, 5, 11, 14, 12, 15
    assert violation.step == 7
    assert violation.fault.code == ErrorCode.STEP_INDEX
    assert violation.fault.detail == "step (out 1, in 1, micro-op 1) indexes ACC[15], depth 15"


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


@pytest.mark.slow
@MANY
@given(all_steps(), st.integers(1, 40), st.integers(1, 40), st.integers(0, 2))
def test_first_violation_is_found(steps, dst_depth, src_depth, offset):
    bounds = (Bound("dst", "ACC", dst_depth), Bound("src", "INP", src_depth, offset))
    bad = [
        number
        for number, (dst, src, _) in enumerate(walk(steps))
        if dst >= dst_depth or src + offset >= src_depth
    ]
    violation = first_violation(steps, bounds)
    assert (violation.step if violation else None) == (bad[0] if bad else None)
