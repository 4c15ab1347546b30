"""Layers computed on the outputs of a convolution before they leave the accumulator.

The outputs of a convolution (or of the Add computed in one) that a single layer reads need not go
to memory and come back where that layer is work for the ALU: values by themselves (Relu,
Clip, LeakyRelu), or windows over them (MaxPool, AveragePool without padding, GlobalAveragePool),
those once in a chain.  The integers are those of the layers one by one.  A maximum commutes with
every non-decreasing function, so it is taken of the sums, and only the maxima are requantized.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ....isa.config import Config
from ...codegen.lowering_context import Activation
from ...ir.attributes import (
    AveragePoolAttributes,
    ClipAttributes,
    GlobalAverageAttributes,
    LeakyReluAttributes,
    MaxPoolAttributes,
    ReluAttributes,
    WeightedAttributes,
)
from ...ir.quantized_graph import QuantizedNode
from ...schedule.conv_problem import ConvShape, EpilogueSpec
from .epilogue_ops import quick_leaky

__all__ = ["Epilogue", "epilogue", "factor_of", "in_epilogues"]

VALUES = (ReluAttributes, ClipAttributes, LeakyReluAttributes)
WINDOWS = (MaxPoolAttributes, AveragePoolAttributes, GlobalAverageAttributes)
_TAPS = 81  # of windows, unless one covers everything: each is an instruction or more micro-ops


@dataclass(frozen=True, eq=False)
class Epilogue:
    """Layers on the outputs of a convolution: those ahead of the windows, the windows, the rest."""

    nodes: tuple[QuantizedNode, ...]
    ahead: tuple[QuantizedNode, ...]
    window: QuantizedNode | None
    rest: tuple[QuantizedNode, ...]
    spec: EpilogueSpec


def in_epilogues(node: QuantizedNode) -> bool:
    """Return whether a node is of a kind that epilogues have."""
    return isinstance(node.attrs, (*VALUES, *WINDOWS))


def epilogue(
    conv: QuantizedNode[WeightedAttributes], nodes: Sequence[QuantizedNode], shape: ConvShape,
    activations: Mapping[str, Activation], config: Config,
) -> Epilogue | None:
    """Return ``nodes`` as the epilogue of a convolution of a shape, None if they cannot be one.

    Whether it fits the buffers is another question (:func:`~.tiling_space.tilings`).
    """
    places = [index for index, node in enumerate(nodes) if isinstance(node.attrs, WINDOWS)]
    if len(places) > 1 or not all(_uniform(node) for node in nodes):
        return None
    first = places[0] if places else len(nodes)
    window = nodes[first] if places else None
    spec = EpilogueSpec(shape.out)
    if window is not None:
        pooled = _windows(window, activations, shape.out)
        if pooled is None:
            return None
        largest = isinstance(window.attrs, MaxPoolAttributes)
        early = largest and not shape.residual and _never_wraps(conv, config)
        if not early and _outside(pooled, shape.out):  # padding has no value to round
            return None
        spec = replace(pooled, early=early)
    spec = replace(
        spec, steps=spec.taps + sum(_steps(node, config) for node in nodes),
        tables=sum(node.requant is not None for node in nodes),
        scratch_tiles=int(any(isinstance(node.attrs, LeakyReluAttributes) for node in nodes)),
    )
    return Epilogue(tuple(nodes), tuple(nodes[:first]), window, tuple(nodes[first + 1:]), spec)


def _steps(node: QuantizedNode, config: Config) -> int:
    """Return the ALU steps of a stored tile, taps aside."""
    passes = 1 if config.requantize else 4
    match node.attrs:
        case LeakyReluAttributes():
            return 3 + passes + (not quick_leaky(node, config.out_width))
        case ReluAttributes():
            return 1
        case ClipAttributes():
            return 2
        case AveragePoolAttributes() | GlobalAverageAttributes():
            return passes + (factor_of(node) != 1)
    return 0


def factor_of(node: QuantizedNode) -> int:
    """Return the factor that replaces the division of a mean."""
    if isinstance(node.attrs, GlobalAverageAttributes):
        return node.attrs.factor
    assert isinstance(node.attrs, AveragePoolAttributes)
    return int(node.attrs.factors.flat[0])


def _windows(
    node: QuantizedNode, activations: Mapping[str, Activation], out: tuple[int, int]
) -> EpilogueSpec | None:
    """Return the windows of a pooling layer over the outputs of a convolution."""
    attrs, stored = node.attrs, activations[node.outputs[0]].layout[1:]
    if isinstance(attrs, GlobalAverageAttributes):
        return EpilogueSpec((1, 1), out)
    assert isinstance(attrs, (MaxPoolAttributes, AveragePoolAttributes))
    window, (kh, kw) = attrs.window, attrs.window.kernel
    if kh * kw > _TAPS or window.dilations != (1, 1):
        return None
    strides = tuple(
        stride if count > 1 else 1 for stride, count in zip(window.strides, stored, strict=True))
    spec = EpilogueSpec(stored, window.kernel, (strides[0], strides[1]), window.pads[:2])
    if isinstance(attrs, AveragePoolAttributes):
        factors = attrs.factors
        if _outside(spec, out) or (factors != factors.flat[0]).any():
            return None
    return spec


def _outside(spec: EpilogueSpec, out: tuple[int, int]) -> bool:
    """Return whether windows reach out of the outputs."""
    return any(
        before > 0 or (count - 1) * stride + kernel > size
        for before, count, stride, kernel, size in zip(
            spec.before, spec.out, spec.strides, spec.kernel, out, strict=True)
    )


def _uniform(node: QuantizedNode) -> bool:
    return node.requant is None or node.requant.uniform


def _never_wraps(conv: QuantizedNode[WeightedAttributes], config: Config) -> bool:
    """Return whether no sum with its bias leaves 32 bits: then a greater sum is a greater output.
    """
    rule, weight = conv.rule, conv.attrs.weight
    axes = tuple(range(1, weight.ndim))
    most = np.abs(weight.astype(np.int64)).sum(axes) << (config.inp_width - 1)
    half = (np.int64(1) << rule.shift.astype(np.int64)) >> 1
    return bool((most + np.abs(rule.bias.astype(np.int64)) + half < 1 << 31).all())
