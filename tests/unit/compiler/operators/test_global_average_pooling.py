"""GlobalAveragePool: the factor by hand, real means, QDQ scales, reasons for the host."""

from __future__ import annotations

import numpy as np
import pytest
from graph_cases import graph_of
from operator_rules import host_reason, quantize_node, quantize_qdq

from myvta.compiler.ir.attributes import GlobalAverageAttributes
from myvta.compiler.ir.graph import Graph, Node
from myvta.compiler.ir.qdq_scales import TensorScale
from myvta.compiler.operators.constraints import RESHAPED
from myvta.compiler.reference.reference_evaluator import evaluate_node


def average(size: tuple[int, ...], after: tuple[int, ...] = (1, 2, 1, 1)) -> Graph:
    return graph_of(Node("GlobalAveragePool", "n", ("x",), ("y",)),
                    shapes={"x": (1, 2, *size), "y": after})


@pytest.mark.parametrize(("size", "factor", "shift"), [
    ((4, 4), 1, 5), ((1, 1), 1, 1),  # a shift alone
    ((3, 3), 14564, 18),  # 2^17 / 9, rounded
])
def test_factor_and_shift_divide(size: tuple[int, int], factor: int, shift: int) -> None:
    node, exponent = quantize_node(average(size), {"x": -3, "y": -2})
    assert (node.attrs, exponent) == (GlobalAverageAttributes(factor, 4), -2)
    assert node.rule.shift.tolist() == [shift] * 2


@pytest.mark.parametrize(("size", "after"), [
    ((7, 5), (1, 2, 1, 1)), ((7, 5), (1, 2)), ((13,), (1, 2, 1)),
])
def test_mean_is_rounded_once(size: tuple[int, ...], after: tuple[int, ...]) -> None:
    node, exponent = quantize_node(average(size, after), {"x": -3, "y": -4})
    x = np.random.default_rng(1).integers(-128, 128, (1, 2, *size))
    mean = x.reshape(1, 2, -1).mean(2).reshape(after) / 8
    error = evaluate_node(node, [x], 8) * 2.0**exponent - mean
    assert np.abs(error).max() <= 2.0**exponent * 0.5 + 0.01


def test_reasons_for_the_host() -> None:
    assert host_reason(average((256, 256))) == ""
    assert host_reason(average((1, 65537))) == "the mean of 65537 pixels is more than 65536"
    assert host_reason(average((2, 2)), layouts={"x": (4, 1, 2)}) == RESHAPED


def test_scales_and_zero_points_of_a_pre_quantized_model_are_kept() -> None:
    scales = {"x": TensorScale(0.05, 3), "y": TensorScale(0.02, -10)}
    result = quantize_qdq(average((3, 5)), scales)
    x = np.round(np.random.default_rng(1).uniform(-2, 2, (1, 2, 3, 5)) / 0.05) * 0.05
    error = result.reals({"x": x}) - x.mean((2, 3), keepdims=True)
    assert np.abs(error).max() <= 0.02 * 0.52
