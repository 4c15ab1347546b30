"""The registry: complete, without duplicates, and lowering dispatches by it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from conv_nodes import conv_node

from myvta.compiler.codegen.lowering_context import Activation
from myvta.compiler.ir.attributes import Attributes, SlidingWindow
from myvta.compiler.ir.layouts import ChannelLayout
from myvta.compiler.ir.quantized_graph import QuantizedNode
from myvta.compiler.lower.conv.fusion_group import FusionGroup
from myvta.compiler.operators import registry
from myvta.compiler.operators.registry import (
    EPILOGUE_RULES,
    FALLBACK_REASONS,
    OPERATORS,
    layer_of,
)
from myvta.compiler.operators.relu import ReluAttributes
from myvta.compiler.schedule.conv_problem import ConvShape
from myvta.isa.config import named

SHARED = {"__init__", "constraints", "operator", "operator_docs", "quantization_rules", "registry"}


def test_every_file_of_the_room_is_one_registered_operator() -> None:
    files = {path.stem for path in Path(registry.__file__).parent.glob("*.py")} - SHARED
    assert len(files) == len(OPERATORS)


def test_operators_are_found_by_their_name() -> None:
    assert [operator.name for operator in OPERATORS.values()] == list(OPERATORS)
    assert all(issubclass(operator.attributes, Attributes) for operator in OPERATORS.values())


def test_layout_keeping_operators_and_views_are_these() -> None:
    kept = {name for name, known in OPERATORS.items() if known.attributes.keeps_layout}
    assert kept == {"Add", "ScaledAdd", "Affine", "Relu", "Clip", "LeakyRelu", "Tanh", "HardSwish",
                    "HardSigmoid", "Table", "Flatten"}
    assert {name for name, known in OPERATORS.items() if known.attributes.is_view} == {
        "Flatten", "View"}


def test_only_convolutions_dense_layers_and_views_are_not_lowered_alone() -> None:
    assert {name for name, known in OPERATORS.items() if known.layer is None} == {
        "Conv", "ConvTranspose", "Gemm", "Flatten", "View"}


def test_fallback_reasons_are_of_other_operators_and_stated_once() -> None:
    stated = [name for known in OPERATORS.values() for name in known.fallback_reasons]
    assert len(stated) == len(set(stated)) == len(FALLBACK_REASONS)
    assert not set(stated) & set(OPERATORS)
    assert FALLBACK_REASONS["MatMul"] == "neither factor is a constant matrix"


def node(op: str) -> QuantizedNode:
    return QuantizedNode(op, "n", ("x",), ("y",), ReluAttributes())


def test_layer_is_made_by_the_function_of_the_operator(monkeypatch: pytest.MonkeyPatch) -> None:
    result: Any = object()
    calls: list[tuple[Any, ...]] = []

    def layer(*given: Any) -> Any:
        calls.append(given)
        return result

    monkeypatch.setitem(OPERATORS, "Relu", replace(OPERATORS["Relu"], layer=layer))
    relu, config = node("Relu"), named("1x4x4")
    assert layer_of(relu, {}, config) is result
    assert calls == [(relu, {}, config)]


def test_fusion_group_is_the_layer_of_its_convolution() -> None:
    conv = conv_node((6, 5, 3, 3), SlidingWindow((3, 3), (1, 1), (1, 1, 1, 1)))
    places = {
        "x": Activation(0, 1, 2, ChannelLayout(5, 4, 4)),
        "y": Activation(32, 1, 2, ChannelLayout(6, 4, 4))}
    layer = layer_of(FusionGroup(conv), places, named("1x4x4"))
    assert layer.node is conv
    assert layer.problem == ConvShape(1, 2, 2, (4, 4), (4, 4), (3, 3), before=(1, 1))


def test_convolution_is_not_lowered_by_itself() -> None:
    with pytest.raises(AssertionError, match="^n: Conv is not lowered by itself"):
        layer_of(node("Conv"), {}, named("1x4x4"))


def test_operators_with_an_epilogue_are_these() -> None:
    assert set(EPILOGUE_RULES) == {
        "Relu", "Clip", "LeakyRelu", "Table", "MaxPool", "AveragePool", "GlobalAveragePool"}
    assert {name for name, rule in EPILOGUE_RULES.items() if rule.windows is not None} == {
        "MaxPool", "AveragePool", "GlobalAveragePool"}
