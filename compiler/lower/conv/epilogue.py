"""Layers computed on the outputs of a convolution in the accumulator.

Outputs of a convolution (or of an Add fused with it) that a single layer reads need not be stored
and loaded again if the ALU can compute that layer: elementwise (Relu, Clip, LeakyRelu), or windows
(MaxPool, AveragePool without padding, GlobalAveragePool), the latter once in a chain.  The result
is bit-identical to that of the separate layers.  A maximum commutes with every non-decreasing
function, so it is taken of the sums, and only the maxima are requantized.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ....isa.config import Config
from ...codegen.lowering_context import Activation
from ...ir.attributes import WeightedAttributes
from ...ir.quantized_graph import QuantizedNode
from ...schedule.conv_problem import ConvShape, EpilogueSpec
from .epilogue_rule import EpilogueNode, reaches_outside

__all__ = ["Epilogue", "epilogue"]


@dataclass(frozen=True, eq=False)
class Epilogue:
    """Layers on the outputs of a convolution: before the windows, the windows, the rest."""

    ahead: tuple[EpilogueNode, ...]
    window: EpilogueNode | None
    rest: tuple[EpilogueNode, ...]
    spec: EpilogueSpec

    @property
    def nodes(self) -> tuple[QuantizedNode, ...]:
        """The layers, in order."""
        window = () if self.window is None else (self.window,)
        return tuple(item.node for item in (*self.ahead, *window, *self.rest))


def epilogue(
    conv: QuantizedNode[WeightedAttributes], chain: Sequence[EpilogueNode], shape: ConvShape,
    activations: Mapping[str, Activation], config: Config,
) -> Epilogue | None:
    """Return a chain of layers as the epilogue of a convolution of a shape, None if they cannot be
    one.

    Whether it fits the buffers is another question (:func:`~.tiling_space.tilings`).
    """
    places = [index for index, item in enumerate(chain) if item.rule.windows is not None]
    if len(places) > 1 or not all(_uniform(item.node) for item in chain):
        return None
    first = places[0] if places else len(chain)
    spec = EpilogueSpec(shape.out)
    if places:
        pooled = _pooled(conv, chain[first], shape, activations, config)
        if pooled is None:
            return None
        spec = pooled
    spec = replace(
        spec, steps=spec.taps + sum(item.rule.steps(item.node, config) for item in chain),
        tables=sum(item.node.requant is not None for item in chain),
        scratch_tiles=max(
            (item.rule.scratch_tiles(item.node, config) for item in chain), default=0),
    )
    return Epilogue(
        tuple(chain[:first]), chain[first] if places else None, tuple(chain[first + 1:]), spec)


def _pooled(
    conv: QuantizedNode[WeightedAttributes], item: EpilogueNode, shape: ConvShape,
    activations: Mapping[str, Activation], config: Config,
) -> EpilogueSpec | None:
    """Return the windows of a layer over the outputs, None where they cannot be computed there."""
    windows = item.rule.windows
    assert windows is not None
    stored = activations[item.node.outputs[0]].layout
    spec = windows.spec(item.node, (stored.rows, stored.columns), shape.out)
    if spec is None:
        return None
    early = windows.commutes and not shape.residual and _ascends(conv, config)
    if not early and reaches_outside(spec, shape.out):  # padding has no value to round
        return None
    return replace(spec, early=early)


def _uniform(node: QuantizedNode) -> bool:
    return node.requant is None or node.requant.uniform


def _ascends(conv: QuantizedNode[WeightedAttributes], config: Config) -> bool:
    """Return whether a greater sum is a greater output: no sum with its bias leaves 32 bits, and a
    table does not descend.
    """
    rule, weight = conv.rule, conv.attrs.weight
    axes = tuple(range(1, weight.ndim))
    most = np.abs(weight.astype(np.int64)).sum(axes) << (config.inp_width - 1)
    half = (np.int64(1) << rule.shift.astype(np.int64)) >> 1
    if rule.table is not None:
        low, high = rule.bounds(config.out_width)
        if (np.diff(rule.table[np.arange(low, high + 1)].astype(np.int64)) < 0).any():
            return False
    return bool((most + np.abs(rule.bias.astype(np.int64)) + half < 1 << 31).all())
