"""The scales of a pre-quantized model are values, in tables of their own for each model."""

from __future__ import annotations

import dataclasses

import pytest

from myvta.compiler.ir.qdq_scales import QdqScales, TensorScale


def test_scales_are_compared_by_value_and_symmetric_by_default() -> None:
    assert TensorScale(0.5) == TensorScale(0.5, 0)
    assert TensorScale(0.5, 3) != TensorScale(0.5)
    assert TensorScale(0.5) != TensorScale(0.25)


def test_scale_is_immutable() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        TensorScale(0.5).scale = 1.0  # type: ignore[misc]


def test_models_do_not_share_tables() -> None:
    first, second = QdqScales(), QdqScales()
    for table in dataclasses.fields(QdqScales):
        assert getattr(first, table.name) == {}
        assert getattr(first, table.name) is not getattr(second, table.name)
