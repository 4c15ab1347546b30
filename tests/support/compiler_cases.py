"""Random networks of every operator that is not a convolution, as hypothesis strategies.

A case is plain data that adds itself to a :class:`NetworkBuilder`, so a failing one prints as what
would have to be typed to see it again.  :data:`GENERATORS` lists the strategies that the fuzz test
draws from; anything with ``build(network) -> name of the output`` is a case.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from compiler_conv_cases import (
    convolutions,
    depthwise_convolutions,
    grouped_convolutions,
    transposed_convolutions,
)
from compiler_networks import NetworkBuilder
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

__all__ = ["GENERATORS", "Case", "NetworkCase", "Step", "networks"]

Shape = tuple[int, ...]


class Case(Protocol):
    """What the fuzz test compiles."""

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


# -- building ------------------------------------------------------------------------------------
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
        ceil = 0  # a window would begin behind the padded input: ONNX changed what that means
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
    "host": _same("Sigmoid"),
}
"""``BUILD[op](network, inputs, **args)`` adds nodes and returns their outputs."""


# -- drawing -------------------------------------------------------------------------------------
Args = dict[str, Any]


def _draw_pool(draw: st.DrawFn, shape: Shape) -> Args:
    kernel = tuple(draw(st.integers(1, min(4, size))) for size in shape[2:])
    pads = tuple(draw(st.integers(0, kernel[axis % 2] - 1)) for axis in range(4))
    op = draw(st.sampled_from(("MaxPool", "AveragePool")))
    apart = tuple(
        draw(st.integers(1, 2)) if op == "MaxPool" and 2 * (k - 1) < size else 1
        for k, size in zip(kernel, shape[2:], strict=True)
    )
    return {
        "op": op, "dilations": apart, "kernel": kernel,
        "strides": (draw(st.integers(1, 3)), draw(st.integers(1, 3))),
        "pads": pads, "ceil": draw(st.integers(0, 1)),
        "counted": draw(st.integers(0, 1)) if op == "AveragePool" else 0,
    }


def _draw_conv(draw: st.DrawFn, shape: Shape) -> Args:
    kernel = tuple(draw(st.integers(1, min(3, size))) for size in shape[2:])
    depthwise = draw(st.integers(0, 3)) == 0
    return {
        "channels": shape[1] if depthwise else draw(st.integers(1, 12)), "kernel": kernel,
        "strides": (draw(st.integers(1, 2)), draw(st.integers(1, 2))),
        "pads": tuple(draw(st.integers(0, kernel[axis % 2] - 1)) for axis in range(4)),
        "group": shape[1] if depthwise else 1,
    }


def _draw_constant(draw: st.DrawFn, shape: Shape) -> Args:
    op = draw(st.sampled_from(("Add", "Sub", "Mul", "Div")))
    forms = ["scalar", "channel"]
    if op in ("Add", "Sub") and len(shape) == 4:
        forms += ["whole", "pixel"]
    form = draw(st.sampled_from(forms))
    turned = op in ("Add", "Mul") or (op == "Sub" and form in ("scalar", "channel"))
    return {
        "op": op, "form": form, "gain": draw(st.sampled_from((1.0, 0.02, 20.0))),
        "first": turned and draw(st.booleans()),
    }


def _draw_clip(draw: st.DrawFn, shape: Shape) -> Args:
    low, high = draw(st.sampled_from((
        (0.0, 6.0), (-1.0, 1.0), (-np.inf, 0.5), (0.25, np.inf), (0.0, 0.7), (-0.3, 40.0),
    )))
    return {"low": low, "high": high}


def _draw_slice(draw: st.DrawFn, shape: Shape) -> Args:
    axes = [1] if len(shape) != 4 or draw(st.booleans()) else [2, 3]
    starts = [draw(st.integers(0, shape[axis] - 1)) for axis in axes]
    ends = [draw(st.integers(s + 1, shape[a])) for a, s in zip(axes, starts, strict=True)]
    return {"starts": tuple(starts), "ends": tuple(ends), "axes": tuple(axes)}


def _draw_split(draw: st.DrawFn, shape: Shape) -> Args:
    first = draw(st.integers(1, shape[1] - 1))
    return {"sizes": (first, shape[1] - first)}


def _draw_pad(draw: st.DrawFn, shape: Shape) -> Args:
    wide = st.integers(0, 20) if draw(st.integers(0, 9)) == 0 else st.integers(0, 3)
    return {
        "pads": tuple(draw(wide) for _ in range(4)),
        "value": draw(st.sampled_from((0.0, 0.0, 1.0, -0.75))),
    }


def _draw_view(draw: st.DrawFn, shape: Shape) -> Args:
    if len(shape) == 2:  # features become a map
        channels = draw(st.sampled_from([c for c in range(1, shape[1] + 1) if shape[1] % c == 0]))
        return {"size": (shape[1] // channels, 1), "channels": channels}
    pixels = int(np.prod(shape[2:]))
    sizes = [(pixels,), (pixels, 1), (1, pixels), *(
        (size, pixels // size) for size in range(2, pixels) if pixels % size == 0)]
    return {"size": draw(st.sampled_from(sizes))}


def _fixed(args: Args) -> Callable[[st.DrawFn, Shape], Args]:
    return lambda draw, shape: args


_Draw = tuple[Callable[[Shape], bool], Callable[[st.DrawFn, Shape], Args]]


def _any(shape: Shape) -> bool:
    return True


def _maps(shape: Shape) -> bool:
    return len(shape) == 4


def _signals(shape: Shape) -> bool:
    return len(shape) == 3


DRAW: dict[str, _Draw] = {
    "relu": (_any, _fixed({})), "tanh": (_any, _fixed({})),
    "hard_swish": (_any, _fixed({})),
    "hard_sigmoid": (_any, lambda draw, shape: {
        "alpha": draw(st.sampled_from((0.2, 1 / 6, -1.5))),
        "beta": draw(st.sampled_from((0.5, -2.0)))}),
    "negative": (_any, _fixed({})),
    "clip": (_any, _draw_clip),
    "leaky": (_any, lambda draw, shape: {"alpha": 2.0 ** -draw(st.integers(0, 8))}),
    "constant": (_any, _draw_constant), "batch_norm": (_maps, _fixed({})),
    "pool": (_maps, _draw_pool),
    "global": (_maps, lambda draw, shape: {"op": draw(st.sampled_from(
        ("GlobalAveragePool", "GlobalMaxPool", "ReduceMean")))}),
    "slice": (_any, _draw_slice), "split": (lambda shape: shape[1] > 1, _draw_split),
    "pad": (_maps, _draw_pad),
    "resize": (_maps, lambda draw, shape: {
        "factors": (draw(st.integers(1, 3)), draw(st.integers(1, 3))),
        "way": draw(st.integers(0, 1)),
    }),
    "flatten": (lambda shape: len(shape) > 2, _fixed({})),
    "view": (_any, _draw_view),
    "gemm": (lambda shape: len(shape) == 2, lambda draw, shape: {
        "features": draw(st.integers(1, 24)), "matmul": draw(st.booleans())}),
    "rows": (_signals, lambda draw, shape: {
        "features": draw(st.integers(1, 24)), "bias": draw(st.booleans())}),
    "columns": (_signals, lambda draw, shape: {"features": draw(st.integers(1, 24))}),
    "conv": (_maps, _draw_conv),
    "identity": (_any, _fixed({})), "dropout": (_any, _fixed({})), "cast": (_any, _fixed({})),
    "host": (_any, _fixed({})), "add": (_any, _fixed({})), "concat": (_any, _fixed({})),
}
"""Where an operator applies, and how its arguments are drawn."""

_LARGEST = 6000  # values of a tensor: bigger ones only take longer
_MANY = ("add", "concat")  # of several tensors
_OFTEN = (
    "pool", "pool", "concat", "concat", "constant", "gemm", "gemm", "slice", "rows", "columns",
)
_OUTPUTS = {"split": 2}
_SOLID = ("relu", "negative", "clip", "constant", "batch_norm", "add", "gemm", "rows", "columns",
          "conv")
"""What always leaves work for the accelerator."""


@st.composite
def networks(draw: st.DrawFn, longest: int = 4) -> NetworkCase:
    """Draw a network of 1 to ``longest`` operators."""
    largest = 40 if draw(st.integers(0, 7)) == 0 else 11
    size = (draw(st.integers(1, 9)), draw(st.integers(1, 9)))
    rank = draw(st.sampled_from((4, 4, 4, 4, 3, 2)))
    shape = (
        draw(st.sampled_from((1, 1, 1, 2, 3))), draw(st.integers(1, largest)), *size[: rank - 2]
    )
    scratch = NetworkBuilder()
    tensors, steps = [scratch.input(shape)], []
    for _ in range(draw(st.integers(1, longest))):
        now = scratch.shapes[tensors[-1]]
        fitting = [op for op, (applies, _) in DRAW.items() if applies(now)]
        fitting += [op for op in _OFTEN if op in fitting]
        op = draw(st.sampled_from(fitting))
        operands = [len(tensors) - 1]
        if op in _MANY:
            first = 0 if op == "add" else 1
            others = [
                index for index, name in enumerate(tensors)
                if scratch.shapes[name][:1] + scratch.shapes[name][1 + first :]
                == now[:1] + now[1 + first :]
                and (first or scratch.shapes[name] == now)
            ]
            count = 1 if op == "add" else draw(st.integers(1, 3))
            operands += [draw(st.sampled_from(others)) for _ in range(count)]
        step = Step(op, tuple(operands), tuple(DRAW[op][1](draw, now).items()))
        step.grow(scratch, tensors)
        if np.prod(scratch.shapes[tensors[-1]]) > _LARGEST:
            break
        steps.append(step)
    if not any(step.op in _SOLID for step in steps):
        steps.append(Step("relu", (sum(_OUTPUTS.get(step.op, 1) for step in steps),)))
    return NetworkCase(shape, tuple(steps), draw(st.integers(0, 9)))


GENERATORS: dict[str, st.SearchStrategy[Case]] = {
    "operators": networks(), "convolutions": convolutions(), "grouped": grouped_convolutions(),
    "depthwise": depthwise_convolutions(), "transposed": transposed_convolutions(),
}
"""Strategies of cases by name."""
