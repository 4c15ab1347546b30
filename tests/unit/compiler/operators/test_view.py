"""View: the same channels with pixels in another shape, and its reasons for the host."""

from __future__ import annotations

import pytest
from graph_cases import graph_of
from operator_rules import host_reason, quantize_node, quantize_qdq

from myvta.compiler.ir.graph import Graph, Node
from myvta.compiler.ir.qdq_scales import TensorScale
from myvta.compiler.operators.constraints import RESHAPED
from myvta.compiler.operators.view import VIEW, ViewAttributes

MIXED = "mixes channels and pixels"


def view(before: tuple[int, ...], after: tuple[int, ...]) -> Graph:
    return graph_of(Node("View", "n", ("x",), ("y",)), shapes={"x": before, "y": after})


@pytest.mark.parametrize(("before", "after", "reason"), [
    ((1, 3, 2, 4), (1, 3, 8), ""), ((1, 3, 8), (1, 3, 4, 2), ""), ((1, 3), (1, 3, 1, 1), ""),
    ((1, 3, 2, 4), (1, 6, 4), MIXED), ((1, 3, 8), (1, 8, 3), MIXED), ((1, 6), (1, 2, 3), MIXED),
    ((1, 3, 8), (1, 3, 2, 2, 2), MIXED),
])
def test_channels_must_stay(before: tuple[int, ...], after: tuple[int, ...], reason: str) -> None:
    assert host_reason(view(before, after)) == reason


def test_reshaped_input_is_on_the_host() -> None:
    graph = view((1, 3, 8), (1, 3, 2, 4))
    assert host_reason(graph, layouts={"x": (8, 3, 1)}) == RESHAPED


def test_flattened_map_may_become_the_same_map() -> None:
    graph = view((1, 24), (1, 3, 2, 4))
    assert host_reason(graph, layouts={"x": (3, 4, 2)}) == ""
    assert host_reason(graph, layouts={"x": (6, 2, 2)}) == MIXED


def test_shape_and_scale_are_kept() -> None:
    node, exponent = quantize_node(view((1, 3, 8), (1, 3, 2, 4)), {"x": -4, "y": 2})
    assert (node.attrs, node.requant, exponent) == (ViewAttributes((3, 2, 4)), None, -4)
    result = quantize_qdq(view((1, 3, 8), (1, 3, 2, 4)), {"x": TensorScale(0.1, 5)})
    assert result.scales["y"] == TensorScale(0.1, 5)


def test_output_is_the_memory_of_its_input_with_a_layout_of_its_own() -> None:
    assert ViewAttributes.is_view
    assert not ViewAttributes.keeps_layout
    assert VIEW.layer is None
