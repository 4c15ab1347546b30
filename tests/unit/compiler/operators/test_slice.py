"""Slice: a range of channels in the kept scale, and its reasons for the host."""

from __future__ import annotations

from typing import Any

import numpy as np
from graph_cases import graph_of
from operator_rules import host_reason, quantize_node, quantize_qdq

from myvta.compiler.ir.graph import Graph, Node
from myvta.compiler.ir.qdq_scales import TensorScale
from myvta.compiler.operators.constraints import RESHAPED
from myvta.compiler.operators.slice import SliceAttributes
from myvta.compiler.reference.reference_evaluator import evaluate_node


def channels(**attrs: Any) -> Graph:
    return graph_of(Node("Slice", "n", ("x",), ("y",), attrs),
                    shapes={"x": (1, 6, 2), "y": (1, 3, 2)})


def test_reasons_for_the_host() -> None:
    assert host_reason(channels(start=2, stop=5)) == ""
    assert host_reason(channels()) == (
        "does not slice whole channels, or rows and columns, with a step of 1")
    assert host_reason(channels(start=2, stop=5), layouts={"x": (12, 1, 1)}) == RESHAPED


def test_channels_keep_integers_and_scale() -> None:
    node, exponent = quantize_node(channels(start=2, stop=5), {"x": -4, "y": 2})
    assert (node.attrs, node.requant, exponent) == (SliceAttributes(2, 5), None, -4)
    x = np.arange(12).reshape(1, 6, 2)
    np.testing.assert_array_equal(evaluate_node(node, [x], 8), x[:, 2:5])


def test_pre_quantized_scale_is_kept() -> None:
    result = quantize_qdq(channels(start=2, stop=5), {"x": TensorScale(0.1, 5)})
    assert (len(result.nodes), result.scales["y"]) == (1, TensorScale(0.1, 5))
