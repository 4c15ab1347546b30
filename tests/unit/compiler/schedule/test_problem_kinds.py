"""The table of kinds: each with its types, its space and its choices."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, cast

import pytest

from myvta.compiler.schedule.block_gemm_problem import BlockGemmProblem, RunShape
from myvta.compiler.schedule.conv_problem import ConvShape, ConvTiling
from myvta.compiler.schedule.copy_problem import CopyProblem
from myvta.compiler.schedule.pool_problems import (
    AveragePoolProblem,
    GlobalAverageProblem,
    MaxPoolProblem,
)
from myvta.compiler.schedule.problem_kinds import KINDS, first_tiling, fits, tilings_of
from myvta.compiler.schedule.tiling_problem import MapTiling, Problem
from myvta.compiler.schedule.tiling_space import analytical_cost, buffers_of
from myvta.isa.config import named

CONFIG = named("1x4x4")
GEOMETRY = (1, 4, (9, 8), (4, 4), (3, 2), (2, 2), (1, 1), (0, 0))
CONV = ConvShape(1, 2, 2, (6, 6), (6, 6), (3, 3), before=(1, 1))
PROBLEMS: list[Problem] = [
    CONV, MaxPoolProblem(*GEOMETRY), AveragePoolProblem(*GEOMETRY), GlobalAverageProblem(3, 49),
    CopyProblem("Pad", 1, 2, (4, 4), (6, 6), (1, 1)),
    BlockGemmProblem("Relu", 1, 2, 16, (RunShape(2, 1, False, True),)),
]


def test_problems_of_every_kind_are_here() -> None:
    assert [problem.kind for problem in PROBLEMS] == list(KINDS)
    assert all(type(problem) is KINDS[problem.kind].problem for problem in PROBLEMS)


@pytest.mark.parametrize("problem", PROBLEMS, ids=list(KINDS))
def test_every_tiling_of_the_space_is_of_the_kind_and_fits(problem: Problem) -> None:
    space = list(tilings_of(problem, CONFIG))
    kind = KINDS[problem.kind]
    assert first_tiling(problem, CONFIG) == space[0]
    assert len(set(space)) == len(space) > 3
    assert all(type(t) is kind.tiling and fits(problem, t, CONFIG) for t in space)


@pytest.mark.parametrize("problem", PROBLEMS, ids=list(KINDS))
def test_choices_tell_tilings_apart(problem: Problem) -> None:
    kind = KINDS[problem.kind]
    space = list(tilings_of(problem, CONFIG))
    chosen = {tuple(getattr(tiling, name) for name in kind.choices) for tiling in space}
    assert len(chosen) == len(space)
    assert set(kind.choices) <= {field.name for field in fields(cast(Any, kind.tiling))}


def test_tilings_of_a_convolution_are_in_the_order_of_their_costs() -> None:
    totals = []
    for tiling in tilings_of(CONV, CONFIG):
        assert isinstance(tiling, ConvTiling)
        buffers = buffers_of(CONV, tiling, CONFIG)
        assert buffers is not None
        totals.append(analytical_cost(CONV, tiling, buffers, CONFIG).total(CONFIG))
    assert totals == sorted(totals)


def test_a_tiling_of_another_kind_does_not_fit() -> None:
    assert fits(MaxPoolProblem(*GEOMETRY), MapTiling(1, 1, 1), CONFIG)
    assert not fits(GlobalAverageProblem(3, 49), MapTiling(1, 1, 1), CONFIG)
    assert not fits(CONV, MapTiling(1, 1, 1), CONFIG)
