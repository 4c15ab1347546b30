"""The base types: equal problems are one key, tilings count their tiles."""

from __future__ import annotations

from myvta.compiler.schedule.pool_problems import AveragePoolProblem, MaxPoolProblem
from myvta.compiler.schedule.tiling_problem import MapTiling, Problem, Tiling

GEOMETRY = (1, 3, (9, 8), (4, 4), (3, 2), (2, 2), (1, 1), (0, 0))


def test_problems_are_keys_by_value_and_kind() -> None:
    keys: dict[Problem, Tiling] = {MaxPoolProblem(*GEOMETRY): MapTiling(1, 2, 3)}
    assert keys[MaxPoolProblem(*GEOMETRY)] == MapTiling(1, 2, 3)
    assert MaxPoolProblem(2, *GEOMETRY[1:]) not in keys
    assert AveragePoolProblem(*GEOMETRY) not in keys


def test_tiles_of_a_part_of_a_feature_map() -> None:
    assert MapTiling(2, 3, 5).tiles == 30
