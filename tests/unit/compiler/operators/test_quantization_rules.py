"""Shared quantization rules: alignment, factors of means, bounds, and kept scales."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from operator_rules import calibrated

from myvta.compiler.ir.graph import Graph, Origin
from myvta.compiler.ir.qdq_scales import TensorScale
from myvta.compiler.operators.quantization_rules import (
    integer_bounds,
    mean_factors,
    operand_gains,
)
from myvta.compiler.quantize.quantizer import Quantizer
from myvta.compiler.quantize.weight_scales import PER_TENSOR, Scheme

ANY = Scheme(per_channel=True, multipliers=True)


def context(scheme: Scheme = PER_TENSOR, width: int = 8) -> Quantizer:
    """Return the quantizer of a graph without nodes."""
    graph = Graph("network", [], {}, [], [], Origin("onnx", {"": 17}))
    return Quantizer(graph, {}, calibrated({}), width, width, "minmax", scheme)


@pytest.mark.parametrize(("bounds", "scale", "width", "integers"), [
    ((-1.0, 0.5), TensorScale(2.0**-4), 8, (-16, 8)),
    ((-np.inf, np.inf), TensorScale(1), 8, (-128, 127)),
    ((-0.03, 0.03125), TensorScale(2.0**-4), 8, (0, 1)),
    ((-3.0, 99.0), TensorScale(1), 4, (-3, 7)),
    ((0.0, 6.0), TensorScale(6 / 255, -128), 8, (-128, 127)),
    ((-0.5, 1.0), TensorScale(0.1, 5), 8, (0, 15)),
])
def test_bounds_round_half_up_and_saturate(
    bounds: tuple[float, float], scale: TensorScale, width: int, integers: tuple[int, int]
) -> None:
    assert integer_bounds(bounds, scale, width) == integers


@pytest.mark.parametrize(("exponents", "finest", "gains"), [
    ((3,), 3, (1,)), ((-3, -5, 0), -5, (4, 1, 32)), ((0, -20), -20, (1 << 20, 1)),
    ((0, -21, -4), -20, (1 << 20, 0, 1 << 16)),
])
def test_powers_of_two_are_aligned_to_the_finest_significant_one(
    exponents: tuple[int, ...], finest: int, gains: tuple[int, ...]
) -> None:
    scales = [2.0**exponent for exponent in exponents]
    assert operand_gains(context(), scales, 1.0) == (gains, 2.0**finest)
    if finest < 0:
        assert operand_gains(context(ANY), scales, 1.0) == (gains, 2.0**finest)


@pytest.mark.parametrize("width", [4, 8])
@pytest.mark.parametrize("scales", [(0.3, 0.1), (0.013, 0.5), (1.0, 1.0), (0.9, 0.7), (3e-9, 0.2)])
def test_gains_approximate_any_ratio_of_scales(scales: tuple[float, float], width: int) -> None:
    """An operand is off by at most half a gain's step of the coarsest operand."""
    gains, unit = operand_gains(context(ANY, width), scales, 0.95)
    most = (1 << (width - 1)) - 1
    assert 0 <= min(gains) <= max(gains) <= most
    assert unit < 0.95
    assert np.abs(np.array(gains) * unit - scales).max() <= 0.51 * max(scales) / (most // 2)


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
