"""Add: reasons for the host, shifts worked by hand, scales of a pre-quantized model."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from graph_cases import graph_of
from operator_rules import host_reason, qdq_reason, quantize_node, quantize_qdq

from myvta.compiler.ir.graph import Graph, Node
from myvta.compiler.ir.qdq_scales import TensorScale
from myvta.compiler.operators.constraints import RESHAPED
from myvta.compiler.reference.reference_evaluator import evaluate_node

SHAPE = (1, 3, 2)


def add(second: tuple[int, ...] = SHAPE, constant: np.ndarray | None = None,
        source: object = None, **attrs: Any) -> Graph:
    """Return x + w, w being a constant or an activation."""
    node = Node("Add", "n", ("x", "w"), ("y",), attrs, source)
    shapes = {"x": SHAPE, "y": SHAPE} | ({"w": second} if constant is None else {})
    return graph_of(node, shapes=shapes, constants={} if constant is None else {"w": constant})


CONSTANT = np.array([[[2.0, -1.0], [0.5, 0.0], [1.5, 0.25]]], np.float32)


def test_reasons_for_the_host() -> None:
    assert host_reason(add()) == ""
    assert host_reason(add(constant=CONSTANT)) == ""
    assert host_reason(add((1, 3, 1))) == "broadcasts its inputs"
    assert host_reason(add((1, 1, 2))) == "broadcasts its inputs"
    assert host_reason(add(constant=CONSTANT, source=b"s")) == (
        "adds a constant that differs from image to image")
    assert host_reason(add(constant=CONSTANT), layouts={"x": (6, 1, 1)}) == RESHAPED
    assert host_reason(add(), layouts={"x": (6, 1, 1)}) == (
        "one input was flattened, the other was not")
    assert host_reason(add(), layouts={"x": (6, 1, 1), "w": (6, 1, 1)}) == ""


def test_sum_of_three_is_on_the_host() -> None:
    graph = graph_of(Node("Add", "n", ("x", "w", "x"), ("y",)),
                     shapes={"x": SHAPE, "w": SHAPE, "y": SHAPE})
    assert host_reason(graph) == "broadcasts its inputs"


def test_operands_are_aligned_to_the_finer() -> None:
    node, exponent = quantize_node(add(relu=1), {"x": -3, "w": -5, "y": -2})
    assert (node.attrs.gains, node.attrs.constant, exponent) == ((4, 1), None, -2)
    assert node.rule.shift.tolist() == [3, 3, 3]
    assert node.rule.relu
    x, w = np.full(SHAPE, 10), np.full(SHAPE, -7)  # 1.25 - 0.21875 = 1.03125 = 4.125 / 4
    assert evaluate_node(node, [x, w], 8).ravel().tolist() == [4] * 6


@pytest.mark.parametrize(("exponents", "gains"), [
    ((0, -20), (1 << 20, 1)), ((0, -21), (1 << 20, 0)), ((-30, 3), (0, 1 << 20)),
])
def test_operand_too_fine_counts_as_zero(
    exponents: tuple[int, int], gains: tuple[int, int]
) -> None:
    node, _ = quantize_node(add(), {"x": exponents[0], "w": exponents[1], "y": 1})
    assert node.attrs.gains == gains


def test_constant_is_rounded_to_a_scale_of_its_own() -> None:
    """2 / 127 needs 2^-5: the integers are 32 times the constant."""
    node, exponent = quantize_node(add(constant=CONSTANT), {"x": -3, "y": -3})
    assert node.inputs == ("x",)
    assert node.attrs.constant.tolist() == [[[64, -32], [16, 0], [48, 8]]]
    assert (node.attrs.gains, node.rule.shift.tolist(), exponent) == ((4, 1), [2] * 3, -3)
    found = evaluate_node(node, [np.full(SHAPE, 8)], 8)
    assert (found / 8).tolist() == (CONSTANT + 1).tolist()


def test_output_is_no_finer_than_the_accumulator() -> None:
    node, exponent = quantize_node(add(), {"x": -3, "w": -3, "y": -9})
    assert (node.rule.shift.tolist(), exponent) == ([0] * 3, -3)


def test_scales_of_a_pre_quantized_model_are_kept() -> None:
    scales = {"x": TensorScale(0.05, 3), "w": TensorScale(0.02, -4), "y": TensorScale(0.1, 1)}
    result = quantize_qdq(add(), scales)
    random = np.random.default_rng(1)
    x, w = (np.round(random.uniform(-2, 2, SHAPE) / s) * s for s in (0.05, 0.02))
    assert [node.op for node in result.nodes] == ["ScaledAdd"]
    assert np.abs(result.reals({"x": x, "w": w}) - (x + w)).max() <= 0.1 * 0.51


@pytest.mark.parametrize("graph", [add((1, 3, 1)), add(constant=CONSTANT)], ids=["shape", "value"])
def test_other_operands_of_a_pre_quantized_model_are_on_the_host(graph: Graph) -> None:
    assert qdq_reason(add()) == ""
    assert qdq_reason(graph) == (
        "adds operands other than two activations of one shape in a pre-quantized (QDQ) model")
