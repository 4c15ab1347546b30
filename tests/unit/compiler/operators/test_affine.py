"""Affine: factors, offsets and shifts of each channel worked by hand, and its constraint."""

from __future__ import annotations

import numpy as np
import pytest
from graph_cases import graph_of
from operator_rules import host_reason, quantize_node

from myvta.compiler.ir.graph import Graph, Node
from myvta.compiler.operators.constraints import RESHAPED
from myvta.compiler.reference.reference_evaluator import evaluate_node

SHAPE = (1, 3, 4)


def affine(scale: list[float], offset: list[float], relu: int = 0) -> Graph:
    """Return x * scale + offset by channel."""
    constants = {name: np.array(value, np.float32).reshape(3, 1)
                 for name, value in (("s", scale), ("o", offset))}
    node = Node("Affine", "n", ("x", "s", "o"), ("y",), {"relu": relu})
    return graph_of(node, shapes={"x": SHAPE, "y": SHAPE}, constants=constants)


def test_factors_use_seven_bits_of_each_channel() -> None:
    """0.5 = 64 * 2^-7, -1.5 = -96 * 2^-6; offsets are in units of input and factor."""
    node, exponent = quantize_node(affine([0.5, -1.5, 0.5], [1, 0, -2], 1), {"x": -4, "y": -3})
    assert node.attrs.factors.tolist() == [64, -96, 64]
    assert node.rule.bias.tolist() == [1 << 11, 0, -2 << 11]
    assert node.rule.shift.tolist() == [8, 7, 8]
    assert (node.rule.relu, exponent) == (True, -3)


@pytest.mark.parametrize("width", [4, 8])
@pytest.mark.parametrize(("scale", "offset"), [
    ([0.5, -1.5, 0.0], [1.0, 0.0, 2.0]), ([0.001, 30.0, -1.0], [0.1, -3.0, 1.0]),
    ([1e-6, 1.0, 2.0], [0.0, 0.0, 0.0]),
])
def test_integers_approximate_the_real_function(
    scale: list[float], offset: list[float], width: int
) -> None:
    node, exponent = quantize_node(affine(scale, offset), {"x": -4, "y": -2}, width)
    assert ((node.rule.shift >= 0) & (node.rule.shift <= 31)).all()
    high = (1 << (width - 1)) - 1
    x = np.linspace(-high, high, 12).round().astype(np.int64).reshape(SHAPE)
    real = x / 16 * np.array(scale).reshape(3, 1) + np.array(offset).reshape(3, 1)
    limit = 2.0**exponent * np.array([-high - 1, high])
    rounding = np.abs(x / 16 * np.array(scale).reshape(3, 1)) / (high + 1)  # of the factor
    error = np.abs(evaluate_node(node, [x], width) * 2.0**exponent - real.clip(*limit))
    assert (error <= 2.0**exponent * 0.51 + rounding).all()


def test_large_offset_fits_the_accumulator() -> None:
    node, exponent = quantize_node(affine([1e-9, 1.0, 1.0], [1e6, 0, 0]), {"x": -20, "y": 13})
    assert 1 << 28 <= node.rule.bias[0] <= 1 << 29
    assert evaluate_node(node, [np.zeros(SHAPE, np.int64)], 8)[0, 0, 0] == round(
        1e6 / 2.0**exponent)


def test_varying_factors_need_the_layout_of_the_shape() -> None:
    flat = {"x": (1, 3, 4)}
    assert host_reason(affine([1, 2, 3], [0, 0, 0])) == ""
    assert host_reason(affine([1, 2, 3], [0, 0, 0]), layouts=flat) == RESHAPED
    assert host_reason(affine([2, 2, 2], [0, 1, 0]), layouts=flat) == RESHAPED
    assert host_reason(affine([2, 2, 2], [1, 1, 1]), layouts=flat) == ""
