"""Random networks of every operator that is not a convolution, as hypothesis strategies.

:data:`GENERATORS` lists the strategies that the fuzz test draws from; an example is a
:class:`compiler_steps.Case`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from compiler_conv_cases import (
    convolutions,
    depthwise_convolutions,
    grouped_convolutions,
    transposed_convolutions,
)
from compiler_networks import NetworkBuilder
from compiler_steps import Case, NetworkCase, Shape, Step
from hypothesis import strategies as st

__all__ = ["DRAW", "GENERATORS", "networks"]


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
    swappable = op in ("Add", "Mul") or (op == "Sub" and form in ("scalar", "channel"))
    return {
        "op": op, "form": form, "gain": draw(st.sampled_from((1.0, 0.02, 20.0))),
        "first": swappable and draw(st.booleans()),
    }


def _draw_clip(draw: st.DrawFn, shape: Shape) -> Args:
    low, high = draw(st.sampled_from((
        (0.0, 6.0), (-1.0, 1.0), (-np.inf, 0.5), (0.25, np.inf), (0.0, 0.7), (-0.3, 40.0),
    )))
    return {"low": low, "high": high}


def _draw_function(draw: st.DrawFn, shape: Shape) -> Args:
    return {
        "op": draw(st.sampled_from(("Sigmoid", "Softplus", "Abs", "Erf", "Elu", "Sign"))),
        "gated": draw(st.booleans()), "gain": draw(st.sampled_from((1.0, -3.0, 0.1))),
    }


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
    "negative": (_any, _fixed({})), "function": (_any, _draw_function),
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
        if any(step.op == "host" for step in steps):  # between two the host keeps light work
            fitting.remove("host")
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
