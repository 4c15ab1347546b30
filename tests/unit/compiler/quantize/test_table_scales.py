"""Scales of activations that only a table reads, by the error of the function's values."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from myvta.compiler.ir.fixed_point import to_integers, to_reals
from myvta.compiler.ir.qdq_scales import TensorScale
from myvta.compiler.quantize.table_scales import TableRanges, choose_table_scale

Function = Callable[[np.ndarray], np.ndarray]

ANY, POWERS = TableRanges(8, any_scale=True), TableRanges(8)
FUNCTIONS: dict[str, Function] = {
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "silu": lambda x: x / (1 + np.exp(-x)),
    "tanh": np.tanh,
    "exp": lambda x: np.exp(np.minimum(x, 60)),
}


def error(x: np.ndarray, function: Function, scale: TensorScale) -> float:
    """Return the squared error of a function of rounded values."""
    integers = to_integers(x, scale.scale, 8, scale.zero_point)
    rounded = to_reals(integers, scale.scale, scale.zero_point)
    return float(np.square(function(rounded) - function(x)).sum())


def values(seed: int = 0) -> np.ndarray:
    """Return normal values with a few outliers."""
    random = np.random.default_rng(seed)
    x = random.normal(0, 2, (2, 16, 100))
    x[0, 0, :3] = (60, -45, 30)
    return x


@pytest.mark.parametrize("ranges", [ANY, POWERS])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_no_range_of_the_values_themselves_is_better(name: str, ranges: TableRanges) -> None:
    function, x = FUNCTIONS[name], values()
    chosen = choose_table_scale(x, function(x), function, ranges)
    for part in (1.0, 0.7, 0.5, 0.25):
        other = ranges.scale(float(x.min()) * part, float(x.max()) * part)
        assert error(x, function, chosen) <= 1.05 * error(x, function, other)


def test_a_flat_part_of_the_function_is_not_covered() -> None:
    x = values()
    chosen = choose_table_scale(x, np.tanh(x), np.tanh, POWERS)
    assert chosen.scale <= 2.0**-4  # 8 at most, where the values reach 60
    square = choose_table_scale(x, x * x, np.square, POWERS)
    assert square.scale == 2.0**-1  # 60 counts


def test_zero_point_covers_one_sided_values() -> None:
    x = np.abs(values())
    chosen = choose_table_scale(x, np.sqrt(x), lambda v: np.sqrt(np.maximum(v, 0)), ANY)
    assert chosen.zero_point == -128
    assert choose_table_scale(x, x, lambda v: v, POWERS).zero_point == 0


def test_undefined_values_exclude_a_range() -> None:
    def root(v: np.ndarray) -> np.ndarray:
        with np.errstate(invalid="ignore"):
            return np.asarray(np.sqrt(v))

    x = np.linspace(0, 4, 1000)
    chosen = choose_table_scale(x, np.sqrt(x), root, ANY)
    assert error(x, np.sqrt, chosen) < 1.0


@pytest.mark.parametrize("ranges", [ANY, POWERS])
def test_values_of_zero_have_a_scale(ranges: TableRanges) -> None:
    x = np.zeros((1, 3, 4))
    chosen = choose_table_scale(x, np.cos(x), np.cos, ranges)
    assert chosen.scale > 0


def test_range_of_a_scale_is_covered() -> None:
    for low, high in ((-3.0, 5.0), (0.0, 7.0), (-2.0, 0.0)):
        scale = ANY.scale(low, high)
        reals = to_reals(np.array([-128, 127]), scale.scale, scale.zero_point)
        assert reals[0] <= low + scale.scale and reals[1] >= high - scale.scale
        power = POWERS.scale(low, high)
        assert power.scale * 127 >= high and power.scale * 128 >= -low
        assert power.scale == 2.0 ** round(np.log2(power.scale))
