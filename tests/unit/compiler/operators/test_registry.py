"""The registry: complete, without duplicates, and lowering dispatches by it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from myvta.compiler.ir.attributes import Attributes, ReluAttributes
from myvta.compiler.ir.quantized_graph import QuantizedNode
from myvta.compiler.operators import registry
from myvta.compiler.operators.registry import FALLBACK_REASONS, OPERATORS, lower_node

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
                    "HardSigmoid", "Flatten"}
    assert {name for name, known in OPERATORS.items() if known.attributes.is_view} == {
        "Flatten", "View"}


def test_only_convolutions_dense_layers_and_views_are_not_lowered_alone() -> None:
    assert {name for name, known in OPERATORS.items() if known.lower is None} == {
        "Conv", "ConvTranspose", "Gemm", "Flatten", "View"}


def test_fallback_reasons_are_of_other_operators_and_stated_once() -> None:
    stated = [name for known in OPERATORS.values() for name in known.fallback_reasons]
    assert len(stated) == len(set(stated)) == len(FALLBACK_REASONS)
    assert not set(stated) & set(OPERATORS)
    assert FALLBACK_REASONS["MatMul"] == "neither factor is a constant matrix"


def node(op: str) -> QuantizedNode:
    return QuantizedNode(op, "n", ("x",), ("y",), ReluAttributes())


def test_lowering_uses_the_function_of_the_operator(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[Any, QuantizedNode]] = []
    spy = replace(OPERATORS["Relu"], lower=lambda ctx, lowered: calls.append((ctx, lowered)))
    monkeypatch.setitem(OPERATORS, "Relu", spy)
    context: Any = object()
    relu = node("Relu")
    lower_node(context, relu)
    assert calls == [(context, relu)]


def test_convolution_is_not_lowered_by_itself() -> None:
    context: Any = object()
    with pytest.raises(AssertionError, match="^n: Conv is not lowered by itself"):
        lower_node(context, node("Conv"))
