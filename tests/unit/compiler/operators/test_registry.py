"""The registry: complete operators, each with a reference, and reasons for the ones left behind."""

from __future__ import annotations

from dataclasses import is_dataclass

import pytest

from myvta.compiler.ir.attributes import Attributes, WeightedAttributes
from myvta.compiler.ir.quantized_graph import QuantizedNode
from myvta.compiler.operators.flatten import FlattenAttributes
from myvta.compiler.operators.operator import Operator
from myvta.compiler.operators.registry import FALLBACK_REASONS, OPERATORS, lower_node
from myvta.compiler.reference.reference_operators import REFERENCES


def test_every_operator_has_a_reference_and_no_other_name_has_one() -> None:
    assert set(REFERENCES) == set(OPERATORS)


@pytest.mark.parametrize("operator", OPERATORS.values(), ids=lambda operator: operator.name)
def test_operator_is_complete(operator: Operator) -> None:
    assert issubclass(operator.attributes, Attributes)
    assert is_dataclass(operator.attributes)
    assert operator.attributes.__dataclass_params__.frozen
    assert operator.form and operator.reason
    lowered_elsewhere = operator.attributes.is_view or issubclass(
        operator.attributes, WeightedAttributes)
    assert (operator.lower is None) == lowered_elsewhere


def test_only_quantization_inserts_operators_without_a_rule() -> None:
    assert [name for name, each in OPERATORS.items() if each.quantize is None] == ["ScaledAdd"]


def test_attributes_are_of_one_operator_each() -> None:
    types = [operator.attributes for operator in OPERATORS.values()]
    assert len(set(types)) == len(types)


def test_fallback_reasons_are_of_operators_that_are_not_registered() -> None:
    assert not FALLBACK_REASONS.keys() & OPERATORS.keys()
    assert len(FALLBACK_REASONS) == sum(
        len(operator.fallback_reasons) for operator in OPERATORS.values())


def test_view_is_not_lowered() -> None:
    node = QuantizedNode("Flatten", "f", ("x",), ("y",), FlattenAttributes())
    with pytest.raises(AssertionError, match=r"^f: Flatten is not lowered by itself$"):
        lower_node(None, node)  # type: ignore[arg-type]
