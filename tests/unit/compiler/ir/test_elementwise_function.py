"""A function of one value as nodes of a model."""

from __future__ import annotations

from myvta.compiler.ir.elementwise_function import ElementwiseFunction
from myvta.compiler.ir.host_payload import HostPayload


def test_text_names_the_operators() -> None:
    function = ElementwiseFunction(
        HostPayload("onnx", b""), "x", "y", (1, 256), ("Sigmoid", "Mul"))
    assert str(function) == "Sigmoid, Mul"
