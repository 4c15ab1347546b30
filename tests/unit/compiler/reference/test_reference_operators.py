"""The integer definitions of cheap operators against onnxruntime.

Where onnxruntime has the operator on integers it is the judge; else its float64 kernels on whole
numbers are, which are exact here, with the shift and the rounding done in Python's own integers.
"""

from __future__ import annotations

from fractions import Fraction
from math import floor
from typing import Any

import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from myvta.compiler.ir.attributes import (
    AddAttributes,
    Attributes,
    AveragePoolAttributes,
    GlobalAverageAttributes,
    SlidingWindow,
)
from myvta.compiler.ir.fixed_point import Requant
from myvta.compiler.ir.quantized_graph import QuantizedNode
from myvta.compiler.operators.affine import AffineAttributes
from myvta.compiler.operators.clip import ClipAttributes
from myvta.compiler.operators.concat import ConcatAttributes
from myvta.compiler.operators.flatten import FlattenAttributes
from myvta.compiler.operators.leaky_relu import LeakyReluAttributes
from myvta.compiler.operators.pad import PadAttributes
from myvta.compiler.operators.quantization_rules import mean_factors
from myvta.compiler.operators.relu import ReluAttributes
from myvta.compiler.operators.resize import ResizeAttributes
from myvta.compiler.operators.slice import SliceAttributes
from myvta.compiler.operators.view import ViewAttributes
from myvta.compiler.reference.reference_evaluator import evaluate_node

KINDS = {
    np.dtype("int8"): TensorProto.INT8, np.dtype("int32"): TensorProto.INT32,
    np.dtype("int64"): TensorProto.INT64, np.dtype("float64"): TensorProto.DOUBLE,
    np.dtype("float32"): TensorProto.FLOAT,
}


