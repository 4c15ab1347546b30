"""Problems and tilings as JSON: they come back equal, and nothing else is taken."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from myvta.compiler.schedule.block_gemm_problem import BlockGemmProblem, BlockGemmTiling, RunShape
from myvta.compiler.schedule.conv_problem import ConvShape, ConvTiling, EpilogueSpec
from myvta.compiler.schedule.copy_problem import CopyProblem
from myvta.compiler.schedule.plain_data import (
    plain_problem,
    plain_tiling,
    problem_from,
    tiling_from,
)
from myvta.compiler.schedule.pool_problems import (
    AveragePoolProblem,
    AverageTiling,
    GlobalAverageProblem,
    GlobalTiling,
    MaxPoolProblem,
)
from myvta.compiler.schedule.tiling_problem import MapTiling, Problem, Tiling

CONV = ConvShape(1, 2, 3, (9, 9), (9, 9), (3, 3), before=(1, 1), leads=(0, 1, 1))
TILING = ConvTiling(3, 1, 2, 9, 3, 3, 3, "output-stationary", True)
GEOMETRY = (1, 4, (9, 8), (4, 4), (3, 2), (2, 2), (1, 1), (0, 0))
RUNS = (RunShape(4, 2, False, True), RunShape(1, 1, True, False))
MEAN = GlobalAverageProblem(3, 49)


def through_json(value: Any) -> Any:
    return json.loads(json.dumps(value))


@pytest.mark.parametrize(("problem", "tiling"), [
    (CONV, TILING), (replace(CONV, window=(2, 4)), TILING),
    (replace(CONV, epilogue=EpilogueSpec((4, 4), (2, 2), (2, 2))), TILING),
    (MaxPoolProblem(*GEOMETRY), MapTiling(1, 2, 3)),
    (AveragePoolProblem(*GEOMETRY), AverageTiling(1, 2, 3, 4, 5)), (MEAN, GlobalTiling(1, 7)),
    (CopyProblem("Pad", 1, 2, (4, 4), (6, 6), (-1, 1), filled=True), MapTiling(1, 2, 3)),
    (BlockGemmProblem("Add", 3, 4, 25, RUNS, requantized=True), BlockGemmTiling(5, 2, 1)),
])
def test_they_come_back_equal(problem: Problem, tiling: Tiling) -> None:
    assert problem_from(through_json(plain_problem(problem))) == problem
    assert tiling_from(through_json(plain_tiling(tiling)), problem) == tiling


@pytest.mark.parametrize(("change", "message"), [
    ({"kind": "Lstm"}, "^problem of kind 'Lstm', not one of Convolution, MaxPool, "),
    ({"groups": "1"}, "^ConvShape.groups '1', not of type int"),
    ({"groups": True}, "^ConvShape.groups True, not of type int"),
    ({"residual": 1}, "^ConvShape.residual 1, not of type bool"),
    ({"size": [9]}, r"^ConvShape.size \[9\]"), ({"size": 9}, "^ConvShape.size 9"),
    ({"leads": [0, None]}, "^ConvShape.leads None, not of type int"),
    ({"epilogue": {}}, "^EpilogueSpec with nothing"), ({"epilogue": 3}, "^EpilogueSpec with noth"),
    ({"more": 1}, "^ConvShape with groups, ci, .*, more"),
])
def test_problems_with_other_fields_are_refused(change: dict[str, Any], message: str) -> None:
    values = {**through_json(plain_problem(CONV)), **change}
    with pytest.raises(ValueError, match=message):
        problem_from(values)


@pytest.mark.parametrize(("problem", "values", "message"), [
    (MEAN, {"blocks": 0, "pixels": 1}, r"^no tiling: GlobalTiling\(blocks=0, pixels=1\)"),
    (MEAN, {"blocks": 1.0, "pixels": 1}, "^GlobalTiling.blocks 1.0, not of type int"),
    (MEAN, {"blocks": 1}, "^GlobalTiling with blocks"),
    (MEAN, [1, 2], "^GlobalTiling with nothing"),
    (CONV, {**plain_tiling(TILING), "dataflow": "w"}, "^no tiling: ConvTiling"),
    (CONV, {"blocks": 1, "pixels": 1}, "^ConvTiling with blocks, pixels"),
])
def test_other_tilings_are_refused(problem: Problem, values: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        tiling_from(values, problem)
