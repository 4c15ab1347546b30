"""Attributes of quantized nodes: windows of canonical nodes, and the flags of classes."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from myvta.compiler.ir.attributes import AddAttributes, Attributes, ConvAttributes, SlidingWindow
from myvta.compiler.operators.clip import ClipAttributes
from myvta.compiler.operators.leaky_relu import LeakyReluAttributes
from myvta.compiler.operators.relu import ReluAttributes

ATTRS = {"kernel": (3, 2), "strides": (2, 1), "pads": (0, 1, 2, 3), "dilations": (1, 4)}


def test_window_of_a_canonical_node() -> None:
    window = SlidingWindow.of({**ATTRS, "group": 4, "relu": 1})
    assert dataclasses.asdict(window) == ATTRS


def test_window_holds_plain_integers() -> None:
    attrs = {name: np.array(value) for name, value in ATTRS.items()}
    window = SlidingWindow.of(attrs)
    assert window == SlidingWindow((3, 2), (2, 1), (0, 1, 2, 3), (1, 4))
    values = [v for field in dataclasses.astuple(window) for v in field]
    assert {type(value) for value in values} == {int}


@pytest.mark.parametrize("missing", ATTRS)
def test_window_needs_all_four_attributes(missing: str) -> None:
    with pytest.raises(KeyError, match=missing):
        SlidingWindow.of({name: value for name, value in ATTRS.items() if name != missing})


def test_layout_keeping_operators_are_not_views() -> None:
    kept: set[type[Attributes]] = {
        AddAttributes, ReluAttributes, ClipAttributes, LeakyReluAttributes}
    assert all(kind.keeps_layout and not kind.is_view for kind in kept)
    assert not (Attributes.keeps_layout or Attributes.is_view or ConvAttributes.keeps_layout)


def test_attributes_are_immutable() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        ClipAttributes(0, 5).low = 1  # type: ignore[misc]
