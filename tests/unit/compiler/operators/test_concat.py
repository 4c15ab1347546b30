"""Concat: aligned scales, and its reasons for the host."""

from __future__ import annotations

import numpy as np
from graph_cases import graph_of
from operator_rules import host_reason, quantize_node, quantize_qdq

from myvta.compiler.ir.graph import Graph, Node
from myvta.compiler.ir.qdq_scales import TensorScale
from myvta.compiler.operators.concat import ConcatAttributes
from myvta.compiler.operators.constraints import RESHAPED
from myvta.compiler.reference.reference_evaluator import evaluate_node


def concat(axis: int = 1, constant: bool = False) -> Graph:
    """Return x [1, 2, 3] and w [1, 1, 3] joined."""
    shapes = {"x": (1, 2, 3), "y": (1, 3, 3)} | ({} if constant else {"w": (1, 1, 3)})
    return graph_of(Node("Concat", "n", ("x", "w"), ("y",), {"axis": axis}), shapes=shapes,
                    constants={"w": np.ones((1, 1, 3), np.float32)} if constant else {})


def test_equal_scales_are_kept() -> None:
    node, exponent = quantize_node(concat(), {"x": -4, "w": -4, "y": 0})
    assert (node.attrs, node.requant, exponent) == (ConcatAttributes((1, 1)), None, -4)


def test_different_scales_are_aligned_and_requantized() -> None:
    node, exponent = quantize_node(concat(), {"x": -3, "w": -5, "y": -3})
    assert (node.attrs, exponent) == (ConcatAttributes((4, 1)), -3)
    assert node.rule.shift.tolist() == [2, 2, 2]
    x, w = np.array([[[1, 2, 3], [-4, 5, 127]]]), np.array([[[4, 6, -6]]])
    found = evaluate_node(node, [x, w], 8)
    assert found.tolist() == [[[1, 2, 3], [-4, 5, 127], [1, 2, -1]]]  # 1.5 and -1.5, halves up


def test_reasons_for_the_host() -> None:
    assert host_reason(concat()) == ""
    assert host_reason(concat(axis=2)) == "joins along axis 2, not along the channels"
    assert host_reason(concat(constant=True)) == "joins a constant"
    assert host_reason(concat(), layouts={"w": (3, 1, 1)}) == RESHAPED


def test_inputs_of_a_pre_quantized_model_get_the_scale_of_the_output() -> None:
    scales = {"x": TensorScale(0.1, 5), "w": TensorScale(0.03), "y": TensorScale(0.1, 5)}
    result = quantize_qdq(concat(), scales)
    assert [node.op for node in result.nodes] == ["ScaledAdd", "Concat"]
    assert result.nodes[1].inputs == ("x", result.nodes[0].outputs[0])
    x, w = np.array([[[0.1, -2, 3], [4, -0.5, 0]]]), np.array([[[0.3, -0.9, 1.2]]])
    np.testing.assert_allclose(result.reals({"x": x, "w": w}), np.concatenate([x, w], 1),
                               atol=0.001)


def test_coarsest_input_gives_the_scale_where_the_model_has_none() -> None:
    result = quantize_qdq(concat(), {"x": TensorScale(0.1, 5), "w": TensorScale(0.03)})
    assert result.scales["y"] == TensorScale(0.1, 5)
