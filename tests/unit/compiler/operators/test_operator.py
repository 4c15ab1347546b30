"""The description of an operator: its defaults are an unconstrained operator of float models."""

from __future__ import annotations

import dataclasses

import pytest
from graph_cases import graph_of

from myvta.compiler.ir.graph import Node
from myvta.compiler.operators.operator import Context, DocsRow, Operator, any_qdq
from myvta.compiler.operators.relu import ReluAttributes
from myvta.isa.config import named

ROW = DocsRow("Relu", "x", "1")


def operator() -> Operator[ReluAttributes]:
    return Operator("Relu", ReluAttributes, "one input", "ALU", ROW, layer=None)


def test_defaults_constrain_float_models_by_nothing() -> None:
    node = Node("Relu", "n", ("x",), ("y",))
    graph = graph_of(node, shapes={"x": (1, 2), "y": (1, 2)})
    described = operator()
    assert described.unsupported_reason(node, Context(graph, named("default"), {})) == ""
    assert (described.quantize, dict(described.fallback_reasons)) == (None, {})
    assert not described.channels_last(node)
    assert not described.homogeneous(node)
    assert described.qdq_reason(node, graph) == "no Relu in a pre-quantized (QDQ) model"
    assert any_qdq(node, graph) == ""


def test_operators_are_immutable_and_compared_by_identity() -> None:
    described = operator()
    assert described != operator()
    with pytest.raises(dataclasses.FrozenInstanceError):
        described.name = "Other"  # type: ignore[misc]
