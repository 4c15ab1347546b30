"""AveragePool: counts at borders, factors, QDQ scales, and its reasons for the host."""

from __future__ import annotations

import numpy as np
import pytest
from graph_cases import graph_of
from operator_rules import host_reason, qdq_reason, quantize_node, quantize_qdq

from myvta.compiler.ir.graph import Graph, Node
from myvta.compiler.ir.qdq_scales import TensorScale
from myvta.compiler.reference.reference_evaluator import evaluate_node

Pair = tuple[int, int]


def pool(before: Pair, after: Pair, kernel: Pair, strides: Pair = (1, 1),
         pads: tuple[int, ...] = (0, 0, 0, 0), counted: tuple[int, ...] = (0, 0, 0, 0)) -> Graph:
    """Return an average over windows of two channels."""
    attrs = {"kernel": kernel, "strides": strides, "pads": pads, "dilations": (1, 1),
             "counted": counted}
    return graph_of(Node("AveragePool", "n", ("x",), ("y",), attrs),
                    shapes={"x": (1, 2, *before), "y": (1, 2, *after)})


def test_power_of_two_windows_need_no_factor() -> None:
    node, exponent = quantize_node(pool((4, 4), (2, 2), (2, 2), (2, 2)), {"x": -3, "y": -2})
    assert node.attrs.factors.tolist() == [[1, 1], [1, 1]]
    assert (node.rule.shift.tolist(), exponent) == ([3, 3], -2)  # -2 - (-3 - 2)
    assert node.attrs.window.kernel == (2, 2)


@pytest.mark.parametrize(("counted", "counts"), [
    ((0, 0, 0, 0), [[1, 2, 2], [2, 4, 4], [2, 4, 4]]),
    ((1, 1, 0, 0), [[4, 4, 4]] * 3), ((1, 0, 0, 0), [[2, 4, 4]] * 3),
])
def test_mean_divides_by_the_number_of_counted_values(
    counted: tuple[int, ...], counts: list[list[int]]
) -> None:
    graph = pool((3, 3), (3, 3), (2, 2), pads=(1, 1, 0, 0), counted=counted)
    node, exponent = quantize_node(graph, {"x": 0, "y": -1})
    x = np.arange(-9, 9).reshape(1, 2, 3, 3) * 7
    padded = np.pad(x, ((0, 0), (0, 0), (1, 0), (1, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (2, 2), (2, 3))
    mean = windows.sum((4, 5)) / counts
    error = evaluate_node(node, [x], 8) * 2.0**exponent - mean
    assert np.abs(error).max() <= 0.5 * 2.0**exponent + 0.01


@pytest.mark.parametrize(("counted", "counts"), [
    ((0, 0, 0, 0), [[4, 4, 2], [4, 4, 2], [2, 2, 1]]), ((0, 0, 1, 1), [[4, 4, 4]] * 3),
])
def test_padding_after_the_input_counts_as_declared(
    counted: tuple[int, ...], counts: list[list[int]]
) -> None:
    graph = pool((3, 3), (3, 3), (2, 2), pads=(0, 0, 1, 1), counted=counted)
    node, _ = quantize_node(graph, {"x": 0, "y": -1})
    bits = 2 if counted[2] else 14  # a shift alone, or a common factor
    assert node.attrs.factors.tolist() == [[(1 << bits) // count for count in row]
                                           for row in counts]


def test_reasons_for_the_host() -> None:
    assert host_reason(pool((256, 257), (1, 2), (256, 256))) == ""
    assert host_reason(pool((256, 257), (1, 1), (256, 257))) == (
        "the mean of 65792 pixels is more than 65536")
    node = Node("AveragePool", "n", ("x",), ("y",), {})
    assert host_reason(graph_of(node, shapes={"x": (1, 2, 5), "y": (1, 2, 3)})) == (
        "this form of AveragePool (not 2-D, a second output, or column-major)")


def test_scales_and_zero_points_of_a_pre_quantized_model_are_kept() -> None:
    scales = {"x": TensorScale(0.05, 3), "y": TensorScale(0.04, -10)}
    result = quantize_qdq(pool((4, 4), (2, 2), (2, 2), (2, 2)), scales)
    x = np.round(np.random.default_rng(1).uniform(-2, 2, (1, 2, 4, 4)) / 0.05) * 0.05
    expected = x.reshape(1, 2, 2, 2, 2, 2).mean((3, 5))
    assert np.abs(result.reals({"x": x}) - expected).max() <= 0.04 * 0.51


@pytest.mark.parametrize("graph", [
    pool((4, 4), (5, 4), (2, 1), pads=(1, 0, 1, 0)), pool((4, 4), (2, 2), (3, 2), (2, 2)),
    pool((4, 4), (2, 2), (2, 3), (2, 2)),
], ids=["pads", "rows", "columns"])
def test_windows_beyond_the_input_of_a_pre_quantized_model_are_on_the_host(graph: Graph) -> None:
    assert qdq_reason(pool((4, 4), (2, 2), (2, 2), (2, 2))) == ""
    assert qdq_reason(graph) == "windows that reach into padding in a pre-quantized (QDQ) model"
