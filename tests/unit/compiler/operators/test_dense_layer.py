"""Gemm: the axis that is summed over, integers by hand, and its reasons for the host."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from graph_cases import graph_of
from operator_rules import host_reason, quantize_node, quantize_qdq

from myvta.compiler.ir.graph import Graph, Node
from myvta.compiler.ir.qdq_scales import TensorScale
from myvta.compiler.operators.dense_layer import GEMM
from myvta.compiler.reference.reference_evaluator import evaluate_node

WEIGHT = np.array([[1.0, -2.0, 0.5], [0.25, 0.0, 1.5]], np.float32)
AXIS = "the axis it sums over does not hold the channels of its input"


def dense(x: tuple[int, ...] = (1, 3), y: tuple[int, ...] = (1, 2), source: object = None,
          **attrs: Any) -> Graph:
    """Return a dense layer of three inputs and two outputs."""
    return graph_of(Node("Gemm", "n", ("x", "w"), ("y",), attrs, source),
                    shapes={"x": x, "y": y}, constants={"w": WEIGHT})


def test_reasons_for_the_host() -> None:
    assert host_reason(dense()) == ""
    assert host_reason(dense(source=b"s")) == (
        "weights are not a constant matrix, or A is transposed")
    assert host_reason(dense(), layouts={"x": (1, 3, 1)}) == ""  # flattened features
    columns = dense((1, 3, 4), (1, 2, 4), axis=1)
    assert host_reason(columns) == ""
    assert host_reason(columns, layouts={"x": (4, 3, 1)}) == AXIS
    rows = dense((1, 4, 3), (1, 4, 2), axis=2)
    assert host_reason(rows, layouts={"x": (3, 4, 1)}) == ""
    assert host_reason(rows, layouts={"x": (4, 1, 3)}) == AXIS


def test_channels_are_last_where_the_last_axis_is_summed() -> None:
    assert GEMM.channels_last(dense(axis=2).nodes[0])
    assert not GEMM.channels_last(dense(axis=1).nodes[0])
    assert not GEMM.channels_last(dense().nodes[0])


@pytest.mark.parametrize(("x", "y", "attrs"), [
    ((1, 3), (1, 2), {}), ((1, 3, 4), (1, 2, 4), {"axis": 1}), ((1, 4, 3), (1, 4, 2), {"axis": 2}),
    ((1, 3), (1, 1, 2, 1), {"unflatten": (1, 2, 1)}),
])
def test_integers_equal_the_real_layer(
    x: tuple[int, ...], y: tuple[int, ...], attrs: dict[str, Any]
) -> None:
    node, exponent = quantize_node(dense(x, y, **attrs), {"x": -4, "y": -3})
    assert node.attrs.weight.tolist() == [[32, -64, 16], [8, 0, 48]]  # times 2^-5
    assert (node.attrs.axis, node.attrs.unflatten) == (attrs.get("axis"), attrs.get("unflatten"))
    integers = np.random.default_rng(1).integers(-40, 40, x)
    real = np.einsum("nkt,mk->nmt" if attrs.get("axis") == 1 else "...k,mk->...m",
                     integers / 16, WEIGHT).reshape(y)
    np.testing.assert_array_equal(
        evaluate_node(node, [integers], 8), np.floor(real * 2.0**-exponent + 0.5).clip(-128, 127))


def test_scales_of_a_pre_quantized_model_are_kept() -> None:
    scales = {"x": TensorScale(0.05, 7), "y": TensorScale(0.1, -3)}
    result = quantize_qdq(dense(), scales, weights={"n": [1 / 64, 1 / 64]})
    assert result.nodes[0].attrs.weight.tolist() == [[64, -128, 32], [16, 0, 96]]
    x = np.array([[1.0, -0.5, 2.0]])
    np.testing.assert_allclose(result.reals({"x": x}), x @ WEIGHT.T, atol=0.051)
