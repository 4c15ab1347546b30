"""Tilings of block GEMMs: rows of runs, what fits, as much as the buffers hold first."""

from __future__ import annotations

from dataclasses import replace

import pytest
from lowered_node import SMALL

from myvta.compiler.schedule.block_gemm_problem import (
    BlockGemmProblem,
    BlockGemmTiling,
    RunRows,
    RunShape,
)

WHOLE = RunShape(4, 2, False, True)
PROBLEM = BlockGemmProblem("Add", 3, 4, 25, (WHOLE,), requantized=True)
OWN = replace(PROBLEM, runs=(replace(WHOLE, own_weights=True),))
CHANNELS = replace(PROBLEM, per_channel=True)


@pytest.mark.parametrize(("problem", "rows"), [
    (PROBLEM, RunRows(1, 1, 300)),
    (replace(PROBLEM, runs=(replace(WHOLE, whole=False),)), RunRows(3, 1, 100)),
    (OWN, RunRows(3, 4, 25)),
    (CHANNELS, RunRows(3, 4, 25)),
])
def test_blocks_and_groups_that_are_alike_are_one_row(
    problem: BlockGemmProblem, rows: RunRows
) -> None:
    assert problem.rows(problem.runs[0]) == rows


@pytest.mark.parametrize(("tiling", "cut"), [
    (BlockGemmTiling(24, 1, 4), (1, 24)), (BlockGemmTiling(25, 1, 4), (1, 25)),
    (BlockGemmTiling(80, 1, 4), (3, 25)), (BlockGemmTiling(80, 1, 2), (2, 25)),
    (BlockGemmTiling(500, 1, 9), (4, 25)),
])
def test_whole_rows_or_a_part_of_one_are_computed_at_once(
    tiling: BlockGemmTiling, cut: tuple[int, int]
) -> None:
    assert RunRows(3, 4, 25).cut(tiling) == cut


def test_parameters_are_kept_in_acc() -> None:
    tiling = BlockGemmTiling(5, 1, 4)
    assert PROBLEM.parameters(tiling, SMALL) == 3
    assert CHANNELS.parameters(tiling, SMALL) == 12
    assert replace(PROBLEM, requantized=False).parameters(tiling, SMALL) == 0


@pytest.mark.parametrize(("problem", "tiling", "fits"), [
    (PROBLEM, BlockGemmTiling(16, 2, 1), True),
    (PROBLEM, BlockGemmTiling(17, 2, 1), False),   # 34 tiles of 32
    (PROBLEM, BlockGemmTiling(30, 1, 1), True),
    (PROBLEM, BlockGemmTiling(31, 1, 1), False),   # 3 + 2 x 31 of ACC
    (CHANNELS, BlockGemmTiling(26, 1, 4), True),
    (CHANNELS, BlockGemmTiling(27, 1, 4), False),  # 12 + 2 x 27
    (OWN, BlockGemmTiling(1, 8, 4), True),
    (OWN, BlockGemmTiling(1, 8, 5), False),        # 40 weight tiles of 32
    (replace(PROBLEM, accumulators=2), BlockGemmTiling(16, 1, 1), False),
])
def test_two_of_each_fit_the_buffers(
    problem: BlockGemmProblem, tiling: BlockGemmTiling, fits: bool
) -> None:
    assert problem.fits(tiling, SMALL) is fits


@pytest.mark.parametrize(("problem", "first"), [
    (PROBLEM, BlockGemmTiling(16, 2, 1)),
    (OWN, BlockGemmTiling(16, 2, 4)),
    (CHANNELS, BlockGemmTiling(16, 2, 4)),
    (replace(CHANNELS, blocks=9), BlockGemmTiling(16, 2, 5)),  # a quarter of ACC: 5 x 3 tiles
    (replace(PROBLEM, runs=(RunShape(4, 90, True, True),)), BlockGemmTiling(1, 32, 1)),
])
def test_the_first_is_as_much_as_the_buffers_hold(
    problem: BlockGemmProblem, first: BlockGemmTiling
) -> None:
    tilings = list(problem.tilings(SMALL))
    assert tilings[0] == first
    assert len(set(tilings)) == len(tilings) > 3
    assert all(problem.fits(tiling, SMALL) for tiling in tilings)
