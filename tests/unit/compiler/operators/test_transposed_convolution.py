"""ConvTranspose: constraints of a convolution, its own attributes, none in QDQ models."""

from __future__ import annotations

from typing import Any

import numpy as np
from graph_cases import graph_of
from operator_rules import host_reason, qdq_reason, quantize_node

from myvta.compiler.ir.attributes import SlidingWindow
from myvta.compiler.ir.graph import Graph, Node
from myvta.compiler.reference.reference_evaluator import evaluate_node

WEIGHT = np.array([[1.0], [-2.0]], np.float32).reshape(2, 1, 1, 1)


def transposed(constant: bool = True, **changes: Any) -> Graph:
    """Return a 1x1 kernel with strides (2, 3), one channel to two, 2 x 2 pixels to 3 x 5."""
    attrs: dict[str, Any] = {
        "kernel": (1, 1), "strides": (2, 3), "pads": (0, 0, 0, 0), "dilations": (1, 1),
        "group": 1, "relu": 0, "output_padding": (0, 1), **changes}
    shapes = {"x": (1, 1, 2, 2), "y": (1, 2, 3, 5)} | ({} if constant else {"w": WEIGHT.shape})
    attrs = {name: value for name, value in attrs.items() if value is not None}
    return graph_of(Node("ConvTranspose", "n", ("x", "w"), ("y",), attrs), shapes=shapes,
                    constants={"w": WEIGHT} if constant else {})


def test_reasons_for_the_host() -> None:
    assert host_reason(transposed()) == ""
    assert host_reason(transposed(constant=False)) == "weights or bias are not constant"
    assert host_reason(transposed(kernel=None)) == (
        "this form of ConvTranspose (not 2-D, or weights not constant)")
    assert host_reason(transposed(pads=(-1, 0, 0, 0))) == "negative padding"


def test_strides_space_the_input_pixels() -> None:
    node, exponent = quantize_node(transposed(), {"x": 0, "y": 0})
    assert node.attrs.window == SlidingWindow((1, 1), (2, 3), (0, 0, 0, 0))
    assert (node.attrs.output_padding, exponent) == ((0, 1), 0)
    found = evaluate_node(node, [np.array([[[[1, 2], [3, 4]]]])], 8)
    first = np.array([[1, 0, 0, 2, 0], [0] * 5, [3, 0, 0, 4, 0]])
    assert found.tolist() == [[first.tolist(), (-2 * first).tolist()]]


def test_pre_quantized_models_run_it_on_the_host() -> None:
    assert qdq_reason(transposed()) == "no ConvTranspose in a pre-quantized (QDQ) model"
