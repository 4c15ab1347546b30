"""Quantized convolutions and dense layers with random weights, for tests of lower/conv."""

from __future__ import annotations

from typing import Any

import numpy as np
from lowered_node import integers, rule

from myvta.compiler.ir.attributes import (
    ConvAttributes,
    DenseAttributes,
    SlidingWindow,
    TransposedAttributes,
)
from myvta.compiler.ir.quantized_graph import QuantizedNode
from myvta.compiler.lower.conv.epilogue_rule import EpilogueNode
from myvta.compiler.operators.registry import EPILOGUE_RULES

__all__ = ["conv_node", "dense_node", "epilogue_chain", "transposed_node"]


def _weights(shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    return integers(shape, 7).astype(np.int8), np.ones(shape[0])


def conv_node(
    weight: tuple[int, ...], window: SlidingWindow, shift: int = 9, **more: Any
) -> QuantizedNode[ConvAttributes]:
    """Return ``y = conv(x)`` with weights of a shape [M, C / group, KH, KW]."""
    return QuantizedNode(
        "Conv", "conv", ("x",), ("y",), ConvAttributes(*_weights(weight), window, **more),
        rule(weight[0], shift, 11))


def transposed_node(
    weight: tuple[int, ...], window: SlidingWindow, shift: int = 9
) -> QuantizedNode[TransposedAttributes]:
    """Return ``y = conv_transpose(x)`` with weights of a shape [M, C, KH, KW]."""
    return QuantizedNode(
        "ConvTranspose", "conv", ("x",), ("y",), TransposedAttributes(*_weights(weight), window),
        rule(weight[0], shift, 11))


def dense_node(weight: tuple[int, int], **more: Any) -> QuantizedNode[DenseAttributes]:
    """Return ``y = gemm(x)`` with weights of a shape [M, K]."""
    return QuantizedNode(
        "Gemm", "gemm", ("x",), ("y",), DenseAttributes(*_weights(weight), **more),
        rule(weight[0], 9, 11))


def epilogue_chain(*nodes: QuantizedNode) -> list[EpilogueNode]:
    """Return layers with the rules of their operators."""
    return [EpilogueNode(node, EPILOGUE_RULES[node.op]) for node in nodes]
