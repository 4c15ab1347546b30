"""Residual additions computed with the convolution they follow.

The output of a convolution that only an Add reads need not be stored and loaded again: while its
integers are in the accumulator, one GEMM step with an identity adds the other operand, and the sum
is requantized.  The result is bit-identical to that of the two layers.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from ....isa.config import Config
from ...ir.attributes import AddAttributes, ConvAttributes
from ...ir.layouts import ChannelLayout
from ...ir.quantized_graph import QuantizedNode

__all__ = ["Residual", "residuals"]


@dataclass(frozen=True, eq=False)
class Residual:
    """An Add in a convolution: the other operand, and the gains of both."""

    add: QuantizedNode
    other: str
    own_gain: int
    other_gain: int


def residuals(
    nodes: Sequence[QuantizedNode], alone: Collection[str], layouts: Mapping[str, ChannelLayout],
    config: Config,
) -> dict[str, Residual]:
    """Return the Adds that can be computed in a convolution, by the convolution's name.

    Parameters
    ----------
    nodes
        Of one launch, in order.
    alone
        Names of activations with a single reader.
    """
    if not config.requantize:  # without RQT two requantizations take more steps than they save
        return {}
    makers = {name: (at, node) for at, node in enumerate(nodes) for name in node.outputs}
    residuals: dict[str, Residual] = {}
    for add in nodes:
        attrs = add.attrs
        if not isinstance(attrs, AddAttributes) or len(add.inputs) != 2 or not _simple(add):
            continue
        if layouts[add.inputs[0]] != layouts[add.inputs[1]]:
            continue
        choices = [
            (makers[name][0], index) for index, name in enumerate(add.inputs)
            if name in alone and name in makers and isinstance(
                makers[name][1].attrs, ConvAttributes)
        ]
        for at, index in sorted(choices, reverse=True):
            other_gain = attrs.gains[1 - index]
            if other_gain < 1 << (config.wgt_width - 1) and nodes[at].name not in residuals:
                residuals[nodes[at].name] = Residual(
                    add, add.inputs[1 - index], attrs.gains[index], other_gain)
                break
    return residuals


def _simple(add: QuantizedNode[AddAttributes]) -> bool:
    """Return whether an Add is one sum with one requantization for all channels."""
    rule = add.rule
    arrays = [rule.bias, rule.shift] + ([] if rule.multiplier is None else [rule.multiplier])
    return (
        add.attrs.constant is None and 0 not in add.attrs.gains
        and all((values == values[0]).all() for values in arrays)
    )
