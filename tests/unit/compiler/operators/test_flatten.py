"""Flatten: a view that keeps scale and layout, possible where the layout is the shape's."""

from __future__ import annotations

from graph_cases import graph_of
from operator_rules import host_reason, quantize_node, quantize_qdq

from myvta.compiler.ir.graph import Graph, Node
from myvta.compiler.ir.qdq_scales import TensorScale
from myvta.compiler.operators.constraints import RESHAPED
from myvta.compiler.operators.flatten import FLATTEN, FlattenAttributes


def flatten(shape: tuple[int, ...] = (1, 2, 3)) -> Graph:
    return graph_of(Node("Flatten", "n", ("x",), ("y",)), shapes={"x": shape, "y": (1, 6)})


def test_reshaped_input_is_flattened_on_the_host() -> None:
    assert host_reason(flatten()) == ""
    assert host_reason(flatten(), layouts={"x": (3, 1, 2)}) == RESHAPED
    assert host_reason(flatten((1, 6)), layouts={"x": (2, 3, 1)}) == ""  # flat already


def test_scale_is_kept() -> None:
    node, exponent = quantize_node(flatten(), {"x": -4, "y": 7})
    assert (node.attrs, node.requant, exponent) == (FlattenAttributes(), None, -4)
    result = quantize_qdq(flatten(), {"x": TensorScale(0.1, 5)})
    assert [node.op for node in result.nodes] == ["Flatten"]
    assert result.scales["y"] == TensorScale(0.1, 5)


def test_output_is_the_memory_of_its_input() -> None:
    assert FlattenAttributes.is_view
    assert FlattenAttributes.keeps_layout
    assert FLATTEN.layer is None
