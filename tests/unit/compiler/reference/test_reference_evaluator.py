"""The reference evaluator against onnxruntime, and by hand where that has no integer operator."""

from __future__ import annotations

import numpy as np
import pytest
from integer_operators import run_integer
from onnx import TensorProto

from myvta.compiler.ir.attributes import (
    AddAttributes,
    GlobalAverageAttributes,
    MaxPoolAttributes,
    SlidingWindow,
)
from myvta.compiler.ir.compile_errors import CompileError
from myvta.compiler.ir.fixed_point import Requant
from myvta.compiler.ir.quantized_graph import QuantizedGraph, QuantizedNode, QuantizedTensor
from myvta.compiler.operators.flatten import FlattenAttributes
from myvta.compiler.operators.relu import ReluAttributes
from myvta.compiler.reference.reference_evaluator import evaluate, evaluate_node


@pytest.mark.parametrize("seed", range(10))
def test_pooling_equals_maxpool(seed: int) -> None:
    random = np.random.default_rng(seed)
    kernel = random.integers(2, 5, 2)
    attrs = {
        "strides": random.integers(1, 4, 2).tolist(), "dilations": [1, 1],
        "pads": [int(random.integers(0, kernel[axis % 2])) for axis in range(4)],
    }
    x = random.integers(-128, 128, (2, 3, 9, 8)).astype(np.int8)
    wanted = run_integer(
        "MaxPool", {"x": x}, TensorProto.INT8, kernel_shape=kernel.tolist(), **attrs,
    )
    node = QuantizedNode("MaxPool", "p", ("x",), ("y",), MaxPoolAttributes(
        SlidingWindow.of({"kernel": kernel, **attrs})))
    np.testing.assert_array_equal(evaluate_node(node, [x], 8), wanted)


def rule(channels: int, shift: int, bias: int = 0, relu: bool = False) -> Requant:
    """Return the same requantization for every channel."""
    return Requant(
        np.full(channels, bias, np.int32), np.full(channels, shift, np.int32), None, relu
    )


def test_add_shifts_its_coarser_input() -> None:
    node = QuantizedNode("Add", "a", ("x", "y"), ("z",), AddAttributes((4, 1)), rule(1, 1))
    x, y = np.array([[10], [-10], [100]]), np.array([[1], [-1], [0]])
    found = evaluate_node(node, [x, y], 8)
    np.testing.assert_array_equal(found, [[21], [-20], [127]])  # 41/2, -41/2, 400/2


def test_mean_of_a_power_of_two_is_a_rounding_shift() -> None:
    node = QuantizedNode(
        "GlobalAveragePool", "g", ("x",), ("y",), GlobalAverageAttributes(1, 4), rule(1, 2))
    x = np.array([[[[1, 2], [3, 4]]], [[[-1, -2], [-3, -4]]]])
    np.testing.assert_array_equal(evaluate_node(node, [x], 8).ravel(), [3, -2])  # 2.5, -2.5


def test_mean_of_nine_uses_the_multiplier() -> None:
    requant = Requant(
        np.zeros(1, np.int32), np.zeros(1, np.int32),
        np.array([round(2**31 / 9)], np.int32),
    )
    node = QuantizedNode(
        "GlobalAveragePool", "g", ("x",), ("y",), GlobalAverageAttributes(1, 4), requant)
    x = np.full((1, 1, 3, 3), 77)
    assert evaluate_node(node, [x], 8).item() == 77


def test_relu_and_flatten_equal_numpy() -> None:
    x = np.array([[[[-3, 0], [2, -1]]]])
    relu = QuantizedNode("Relu", "r", ("x",), ("y",), ReluAttributes())
    np.testing.assert_array_equal(evaluate_node(relu, [x], 8).ravel(), [0, 0, 2, 0])
    flat = QuantizedNode("Flatten", "f", ("x",), ("y",), FlattenAttributes())
    assert evaluate_node(flat, [x], 8).shape == (1, 4)


def test_inputs_are_checked() -> None:
    tensors = {"x": QuantizedTensor("x", (1, 2), 0)}
    graph = QuantizedGraph("g", (), tensors, ("x",), ("x",), 8, 8)
    with pytest.raises(CompileError, match=r"^inputs: 'x' must have shape \[images, 2\], not "):
        evaluate(graph, {"x": np.zeros((1, 3), np.float32)})