def judge(
    op: str, inputs: list[np.ndarray], constants: dict[int, np.ndarray] | None = None, **attrs: Any
) -> np.ndarray:
    """Run one operator in onnxruntime; ``constants`` are further inputs by position."""
    names = [f"x{index}" for index in range(len(inputs))]
    infos = [helper.make_tensor_value_info(name, KINDS[value.dtype], value.shape)
             for name, value in zip(names, inputs, strict=True)]
    given = constants or {}
    for position in range(len(inputs), 1 + max(given, default=0)):
        names.append(f"c{position}" if position in given else "")
    graph = helper.make_graph(
        [helper.make_node(op, names, ["y"], **attrs)], "one", infos,
        [helper.make_tensor_value_info("y", KINDS[inputs[0].dtype], None)],
        [numpy_helper.from_array(value, f"c{index}") for index, value in given.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    return session.run(None, {f"x{index}": value for index, value in enumerate(inputs)})[0]


def node(op: str, attrs: Attributes, requant: Requant | None = None) -> QuantizedNode:
    """Return a quantized node."""
    return QuantizedNode(op, "n", ("x",), ("y",), attrs, requant)


def rule(channels: int, shift: int, bias: int = 0) -> Requant:
    """Return the same requantization for every channel."""
    return Requant(np.full(channels, bias, np.int32), np.full(channels, shift, np.int32))


def rounded(values: np.ndarray, shift: int) -> np.ndarray:
    """Return whole numbers over 2^shift, halves up, within 8 bits: in exact fractions."""
    def one(value: float) -> int:
        assert value == int(value)
        return min(max(floor(Fraction(int(value), 1 << shift) + Fraction(1, 2)), -128), 127)

    return np.vectorize(one)(values)


def integers(random: np.random.Generator, *shape: int) -> np.ndarray:
    return random.integers(-128, 128, shape)


@pytest.mark.parametrize("seed", range(5))
def test_add_aligns_two_scales(seed: int) -> None:
    random = np.random.default_rng(seed)
    x, y = integers(random, 2, 3, 4, 5), integers(random, 2, 3, 4, 5)
    gains = tuple(random.integers(1, 128, 2).tolist())
    total = judge("Add", [(x * gains[0]).astype(np.int32), (y * gains[1]).astype(np.int32)])
    found = evaluate_node(node("Add", AddAttributes(gains), rule(3, 6)), [x, y], 8)
    np.testing.assert_array_equal(found, rounded(total, 6))


def test_add_of_a_constant_and_of_a_negligible_operand_equal_numpy() -> None:
    random = np.random.default_rng(1)
    x, y = integers(random, 2, 3, 4, 5), integers(random, 1, 3, 4, 5)
    total = judge("Add", [x.astype(np.int32), (y << 2).astype(np.int32)])
    made = node("Add", AddAttributes((1, 4), y.astype(np.int8)), rule(3, 1))
    np.testing.assert_array_equal(evaluate_node(made, [x], 8), rounded(total, 1))
    made = node("Add", AddAttributes((1, 0), y.astype(np.int8)), rule(3, 0))
    np.testing.assert_array_equal(evaluate_node(made, [x], 8), x)


@pytest.mark.parametrize("seed", range(5))
def test_affine_equals_numpy(seed: int) -> None:
    random = np.random.default_rng(seed)
    x, factor = integers(random, 2, 7, 3, 4), integers(random, 7)
    offset, shift = random.integers(-(1 << 20), 1 << 20, 7), random.integers(0, 15, 7)
    scaled = judge("Mul", [x.astype(np.int32), factor.reshape(-1, 1, 1).astype(np.int32)])
    total = judge("Add", [scaled, offset.reshape(-1, 1, 1).astype(np.int32)])
    requant = Requant(offset.astype(np.int32), shift.astype(np.int32))
    found = evaluate_node(node("Affine", AffineAttributes(factor), requant), [x], 8)
    for channel in range(7):
        np.testing.assert_array_equal(
            found[:, channel], rounded(total[:, channel], int(shift[channel]))
        )


@pytest.mark.parametrize("slope", range(9))
def test_leaky_relu_equals_numpy(slope: int) -> None:
    x = np.arange(-128, 128).reshape(1, 1, 16, 16)
    exact = judge("LeakyRelu", [x.astype(np.float64)], alpha=2.0**-slope) * 2**slope
    found = evaluate_node(node("LeakyRelu", LeakyReluAttributes(slope), rule(1, slope)), [x], 8)
    np.testing.assert_array_equal(found, rounded(exact, slope))


@pytest.mark.parametrize("seed", range(5))
def test_clip_and_relu_equal_numpy(seed: int) -> None:
    random = np.random.default_rng(seed)
    x = integers(random, 2, 3, 4, 5)
    low, high = sorted(random.integers(-140, 140, 2).tolist())
    bounds = {1: np.array(max(low, -128), np.int8), 2: np.array(min(high, 127), np.int8)}
    wanted = judge("Clip", [x.astype(np.int8)], bounds)
    made = node("Clip", ClipAttributes(max(low, -128), min(high, 127)))
    np.testing.assert_array_equal(evaluate_node(made, [x], 8), wanted)
    wanted = judge("Relu", [x.astype(np.int32)])
    np.testing.assert_array_equal(evaluate_node(node("Relu", ReluAttributes()), [x], 8), wanted)


def test_requantization_saturates_at_its_bounds() -> None:
    x = np.arange(-128, 128).reshape(1, 1, 16, 16)
    requant = Requant(np.zeros(1, np.int32), np.zeros(1, np.int32), clip=(-5, 96))
    found = evaluate_node(node("Affine", AffineAttributes(np.array([2])), requant), [x], 8)
    wanted = judge("Clip", [(2 * x).astype(np.int32)],
                   {1: np.array(-5, np.int32), 2: np.array(96, np.int32)})
    np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize("seed", range(12))
def test_average_pool_equals_numpy(seed: int) -> None:
    """The mean of the integers within the precision of a 15-bit factor, exact for a factor of 1."""
    random = np.random.default_rng(seed)
    kernel = random.integers(1, 5, 2)
    pads = [int(random.integers(0, kernel[axis % 2])) for axis in range(4)]
    attrs = {"strides": random.integers(1, 4, 2).tolist(), "pads": pads}
    counted = bool(random.integers(0, 2))
    x = integers(random, 2, 3, 9, 8)
    mean = judge("AveragePool", [x.astype(np.float32)], kernel_shape=kernel.tolist(),
                 count_include_pad=int(counted), **attrs)
    ones = judge("AveragePool", [np.ones((1, 1, 9, 8), np.float32)], kernel_shape=kernel.tolist(),
                 count_include_pad=1, **attrs)[0, 0] * kernel.prod()
    counts = np.full(ones.shape, kernel.prod()) if counted else ones.round().astype(int)
    factors, bits = mean_factors(counts)
    made = node("AveragePool", AveragePoolAttributes(SlidingWindow.of(
        {**attrs, "kernel": kernel, "dilations": (1, 1)}), factors), rule(3, bits))
    found = evaluate_node(made, [x], 8)
    sums = (mean.astype(np.float64) * counts).round()
    np.testing.assert_array_equal(found, rounded(sums * factors, bits))
    np.testing.assert_allclose(found, mean, atol=0.5 + 128 * 2.0**-10)


@pytest.mark.parametrize("size", [(1, 1), (4, 4), (7, 7), (3, 5), (13, 1), (32, 32), (100, 100)])
def test_global_average_pool_equals_numpy(size: tuple[int, int]) -> None:
    random = np.random.default_rng(1)
    x = integers(random, 2, 3, *size)
    mean = judge("GlobalAveragePool", [x.astype(np.float32)])
    factors, bits = mean_factors(np.array(size[0] * size[1]))
    made = node("GlobalAveragePool", GlobalAverageAttributes(int(factors), 4), rule(3, bits))
    found = evaluate_node(made, [x], 8)
    total = judge("ReduceSum", [x.astype(np.int32)], {1: np.array([2, 3])})
    np.testing.assert_array_equal(found, rounded(total.astype(np.int64) * int(factors), bits))
    np.testing.assert_allclose(found, mean, atol=0.5 + 128 * 2.0**-10)


def test_factors_fit_the_immediate_and_sums_the_accumulator() -> None:
    for count in [*range(1, 2000), 12544, 50176, 65535, 65536]:
        factors, bits = mean_factors(np.array(count))
        assert 1 <= int(factors) < 1 << 15
        assert 128 * count * int(factors) + (1 << (bits - 1) if bits else 0) < 1 << 31
        assert abs(Fraction(int(factors), 1 << bits) * count - 1) < Fraction(1, 200)
    factors, bits = mean_factors(np.array([[1, 4], [9, 49]]))
    assert factors.max() < 1 << 15
    assert (128 * np.array([[1, 4], [9, 49]]) * factors < 1 << 31).all()


@pytest.mark.parametrize("seed", range(5))
def test_concat_equals_numpy(seed: int) -> None:
    random = np.random.default_rng(seed)
    parts = [integers(random, 2, int(c), 3, 4) for c in random.integers(1, 7, 3)]
    wanted = judge("Concat", [part.astype(np.int8) for part in parts], axis=1)
    made = node("Concat", ConcatAttributes((1, 1, 1)))
    np.testing.assert_array_equal(evaluate_node(made, parts, 8), wanted)
    shifted = [(part << shift).astype(np.int32) for part, shift in zip(parts, (3, 0, 1),
                                                                       strict=True)]
    wanted = rounded(judge("Concat", shifted, axis=1), 2)
    made = node("Concat", ConcatAttributes((8, 1, 2)), rule(wanted.shape[1], 2))
    np.testing.assert_array_equal(evaluate_node(made, parts, 8), wanted)


@pytest.mark.parametrize("seed", range(5))
def test_slice_equals_numpy(seed: int) -> None:
    random = np.random.default_rng(seed)
    x = integers(random, 2, 9, 3, 4)
    start, stop = np.sort(random.choice(10, 2, replace=False)).tolist()
    wanted = judge("Slice", [x.astype(np.int8)],
                   {1: np.array([start]), 2: np.array([stop]), 3: np.array([1])})
    made = node("Slice", SliceAttributes(start, stop))
    np.testing.assert_array_equal(evaluate_node(made, [x], 8), wanted)


@pytest.mark.parametrize("seed", range(8))
def test_pad_and_crop_equal_numpy(seed: int) -> None:
    random = np.random.default_rng(seed)
    x = integers(random, 2, 3, 5, 6)
    top, left, bottom, right = random.integers(-2, 4, 4).tolist()
    fill = int(random.integers(-128, 128))
    wanted = judge("Pad", [x.astype(np.int32)], {
        1: np.array([0, 0, top, left, 0, 0, bottom, right]), 2: np.array(fill, np.int32)})
    made = node("Pad", PadAttributes((top, left, bottom, right), fill))
    np.testing.assert_array_equal(evaluate_node(made, [x], 8), wanted)


@pytest.mark.parametrize("factors", [(1, 2), (2, 2), (3, 1), (4, 5)])
def test_resize_equals_numpy(factors: tuple[int, int]) -> None:
    x = integers(np.random.default_rng(1), 2, 3, 4, 5)
    wanted = judge("Resize", [x.astype(np.int32)], {2: np.array([1, 1, *factors], np.float32)},
                   mode="nearest")
    made = node("Resize", ResizeAttributes(factors))
    np.testing.assert_array_equal(evaluate_node(made, [x], 8), wanted)


def test_view_and_flatten_keep_the_values() -> None:
    x = integers(np.random.default_rng(1), 2, 3, 4, 6)
    wanted = judge("Reshape", [x.astype(np.int8)], {1: np.array([2, 3, 24])})
    np.testing.assert_array_equal(evaluate_node(node("View", ViewAttributes((3, 24))), [x], 8),
                                  wanted)
    wanted = judge("Flatten", [x.astype(np.int8)])
    made = node("Flatten", FlattenAttributes())
    np.testing.assert_array_equal(evaluate_node(made, [x], 8), wanted)
