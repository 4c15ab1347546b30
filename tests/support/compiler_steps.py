"""Operators of a network as data.

A case adds itself to a :class:`NetworkBuilder`, so a failing one prints as the text that builds the
same network again.  Anything with ``build(network) -> name of the output`` is a case.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from compiler_networks import NetworkBuilder
from onnx import TensorProto, helper, numpy_helper

__all__ = ["BUILD", "Case", "NetworkCase", "Shape", "Step"]

Shape = tuple[int, ...]


class Case(Protocol):
    """A network that the fuzz test compiles."""

    def build(self, network: NetworkBuilder) -> str:
        """Add inputs and nodes; return the name of the output."""
        ...


@dataclass(frozen=True)
class Step:
    """One operator on earlier tensors, by number; 0 is the input."""

    op: str
    operands: tuple[int, ...]
    args: tuple[tuple[str, Any], ...] = ()

    def grow(self, network: NetworkBuilder, tensors: list[str]) -> None:
        """Add its nodes, and its outputs to the tensors."""
        inputs = [tensors[index] for index in self.operands]
        tensors += BUILD[self.op](network, inputs, **dict(self.args))


@dataclass(frozen=True)
class NetworkCase:
    """A chain of operators, some with several inputs or outputs."""

    shape: Shape
    steps: tuple[Step, ...]
    seed: int = 0

    def build(self, network: NetworkBuilder) -> str:
        """Add everything; return the last output."""
        network.random = np.random.default_rng(self.seed)
        tensors = [network.input(self.shape)]
        for step in self.steps:
            step.grow(network, tensors)
        return tensors[-1]


Built = list[str]


def _integers(network: NetworkBuilder, values: list[int]) -> str:
    """Add an int64 constant."""
    name = f"n{len(network.constants)}"
    network.constants.append(numpy_helper.from_array(np.array(values, np.int64), name))
    return name


def _same(op: str) -> Callable[..., Built]:
    """Return a builder of an operator that keeps the shape."""
    def build(network: NetworkBuilder, inputs: list[str], **attrs: Any) -> Built:
        return [network.node(op, inputs, network.shapes[inputs[0]], **attrs)]

    return build


def _clip(network: NetworkBuilder, inputs: list[str], low: float, high: float) -> Built:
    bounds = [network.constant(np.array(v), "c") if np.isfinite(v) else "" for v in (low, high)]
    return [network.node("Clip", [*inputs, *bounds], network.shapes[inputs[0]])]


def _constant(
    network: NetworkBuilder, inputs: list[str], op: str, form: str, gain: float, first: bool
) -> Built:
    """Add arithmetic with a constant: one number, one a channel, or one a value."""
    (x,) = inputs
    shape = network.shapes[x]
    size = {"scalar": (), "channel": (shape[1],) + (1,) * (len(shape) - 2),
            "whole": (1, *shape[1:]), "pixel": shape[2:]}[form]
    value = network.random.uniform(0.3, 1.5, size) * gain
    if op not in ("Div", "Mul") or network.random.integers(2):
        value = value * network.random.choice([-1, 1], size)
    other = network.constant(value, "k")
    names = [other, x] if first else [x, other]
    return [network.node(op, names, shape)]


def _batch_norm(network: NetworkBuilder, inputs: list[str]) -> Built:
    return [network.batch_norm(inputs[0])]


def _pool(
    network: NetworkBuilder, inputs: list[str], op: str, kernel: Shape, strides: Shape,
    pads: Shape, ceil: int = 0, counted: int = 0, dilations: Shape = (1, 1),
) -> Built:
    n, c, *size = network.shapes[inputs[0]]
    spans = [have + pads[a] + pads[a + 2] - dilations[a] * (kernel[a] - 1) - 1
             for a, have in enumerate(size)]
    up = [-(-span // stride) for span, stride in zip(spans, strides, strict=True)]
    if any(up[a] * strides[a] >= have + pads[a] for a, have in enumerate(size)):
        ceil = 0  # a window would begin after the padded input: ONNX changed its meaning
    out = [n + 1 if ceil else span // stride + 1
           for n, span, stride in zip(up, spans, strides, strict=True)]
    attrs: dict[str, Any] = {"count_include_pad": counted}
    if op == "MaxPool":
        attrs = {"dilations": dilations}
    return [network.node(
        op, inputs, (n, c, *out), kernel_shape=kernel, strides=strides, pads=pads,
        ceil_mode=ceil, **attrs,
    )]


def _global(network: NetworkBuilder, inputs: list[str], op: str) -> Built:
    n, c, *size = network.shapes[inputs[0]]
    if op == "ReduceMean":
        axes = list(range(2, 2 + len(size)))
        return [network.node(op, inputs, (n, c), axes=axes, keepdims=0)]
    return [network.node(op, inputs, (n, c, *(1 for _ in size)))]


def _concat(network: NetworkBuilder, inputs: list[str]) -> Built:
    shapes = [network.shapes[name] for name in inputs]
    total = sum(shape[1] for shape in shapes)
    return [network.node("Concat", inputs, (shapes[0][0], total, *shapes[0][2:]), axis=1)]


def _slice(
    network: NetworkBuilder, inputs: list[str], starts: list[int], ends: list[int],
    axes: list[int],
) -> Built:
    shape = list(network.shapes[inputs[0]])
    for start, end, axis in zip(starts, ends, axes, strict=True):
        shape[axis] = end - start
    names = [_integers(network, list(values)) for values in (starts, ends, axes)]
    return [network.node("Slice", [*inputs, *names], tuple(shape))]


def _split(network: NetworkBuilder, inputs: list[str], sizes: list[int]) -> Built:
    n, _, *rest = network.shapes[inputs[0]]
    names = [f"split{len(network.nodes)}_{index}" for index in range(len(sizes))]
    for name, size in zip(names, sizes, strict=True):
        network.shapes[name] = (n, size, *rest)
    network.nodes.append(helper.make_node(
        "Split", [*inputs, _integers(network, list(sizes))], names, name=names[0], axis=1,
    ))
    return names


def _pad(network: NetworkBuilder, inputs: list[str], pads: Shape, value: float) -> Built:
    n, c, h, w = network.shapes[inputs[0]]
    top, left, bottom, right = pads
    shape = (n, c, h + top + bottom, w + left + right)
    names = [_integers(network, [0, 0, top, left, 0, 0, bottom, right]),
             network.constant(np.array(value), "v")]
    return [network.node("Pad", [*inputs, *names], shape)]


def _resize(network: NetworkBuilder, inputs: list[str], factors: Shape, way: int) -> Built:
    n, c, h, w = network.shapes[inputs[0]]
    scales = network.constant(np.array([1, 1, *factors]), "s")
    attrs = [
        {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"},
        {"coordinate_transformation_mode": "half_pixel"},
    ][way]
    return [network.node(
        "Resize", [*inputs, "", scales], (n, c, h * factors[0], w * factors[1]), mode="nearest",
        **attrs,
    )]


def _flatten(network: NetworkBuilder, inputs: list[str]) -> Built:
    return [network.flatten(inputs[0])]


def _view(
    network: NetworkBuilder, inputs: list[str], size: Shape, channels: int | None = None
) -> Built:
    n, c = network.shapes[inputs[0]][:2]
    c = channels or c
    name = _integers(network, [n, c, *size])
    return [network.node("Reshape", [*inputs, name], (n, c, *size))]


def _gemm(network: NetworkBuilder, inputs: list[str], features: int, matmul: bool) -> Built:
    if not matmul:
        return [network.gemm(inputs[0], features)]
    *rows, k = network.shapes[inputs[0]]
    weight = network.constant(network.random.normal(0, 1 / np.sqrt(k), (k, features)))
    return [network.node("MatMul", [*inputs, weight], (*rows, features))]


def _rows(network: NetworkBuilder, inputs: list[str], features: int, bias: bool) -> Built:
    """Add a dense layer of the last of three axes."""
    (x,) = _gemm(network, inputs, features, True)
    if bias:
        added = network.constant(network.random.normal(0, 0.3, features), "b")
        x = network.node("Add", [x, added], network.shapes[x])
    return [x]


def _columns(network: NetworkBuilder, inputs: list[str], features: int) -> Built:
    """Add a dense layer of the second of three axes."""
    n, k, t = network.shapes[inputs[0]]
    weight = network.constant(network.random.normal(0, 1 / np.sqrt(k), (features, k)))
    return [network.node("MatMul", [weight, *inputs], (n, features, t))]


def _function(
    network: NetworkBuilder, inputs: list[str], op: str, gated: bool, gain: float
) -> Built:
    """Add a function of x times a factor, also times x itself (SiLU and the like)."""
    (x,) = inputs
    shape = network.shapes[x]
    y = network.node("Mul", [x, network.constant(np.array(gain), "g")], shape)
    y = network.node(op, [y], shape)
    return [network.node("Mul", [x, y], shape)] if gated else [y]


def _conv(network: NetworkBuilder, inputs: list[str], channels: int, **window: Any) -> Built:
    return [network.conv(inputs[0], channels, **window)]


BUILD: dict[str, Callable[..., Built]] = {
    "relu": _same("Relu"), "leaky": _same("LeakyRelu"), "tanh": _same("Tanh"),
    "hard_swish": _same("HardSwish"), "hard_sigmoid": _same("HardSigmoid"),
    "clip": _clip, "constant": _constant,
    "negative": _same("Neg"), "batch_norm": _batch_norm, "add": _same("Add"), "pool": _pool,
    "global": _global, "concat": _concat, "slice": _slice, "split": _split, "pad": _pad,
    "resize": _resize, "flatten": _flatten, "view": _view, "gemm": _gemm, "rows": _rows,
    "columns": _columns, "conv": _conv,
    "identity": _same("Identity"), "dropout": _same("Dropout"),
    "cast": lambda network, inputs: _same("Cast")(network, inputs, to=TensorProto.FLOAT),
    "function": _function,
    "host": lambda network, inputs: _same("Softmax")(network, inputs, axis=1),
}
"""``BUILD[op](network, inputs, **args)`` adds nodes and returns their outputs."""
