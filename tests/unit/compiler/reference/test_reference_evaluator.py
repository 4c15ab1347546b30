"""The reference evaluator against onnxruntime's integer operators.

Their operands are uint8 on both sides, with zero points: those products are exact on every
processor.  onnxruntime's uint8 x int8 kernels saturate on x86-64 without VNNI.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto, helper

from myvta.compiler.ir.attributes import (
    AddAttributes,
    GlobalAverageAttributes,
    MaxPoolAttributes,
    ReluAttributes,
    SlidingWindow,
)
from myvta.compiler.ir.compile_errors import CompileError
from myvta.compiler.ir.fixed_point import Requant
from myvta.compiler.ir.quantized_graph import QuantizedGraph, QuantizedNode, QuantizedTensor
from myvta.compiler.operators.flatten import FlattenAttributes
from myvta.compiler.reference.reference_convolutions import accumulate_conv, accumulate_gemm
from myvta.compiler.reference.reference_evaluator import evaluate, evaluate_node


def run(op: str, inputs: dict[str, np.ndarray], kind: int, **attrs: Any) -> np.ndarray:
    """Run one integer operator in onnxruntime."""
    types = {np.dtype("uint8"): TensorProto.UINT8, np.dtype("int8"): TensorProto.INT8}
    infos = [
        helper.make_tensor_value_info(name, types[value.dtype], value.shape)
        for name, value in inputs.items()
    ]
    graph = helper.make_graph(
        [helper.make_node(op, list(inputs), ["y"], **attrs)], "one", infos,
        [helper.make_tensor_value_info("y", kind, None)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    return session.run(None, inputs)[0]


def unsigned(x: np.ndarray, weight: np.ndarray) -> dict[str, np.ndarray]:
    """Return integers of 8 bits as uint8 operands with zero points of 128."""
    zero = np.array(128, np.uint8)
    return {
        "x": (x + 128).astype(np.uint8), "w": (weight.astype(int) + 128).astype(np.uint8),
        "x_zero": zero, "w_zero": zero,
    }


@pytest.mark.parametrize("seed", range(20))
def test_convolution_equals_convinteger(seed: int) -> None:
    random = np.random.default_rng(seed)
    kernel = random.integers(1, 5, 2)
    attrs = {
        "strides": random.integers(1, 4, 2).tolist(),
        "dilations": random.integers(1, 3, 2).tolist(),
        "pads": random.integers(0, 4, 4).tolist(),
    }
    group = int(random.choice([1, 1, 2, 4]))
    x = random.integers(-128, 128, (2, 7 * group, 9, 11))
    weight = random.integers(-128, 128, (5 * group, 7, *kernel)).astype(np.int8)
    wanted = run(
        "ConvInteger", unsigned(x, weight), TensorProto.INT32,
        kernel_shape=kernel.tolist(), group=group, **attrs,
    )
    np.testing.assert_array_equal(accumulate_conv(
        x, weight, SlidingWindow.of({**attrs, "kernel": weight.shape[2:]})), wanted)


@pytest.mark.parametrize("channels", [300, 1100])
def test_sums_beyond_24_bits_are_exact(channels: int) -> None:
    """Great magnitudes: products are summed a few taps at a time, or in wider floats."""
    random = np.random.default_rng(channels)
    x = random.integers(-128, -100, (1, channels, 4, 4))
    weight = random.integers(100, 128, (2, channels, 3, 3)).astype(np.int8)
    attrs = {"strides": (1, 1), "dilations": (1, 1), "pads": (1, 0, 0, 0)}
    wanted = run("ConvInteger", unsigned(x, weight), TensorProto.INT32, **attrs)
    np.testing.assert_array_equal(accumulate_conv(
        x, weight, SlidingWindow.of({**attrs, "kernel": weight.shape[2:]})), wanted)


@pytest.mark.parametrize("seed", range(5))
def test_dense_equals_matmulinteger(seed: int) -> None:
    random = np.random.default_rng(seed)
    x = random.integers(-128, 128, (4, 200))
    weight = random.integers(-128, 128, (30, 200)).astype(np.int8)
    wanted = run("MatMulInteger", unsigned(x, weight.T), TensorProto.INT32)
    np.testing.assert_array_equal(accumulate_gemm(x, weight), wanted)


@pytest.mark.parametrize("sign", [1, -1])
def test_products_are_exact_if_pair_sums_exceed_16_bits(sign: int) -> None:
    x = np.full((2, 64), -128)
    weight = np.full((3, 64), -128 if sign > 0 else 127, np.int8)
    exact = 64 * -128 * int(weight[0, 0])
    assert (run("MatMulInteger", unsigned(x, weight.T), TensorProto.INT32) == exact).all()
    pixels, taps = x.reshape(1, 2, 8, 8), np.full((1, 2, 8, 8), weight[0, 0])
    found = run("ConvInteger", unsigned(pixels, taps), TensorProto.INT32)
    assert found.item() == 2 * exact


@pytest.mark.parametrize("seed", range(10))
def test_pooling_equals_maxpool(seed: int) -> None:
    random = np.random.default_rng(seed)
    kernel = random.integers(2, 5, 2)
    attrs = {
        "strides": random.integers(1, 4, 2).tolist(), "dilations": [1, 1],
        "pads": [int(random.integers(0, kernel[axis % 2])) for axis in range(4)],
    }
    x = random.integers(-128, 128, (2, 3, 9, 8)).astype(np.int8)
    wanted = run("MaxPool", {"x": x}, TensorProto.INT8, kernel_shape=kernel.tolist(), **attrs)
    node = QuantizedNode("MaxPool", "p", ("x",), ("y",), MaxPoolAttributes(
        SlidingWindow.of({"kernel": kernel, **attrs})))
    np.testing.assert_array_equal(evaluate_node(node, [x], 8), wanted)


def test_accumulators_wrap_at_32_bits() -> None:
    x = np.full((1, 1 << 17), -128)
    weight = np.full((1, 1 << 17), -128, np.int8)
    assert accumulate_gemm(x, weight)[0, 0] == -(1 << 31)


def rule(channels: int, shift: int, bias: int = 0, relu: bool = False) -> Requant:
    """Return the same requantization for every channel."""
    return Requant(
        np.full(channels, bias, np.int32), np.full(channels, shift, np.int32), None, relu
    )


def test_add_shifts_its_coarser_input() -> None:
    node = QuantizedNode("Add", "a", ("x", "y"), ("z",), AddAttributes((2, 0)), rule(1, 1))
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
