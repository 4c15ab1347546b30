"""Tanh: its fixed output scale, and the integers of every input against numpy."""

from __future__ import annotations

import numpy as np
import pytest
from graph_cases import graph_of
from operator_rules import host_reason, qdq_reason, quantize_node

from myvta.compiler.ir.graph import Graph, Node
from myvta.compiler.reference.reference_evaluator import evaluate_node


def tanh(count: int) -> Graph:
    return graph_of(Node("Tanh", "n", ("x",), ("y",)), shapes={"x": (1, count), "y": (1, count)})


@pytest.mark.parametrize("width", [4, 8])
@pytest.mark.parametrize("exponent", [-9, -6, -5, -4, -2, 1])
def test_integers_approximate_the_real_function(exponent: int, width: int) -> None:
    count = 1 << width
    node, out = quantize_node(tanh(count), {"x": exponent, "y": 4}, width)
    assert out == 1 - width  # whatever calibration gives
    x = np.arange(-count // 2, count // 2)[None]
    steps = np.tanh(x * 2.0**exponent) * 2.0 ** (width - 1)
    error = evaluate_node(node, [x], width) - steps.clip(-count // 2, count // 2 - 1)
    assert np.abs(error).max() <= 1.6


def test_any_layout_runs_on_the_accelerator_and_no_pre_quantized_model() -> None:
    assert host_reason(tanh(8), layouts={"x": (2, 2, 2)}) == ""
    assert qdq_reason(tanh(8)) == "no Tanh in a pre-quantized (QDQ) model"
