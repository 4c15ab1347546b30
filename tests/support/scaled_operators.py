"""Operators as graphs of one node, each with its float function, for tests of any scales."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from graph_cases import graph_of

from myvta.compiler.ir.graph import Graph, Node

__all__ = ["OPERATOR_CASES", "OperatorCase"]

_SHAPE = (1, 3, 4, 4)
_RANDOM = np.random.default_rng(5)
_WEIGHT = _RANDOM.normal(0, 0.4, (3, 3, 1, 1)).astype(np.float32)
_BIAS = _RANDOM.normal(0, 0.5, 3).astype(np.float32)
_CONSTANT = _RANDOM.normal(0, 1, _SHAPE).astype(np.float32)
_FACTOR = np.array([0.7, -1.3, 0.0], np.float32).reshape(3, 1, 1)
_OFFSET = np.array([0.1, 0.4, -0.6], np.float32).reshape(3, 1, 1)
_WINDOW = {"kernel": (2, 2), "strides": (2, 2), "pads": (0, 0, 0, 0), "dilations": (1, 1)}


@dataclass(frozen=True)
class OperatorCase:
    """One node that reads x, or x and w, and its float function.

    ``slack``: steps of the output beyond half a one that its integers may be off.
    """

    graph: Callable[[], Graph]
    function: Callable[..., np.ndarray]
    inputs: int = 1
    slack: float = 0.1


def _case(
    op: str, function: Callable[..., np.ndarray], out: tuple[int, ...] = _SHAPE,
    constants: dict[str, np.ndarray] | None = None, inputs: int = 1, slack: float = 0.1,
    **attrs: object,
) -> OperatorCase:
    names = "xw"[:inputs]

    def graph() -> Graph:
        node = Node(op, "n", (*names, *(constants or {})), ("y",), attrs)
        return graph_of(node, shapes=dict.fromkeys(names, _SHAPE) | {"y": out},
                        constants=constants)

    return OperatorCase(graph, function, inputs, slack)


def _convolved(x: np.ndarray) -> np.ndarray:
    return np.einsum("nchw,mc->nmhw", x, _WEIGHT[:, :, 0, 0]) + _BIAS.reshape(3, 1, 1)


def _blocks(x: np.ndarray) -> np.ndarray:
    """Return the values of each window of 2x2 on the last axis."""
    return x.reshape(1, 3, 2, 2, 2, 2).transpose(0, 1, 2, 4, 3, 5).reshape(1, 3, 2, 2, 4)


_CONV = {"w0": _WEIGHT, "b0": _BIAS}
_ONE = {**_WINDOW, "kernel": (1, 1), "strides": (1, 1), "group": 1}
OPERATOR_CASES: dict[str, OperatorCase] = {
    "Conv": _case("Conv", _convolved, constants=_CONV, slack=0.8, **_ONE),
    "Conv, Relu": _case(
        "Conv", lambda x: np.maximum(_convolved(x), 0), constants=_CONV, slack=0.8, relu=1, **_ONE),
    "Conv, Clip": _case(
        "Conv", lambda x: np.clip(_convolved(x), -0.3, 0.9), constants=_CONV, slack=0.8,
        clip=(-0.3, 0.9), **_ONE),
    "Add": _case("Add", lambda x, w: x + w, inputs=2, slack=0.7),
    "Add, Relu": _case("Add", lambda x, w: np.maximum(x + w, 0), inputs=2, slack=0.7, relu=1),
    "Add of a constant": _case(
        "Add", lambda x: x + _CONSTANT, constants={"c": _CONSTANT}, slack=1.2),
    "Concat": _case("Concat", lambda x, w: np.concatenate([x, w], 1), (1, 6, 4, 4), inputs=2,
                    axis=1),
    "Affine": _case("Affine", lambda x: x * _FACTOR + _OFFSET,
                    constants={"f": _FACTOR, "o": _OFFSET}),
    "AveragePool": _case("AveragePool", lambda x: _blocks(x).mean(-1), (1, 3, 2, 2), **_WINDOW,
                         counted=(0, 0, 0, 0)),
    "MaxPool": _case("MaxPool", lambda x: _blocks(x).max(-1), (1, 3, 2, 2), **_WINDOW),
    "GlobalAveragePool": _case(
        "GlobalAveragePool", lambda x: x.mean((2, 3), keepdims=True), (1, 3, 1, 1)),
    "Relu": _case("Relu", lambda x: np.maximum(x, 0)),
    "Clip": _case("Clip", lambda x: np.clip(x, -0.3, 0.9), slack=0.6, low=-0.3, high=0.9),
    "LeakyRelu": _case("LeakyRelu", lambda x: np.maximum(x, x / 4), alpha=0.25),
    "Tanh": _case("Tanh", np.tanh, slack=0.9),
    "HardSwish": _case("HardSwish", lambda x: x * np.clip(x + 3, 0, 6) / 6, slack=0.4),
    "HardSigmoid": _case("HardSigmoid", lambda x: np.clip(0.2 * x + 0.5, 0, 1), slack=0.3),
}
