"""Resize: whole factors, a scale that stays."""

from __future__ import annotations

from typing import Any

import numpy as np
from graph_cases import graph_of
from operator_rules import host_reason, quantize_node, quantize_qdq

from myvta.compiler.ir.graph import Graph, Node
from myvta.compiler.ir.qdq_scales import TensorScale
from myvta.compiler.operators.resize import ResizeAttributes
from myvta.compiler.reference.reference_evaluator import evaluate_node


def resize(**attrs: Any) -> Graph:
    return graph_of(Node("Resize", "n", ("x",), ("y",), attrs),
                    shapes={"x": (1, 2, 2, 3), "y": (1, 2, 4, 9)})


def test_other_modes_are_on_the_host() -> None:
    assert host_reason(resize(factors=(2, 3))) == ""
    assert host_reason(resize()) == "not nearest neighbours at an integer scale"


def test_every_pixel_is_repeated_in_the_kept_scale() -> None:
    node, exponent = quantize_node(resize(factors=(2, 3)), {"x": -4, "y": 2})
    assert (node.attrs, node.requant, exponent) == (ResizeAttributes((2, 3)), None, -4)
    x = np.arange(12).reshape(1, 2, 2, 3)
    np.testing.assert_array_equal(
        evaluate_node(node, [x], 8), x.repeat(2, 2).repeat(3, 3))


def test_pre_quantized_scale_is_kept() -> None:
    result = quantize_qdq(resize(factors=(2, 3)), {"x": TensorScale(0.1, 5)})
    assert (len(result.nodes), result.scales["y"]) == (1, TensorScale(0.1, 5))
