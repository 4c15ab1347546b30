"""Shared quantization rules: alignment, factors of means, bounds, and kept scales."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from myvta.compiler.ir.attributes import DROPPED
from myvta.compiler.ir.graph import Node
from myvta.compiler.operators.quantization_rules import (
    aligned,
    integer_bounds,
    mean_factors,
    uniform_requant,
)


@pytest.mark.parametrize(("bounds", "exponent", "width", "integers"), [
    ((-1.0, 0.5), -4, 8, (-16, 8)), ((-np.inf, np.inf), 0, 8, (-128, 127)),
    ((-0.03, 0.03125), -4, 8, (0, 1)), ((-3.0, 99.0), 0, 4, (-3, 7)),
])
def test_bounds_round_half_up_and_saturate(
    bounds: tuple[float, float], exponent: int, width: int, integers: tuple[int, int]
) -> None:
    assert integer_bounds(bounds, exponent, width) == integers


@pytest.mark.parametrize(("exponents", "finest", "shifts"), [
    ((3,), 3, (0,)), ((-3, -5, 0), -5, (2, 0, 5)), ((0, -20), -20, (20, 0)),
    ((0, -21, -4), -20, (20, DROPPED, 16)),
])
def test_inputs_are_aligned_to_the_finest_significant_exponent(
    exponents: tuple[int, ...], finest: int, shifts: tuple[int, ...]
) -> None:
    assert aligned(exponents) == (finest, shifts)


def test_requantization_is_a_shift_with_the_fused_relu() -> None:
    for relu in (0, 1):
        rule = uniform_requant(Node("Add", "n", (), (), {"relu": relu}), 3, 5)
        assert (rule.bias.tolist(), rule.shift.tolist()) == ([0] * 3, [5] * 3)
        assert (rule.multiplier, rule.relu) == (None, bool(relu))


@pytest.mark.parametrize(("count", "factor", "bits"), [
    (1, 1, 0), (64, 1, 6), (3, 10923, 15), (9, 14564, 17), (65535, 128, 23),
])
def test_factor_of_a_mean_equals_a_hand_computed_one(count: int, factor: int, bits: int) -> None:
    factors, shift = mean_factors(np.array(count))
    assert (int(factors), shift) == (factor, bits)
    assert abs(Fraction(factor * count, 1 << bits) - 1) < Fraction(1, 1000)


def test_counts_of_one_network_share_the_shift() -> None:
    factors, bits = mean_factors(np.array([[1, 2], [2, 4]]))
    assert (factors.tolist(), bits) == ([[1 << 14, 1 << 13], [1 << 13, 1 << 12]], 14)
