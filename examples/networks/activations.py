"""Activation functions as nodes, spelled as torch.onnx.export spells them for the operator set."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from builder import Builder

__all__ = ["gelu", "hard_sigmoid", "hard_swish", "prelu", "relu", "relu6", "sigmoid", "silu"]

GELU_OPSET = 20  # the first with a node of its own


def relu(net: Builder, x: str) -> str:
    """Add a Relu."""
    return net.node("Relu", [x])


def relu6(net: Builder, x: str) -> str:
    """Add a Clip to 0 .. 6."""
    bounds = [net.constant("bound", np.array(value, np.float32)) for value in (0, 6)]
    return net.node("Clip", [x, *bounds])


def sigmoid(net: Builder, x: str) -> str:
    """Add a Sigmoid."""
    return net.node("Sigmoid", [x])


def hard_sigmoid(net: Builder, x: str) -> str:
    """Add a HardSigmoid of MobileNet-v3's slope."""
    return net.node("HardSigmoid", [x], alpha=1 / 6, beta=0.5)


def silu(net: Builder, x: str) -> str:
    """Add SiLU, the product of the input with its Sigmoid."""
    gate = net.node("Sigmoid", [x])
    y = net.node("Mul", [x, gate])
    net.forget(gate)
    return y


def hard_swish(net: Builder, x: str) -> str:
    """Add a HardSwish."""
    return net.node("HardSwish", [x])


def gelu(net: Builder, x: str) -> str:
    """Add the exact GELU: one node from operator set 20 on, before that by Erf."""
    if net.opset >= GELU_OPSET:
        return net.node("Gelu", [x])
    scaled = net.node("Div", [x, net.scalar(np.sqrt(2))])
    error = net.node("Add", [net.node("Erf", [scaled]), net.scalar(1)])
    product = net.node("Mul", [x, error])
    y = net.node("Mul", [product, net.scalar(0.5)])
    net.forget(scaled, error, product)
    return y


def prelu(net: Builder, x: str) -> str:
    """Add a PRelu with one learned slope for all channels."""
    slope = np.full((1,) * (net.values[x].ndim - 1), net.random.uniform(0.05, 0.4), np.float32)
    return net.node("PRelu", [x, net.constant("weight", slope)])
