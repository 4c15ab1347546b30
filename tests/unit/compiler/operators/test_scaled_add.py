"""ScaledAdd: gains and offset of zero points by hand, and any scales against numpy."""

from __future__ import annotations

import numpy as np
import pytest
from graph_cases import graph_of
from operator_rules import quantize_qdq

from myvta.compiler.ir.graph import Graph, Node
from myvta.compiler.ir.qdq_scales import TensorScale
from myvta.compiler.operators.scaled_add import SCALED_ADD


def add() -> Graph:
    shape = (1, 2, 3)
    return graph_of(Node("Add", "n", ("x", "w"), ("y",)), shapes=dict.fromkeys("xwy", shape))


def test_gains_have_the_ratio_of_the_scales_and_remove_zero_points() -> None:
    """w has twice the scale of x, so its gain is twice as large."""
    scales = {"x": TensorScale(0.25, 3), "w": TensorScale(0.5, -4), "y": TensorScale(1.0, 6)}
    (node,) = quantize_qdq(add(), scales).nodes
    assert node.attrs.gains == (1, 2)
    assert node.rule.bias.tolist() == [-3 * 1 + 4 * 2] * 2
    assert node.rule.zero_point == 6


@pytest.mark.parametrize("seed", range(12))
def test_sum_of_any_scales_is_within_half_a_step(seed: int) -> None:
    random = np.random.default_rng(seed)
    reals, zeros = np.exp(random.uniform(-4, 1, 2)), random.integers(-128, 128, 2)
    scales = {name: TensorScale(float(real), int(zero))
              for name, real, zero in zip("xw", reals, zeros, strict=True)}
    x, w = ((random.integers(-128, 128, (1, 2, 3)) - scale.zero_point) * scale.scale
            for scale in scales.values())
    out = TensorScale(float(np.abs(x + w).max() / 100))
    result = quantize_qdq(add(), {**scales, "y": out})
    assert result.problems == []
    assert np.abs(result.reals({"x": x, "w": w}) - (x + w)).max() <= 0.55 * out.scale


def test_only_quantization_inserts_it() -> None:
    assert SCALED_ADD.quantize is None
