"""Conv: reasons for the host, integers of weights by hand, the zero point as padding."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from graph_cases import graph_of
from operator_rules import host_reason, quantize_node, quantize_qdq

from myvta.compiler.ir.attributes import SlidingWindow
from myvta.compiler.ir.graph import Graph, Node
from myvta.compiler.ir.qdq_scales import TensorScale
from myvta.compiler.reference.reference_evaluator import evaluate_node

WEIGHT = np.array([[1.0, -2.0], [0.5, 0.25]], np.float32).reshape(2, 2, 1, 1)
BIAS = np.array([1.0, -0.5], np.float32)
ATTRS: dict[str, Any] = {
    "kernel": (1, 1), "strides": (1, 1), "pads": (0, 0, 0, 0), "dilations": (1, 1), "group": 1,
    "relu": 0,
}


def conv(inputs: str = "xwb", constants: str = "wb", size: int = 3, **changes: Any) -> Graph:
    """Return a 1x1 convolution on 3 x 3 pixels; parameters not constant are activations."""
    attrs = {name: value for name, value in {**ATTRS, **changes}.items() if value is not None}
    values = {"w": WEIGHT, "b": BIAS}
    shapes = {"x": (1, 2, 3, 3), "y": (1, 2, size, size)}
    shapes |= {name: values[name].shape for name in inputs[1:] if name not in constants}
    return graph_of(Node("Conv", "n", tuple(inputs), ("y",), attrs), shapes=shapes,
                    constants={name: values[name] for name in constants})


def test_reasons_for_the_host() -> None:
    assert host_reason(conv()) == ""
    assert host_reason(conv("xw", "w")) == ""
    assert host_reason(conv(constants="b")) == "weights or bias are not constant"
    assert host_reason(conv(constants="w")) == "weights or bias are not constant"
    assert host_reason(conv(kernel=None)) == (
        "this form of Conv (not 2-D, or weights not constant)")
    assert host_reason(conv(pads=(0, 0, -1, 0))) == "negative padding"


def test_weights_and_bias_are_integers_of_their_scales() -> None:
    """Weights up to 2 need 2^-5, the accumulator has 2^-4 * 2^-5, the output 2^-3."""
    node, exponent = quantize_node(conv(strides=(2, 1), relu=1), {"x": -4, "y": -3})
    assert node.attrs.weight.reshape(2, 2).tolist() == [[32, -64], [16, 8]]
    assert node.attrs.weight_scale.tolist() == [2.0**-5] * 2
    assert node.attrs.window == SlidingWindow((1, 1), (2, 1), (0, 0, 0, 0))
    assert (node.attrs.group, node.attrs.padding) == (1, 0)
    assert node.rule.bias.tolist() == [512, -256]
    assert (node.rule.shift.tolist(), node.rule.relu, exponent) == ([6, 6], True, -3)


def test_integer_convolution_equals_the_real_one() -> None:
    node, exponent = quantize_node(conv(), {"x": -4, "y": -3})
    x = np.random.default_rng(1).integers(-40, 40, (1, 2, 3, 3))
    real = np.einsum("nchw,mc->nmhw", x / 16, WEIGHT[:, :, 0, 0]) + BIAS.reshape(2, 1, 1)
    np.testing.assert_array_equal(
        evaluate_node(node, [x], 8), np.floor(real * 2.0**-exponent + 0.5).clip(-128, 127))


@pytest.mark.parametrize(("pads", "size", "padding"), [((0, 0, 0, 0), 3, 0), ((1, 1, 1, 1), 5, 7)])
def test_zero_point_of_a_pre_quantized_input_is_its_padding(
    pads: tuple[int, ...], size: int, padding: int
) -> None:
    scales = {"x": TensorScale(0.05, 7), "y": TensorScale(0.1, -3)}
    result = quantize_qdq(conv(pads=pads, size=size), scales, weights={"n": [1 / 64, 1 / 64]})
    (node,) = result.nodes
    assert (node.attrs.padding, result.problems) == (padding, [])
    assert node.attrs.weight.reshape(2, 2).tolist() == [[64, -128], [32, 16]]
    x = np.round(np.random.default_rng(1).uniform(-1.5, 1.5, (1, 2, 3, 3)) / 0.05) * 0.05
    wide = np.pad(x, ((0, 0), (0, 0), *[(pads[0], pads[0])] * 2))
    real = np.einsum("nchw,mc->nmhw", wide, WEIGHT[:, :, 0, 0]) + BIAS.reshape(2, 1, 1)
    assert np.abs(result.reals({"x": x}) - real).max() <= 0.1 * 0.51
