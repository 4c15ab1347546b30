"""The integer definitions of convolutions and dense layers against onnxruntime and plain sums."""

from __future__ import annotations

import numpy as np
import pytest
from integer_operators import run_integer, unsigned
from onnx import TensorProto

from myvta.compiler.ir.attributes import DenseAttributes, SlidingWindow, TransposedAttributes
from myvta.compiler.ir.fixed_point import Requant
from myvta.compiler.ir.quantized_graph import QuantizedNode
from myvta.compiler.reference.reference_convolutions import (
    accumulate_conv,
    accumulate_gemm,
    accumulate_transposed,
    dense,
)


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
    wanted = run_integer(
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
    wanted = run_integer("ConvInteger", unsigned(x, weight), TensorProto.INT32, **attrs)
    np.testing.assert_array_equal(accumulate_conv(
        x, weight, SlidingWindow.of({**attrs, "kernel": weight.shape[2:]})), wanted)


@pytest.mark.parametrize("seed", range(5))
def test_dense_equals_matmulinteger(seed: int) -> None:
    random = np.random.default_rng(seed)
    x = random.integers(-128, 128, (4, 200))
    weight = random.integers(-128, 128, (30, 200)).astype(np.int8)
    wanted = run_integer("MatMulInteger", unsigned(x, weight.T), TensorProto.INT32)
    np.testing.assert_array_equal(accumulate_gemm(x, weight), wanted)


@pytest.mark.parametrize("sign", [1, -1])
def test_products_are_exact_if_pair_sums_exceed_16_bits(sign: int) -> None:
    x = np.full((2, 64), -128)
    weight = np.full((3, 64), -128 if sign > 0 else 127, np.int8)
    exact = 64 * -128 * int(weight[0, 0])
    assert (run_integer("MatMulInteger", unsigned(x, weight.T), TensorProto.INT32) == exact).all()
    pixels, taps = x.reshape(1, 2, 8, 8), np.full((1, 2, 8, 8), weight[0, 0])
    found = run_integer("ConvInteger", unsigned(pixels, taps), TensorProto.INT32)
    assert found.item() == 2 * exact


def test_accumulators_wrap_at_32_bits() -> None:
    x = np.full((1, 1 << 17), -128)
    weight = np.full((1, 1 << 17), -128, np.int8)
    assert accumulate_gemm(x, weight)[0, 0] == -(1 << 31)


@pytest.mark.parametrize("group", [1, 2])
def test_transposed_convolution_equals_plain_sums(group: int) -> None:
    random = np.random.default_rng(group)
    (sy, sx), (dy, dx), (top, left, bottom, right) = (2, 3), (1, 2), (1, 0, 2, 1)
    x = random.integers(-128, 128, (2, 2 * group, 3, 4))
    weight = random.integers(-128, 128, (3 * group, 2, 3, 2)).astype(np.int8)
    window = SlidingWindow((3, 2), (sy, sx), (top, left, bottom, right), (dy, dx))
    attrs = TransposedAttributes(
        weight, np.ones(len(weight)), window=window, group=group, output_padding=(1, 0),
    )
    height, width = 2 * sy + 2 * dy + 1 + 1 - top - bottom, 3 * sx + dx + 1 - left - right
    expected = np.zeros((2, 3 * group, height, width), int)
    for (n, c, y, z), value in np.ndenumerate(x):
        for m in range(c // 2 * 3, c // 2 * 3 + 3):
            for (ky, kx), factor in np.ndenumerate(weight[m, c % 2]):
                row, column = y * sy + ky * dy - top, z * sx + kx * dx - left
                if 0 <= row < height and 0 <= column < width:
                    expected[n, m, row, column] += value * int(factor)
    np.testing.assert_array_equal(accumulate_transposed(x, attrs), expected)


@pytest.mark.parametrize(("axis", "product"), [
    (None, "nk,mk->nm"), (2, "ntk,mk->ntm"), (1, "nkt,mk->nmt"),
])
def test_dense_layer_sums_over_its_axis(axis: int | None, product: str) -> None:
    random = np.random.default_rng(3)
    shape = {None: (2, 5), 2: (2, 7, 5), 1: (2, 5, 7)}[axis]
    x, weight = random.integers(-9, 9, shape), random.integers(-9, 9, (4, 5)).astype(np.int8)
    bias = np.array([0, 1, -2, 3], np.int32)
    rule = Requant(bias, np.zeros(4, np.int32))
    attrs = DenseAttributes(weight, np.ones(4), axis)
    node = QuantizedNode("Gemm", "d", ("x",), ("y",), attrs, rule)
    channels = bias if axis != 1 else bias[:, None]
    expected = (np.einsum(product, x, weight.astype(int)) + channels).clip(-128, 127)
    np.testing.assert_array_equal(dense(node, [x], 8), expected)
