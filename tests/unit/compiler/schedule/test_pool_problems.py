"""Tilings of pooling layers: what fits, by hand, and the largest first."""

from __future__ import annotations

from dataclasses import replace

import pytest
from lowered_node import SMALL

from myvta.compiler.schedule.pool_problems import (
    AveragePoolProblem,
    AverageTiling,
    GlobalAverageProblem,
    GlobalTiling,
    MaxPoolProblem,
)
from myvta.compiler.schedule.tiling_problem import MapTiling
from myvta.isa.config import named

GEOMETRY = (1, 4, (9, 8), (4, 4), (3, 2), (2, 2), (1, 1), (0, 0))
"""Four blocks of 9 x 8 pixels, windows of 3 x 2, two apart."""


@pytest.mark.parametrize(("tiling", "fits"), [
    (MapTiling(1, 2, 2), True),    # 5 x 4 inputs and 4 outputs in 32 tiles
    (MapTiling(1, 3, 2), False),   # 7 x 4 and 6
    (MapTiling(2, 1, 1), True),    # 2 x (3 x 2 + 1)
    (MapTiling(2, 2, 2), False),
])
def test_maximum_needs_room_for_a_copy_of_the_inputs(tiling: MapTiling, fits: bool) -> None:
    assert MaxPoolProblem(*GEOMETRY).fits(tiling, SMALL) is fits


def test_maximum_takes_the_most_outputs_first() -> None:
    tilings = list(MaxPoolProblem(*GEOMETRY).tilings(SMALL))
    assert tilings[0] == MapTiling(1, 1, 4)  # 3 x 8 inputs and 4 outputs; rows before columns
    assert [t.tiles for t in tilings] == sorted((t.tiles for t in tilings), reverse=True)
    assert all(MaxPoolProblem(*GEOMETRY).fits(t, SMALL) for t in tilings)
    assert len(set(tilings)) == len(tilings)
    assert next(MaxPoolProblem(*GEOMETRY).tilings(named("default"))) == MapTiling(4, 4, 4)


@pytest.mark.parametrize(("tiling", "fits"), [
    (AverageTiling(1, 2, 4, 3, 2), False),  # 5 x 8 inputs in 32 tiles
    (AverageTiling(1, 1, 4, 3, 2), True),
    (AverageTiling(1, 4, 4, 1, 2), True),   # a single tap: rows between are not loaded
    (AverageTiling(4, 2, 4, 1, 1), False),  # 4 x 8 outputs in 30 tiles
    (AverageTiling(2, 2, 2, 2, 2), True),   # 2 x 4 x 4 inputs; three loops of 2 are micro-ops
])
def test_average_sums_taps_in_chunks(tiling: AverageTiling, fits: bool) -> None:
    problem = AveragePoolProblem(*GEOMETRY)
    assert problem.fits(tiling, SMALL) is fits
    few = SMALL.replace(log_uop_buff_size=6)  # 8 micro-ops in half the buffer
    assert problem.fits(tiling, few) is (fits and tiling.blocks == 1)


def test_average_takes_the_most_taps_first() -> None:
    problem = AveragePoolProblem(*GEOMETRY)
    tilings = list(problem.tilings(SMALL))
    assert tilings[0] == AverageTiling(1, 1, 4, 3, 2)
    taps = list(dict.fromkeys((t.kh, t.kw) for t in tilings))
    assert taps == [(3, 2), (3, 1), (2, 2), (2, 1), (1, 2), (1, 1)]
    assert len(set(tilings)) == len(tilings)


def test_average_has_the_windows_of_a_convolution() -> None:
    shape = replace(AveragePoolProblem(*GEOMETRY), before=(1, 0)).shape
    assert (shape.groups, shape.ci, shape.co, shape.size, shape.out) == (1, 4, 4, (9, 8), (4, 4))
    assert (shape.kernel, shape.strides, shape.before) == ((3, 2), (2, 2), (1, 0))


def test_global_mean_tilings_are_the_largest_then_even_parts() -> None:
    """32 tiles of INP and 30 of ACC for two."""
    problem = GlobalAverageProblem(10, 9)
    tilings = list(problem.tilings(SMALL))
    assert tilings[0] == GlobalTiling(3, 9)
    assert GlobalTiling(10, 3) in tilings
    assert GlobalTiling(4, 9) not in tilings
    assert len(set(tilings)) == len(tilings)
    assert next(GlobalAverageProblem(1, 100).tilings(SMALL)) == GlobalTiling(1, 32)
    assert next(GlobalAverageProblem(90, 1).tilings(SMALL)) == GlobalTiling(30, 1)
    assert not problem.fits(GlobalTiling(31, 1), SMALL)
