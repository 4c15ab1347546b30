"""Pad: the fill as an integer of the kept scale, crops, its reason for the host."""

from __future__ import annotations

from typing import Any

import numpy as np
from graph_cases import graph_of
from operator_rules import host_reason, quantize_node, quantize_qdq

from myvta.compiler.ir.graph import Graph, Node
from myvta.compiler.ir.qdq_scales import TensorScale
from myvta.compiler.operators.pad import PadAttributes
from myvta.compiler.reference.reference_evaluator import evaluate_node

PADS = (1, 0, -1, 2)


def pad(**attrs: Any) -> Graph:
    return graph_of(Node("Pad", "n", ("x",), ("y",), attrs),
                    shapes={"x": (1, 2, 3, 3), "y": (1, 2, 3, 5)})


def test_other_padding_is_on_the_host() -> None:
    assert host_reason(pad(pads=PADS, fill=0.0)) == ""
    assert host_reason(pad()) == "does not pad rows and columns with one constant"


def test_fill_is_an_integer_of_the_kept_scale() -> None:
    node, exponent = quantize_node(pad(pads=PADS, fill=0.53), {"x": -4, "y": 2})
    assert (node.attrs, node.requant, exponent) == (PadAttributes(PADS, 8), None, -4)
    x = np.arange(18).reshape(1, 2, 3, 3)
    expected = np.pad(x, ((0, 0), (0, 0), (1, 0), (0, 2)), constant_values=8)[:, :, :-1]
    np.testing.assert_array_equal(evaluate_node(node, [x], 8), expected)
    assert quantize_node(pad(pads=PADS, fill=-99.0), {"x": -4, "y": 2})[0].attrs.fill == -128


def test_fill_has_the_zero_point_of_a_pre_quantized_model() -> None:
    for fill, integer in ((0.0, 5), (-0.2, 3)):
        (node,) = quantize_qdq(pad(pads=PADS, fill=fill), {"x": TensorScale(0.1, 5)}).nodes
        assert node.attrs == PadAttributes(PADS, integer)
