"""Scales with zero points: what they cover, and their errors beside symmetric ones."""

from __future__ import annotations

import numpy as np
import pytest

from myvta.compiler.ir.qdq_scales import TensorScale
from myvta.compiler.quantize.activation_ranges import choose_range, covering
from myvta.compiler.quantize.activation_scales import METHODS, Grid, choose_scale


@pytest.mark.parametrize(("low", "high", "width", "scale"), [
    (0.0, 6.0, 8, TensorScale(6 / 255, -128)), (-2.55, 0.0, 8, TensorScale(2.55 / 255, 127)),
    (-1.0, 2.0, 8, TensorScale(3 / 255, -43)), (0.0, 30.0, 4, TensorScale(2.0, -8)),
])
def test_ends_are_the_extreme_integers(
    low: float, high: float, width: int, scale: TensorScale
) -> None:
    found = covering(low, high, width)
    assert found.zero_point == scale.zero_point
    assert found.scale == pytest.approx(scale.scale)


def error(values: np.ndarray, scale: TensorScale) -> float:
    integers = np.clip(np.floor(values / scale.scale + 0.5) + scale.zero_point, -128, 127)
    return float(np.square((integers - scale.zero_point) * scale.scale - values).sum())


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("bend", [0.0, -0.2])
def test_lopsided_values_err_less_than_with_a_symmetric_scale(method: str, bend: float) -> None:
    """Twice the resolution is a quarter of the error."""
    values = np.maximum(np.random.default_rng(1).normal(0, 1, 60_000), bend)
    low, high = min(0.0, float(values.min())), float(values.max())
    scale = choose_range(values, low, high, 8, method)
    symmetric = TensorScale(choose_scale(values, high, Grid(8, any_scale=True), method))
    assert error(values, scale) < 0.5 * error(values, symmetric)


def test_percentile_clips_both_ends() -> None:
    values = np.concatenate([np.full(4, -50.0), np.linspace(-1, 3, 99_992), np.full(4, 90.0)])
    scale = choose_range(values, -50.0, 90.0, 8, "percentile")
    assert scale.scale == pytest.approx(4 / 255, rel=0.01)
    assert scale.zero_point == -64


@pytest.mark.parametrize("method", METHODS)
def test_zeros_are_covered_by_the_range_of_calibration(method: str) -> None:
    assert choose_range(np.zeros(9), 0.0, 5.1, 8, method) == TensorScale(5.1 / 255, -128)
