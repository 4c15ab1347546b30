"""A convolution and the layers computed with it: one unit of scheduling and of lowering."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from ....isa.config import Config
from ...codegen.lowering_context import Activation
from ...ir.attributes import DenseAttributes, WeightedAttributes
from ...ir.quantized_graph import QuantizedNode
from ...schedule.conv_problem import ConvShape
from .conv_shape import conv_shape
from .epilogue import Epilogue
from .residual import Residual
from .tile_order import in_tiles

__all__ = ["ConvProblem", "FusionGroup", "conv_problem"]


@dataclass(frozen=True, eq=False)
class FusionGroup:
    """A convolution, an Add computed with it, and the epilogue on the outputs of both.

    ``ahead``: a depthwise convolution whose outputs are forwarded into the convolution.
    """

    conv: QuantizedNode[WeightedAttributes]
    residual: Residual | None = None
    epilogue: Epilogue | None = None
    ahead: QuantizedNode[WeightedAttributes] | None = None

    @property
    def nodes(self) -> tuple[QuantizedNode, ...]:
        """The layers, in order."""
        add = () if self.residual is None else (self.residual.add,)
        ahead = () if self.ahead is None else (self.ahead,)
        return (*ahead, self.conv, *add, *(() if self.epilogue is None else self.epilogue.nodes))

    @property
    def name(self) -> str:
        """The name of the first convolution."""
        return self.nodes[0].name

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of the activations that are read."""
        other = () if self.residual is None else (self.residual.other,)
        return (self.nodes[0].inputs[0], *other)

    @property
    def output(self) -> str:
        """Name of the activation that is stored."""
        return self.nodes[-1].outputs[0]


@dataclass(frozen=True, eq=False)
class ConvProblem:
    """The scheduling problem of a group.

    Attributes
    ----------
    shape
        All that a tiling depends on: two problems of one shape have the same tilings and costs.
    conv
        The convolution, its filters in the order in which they are stored.
    source, target
        The activation it reads, and the one that the group stores.
    ahead
        That of the convolution whose outputs are forwarded into it.
    """

    shape: ConvShape
    conv: QuantizedNode[WeightedAttributes]
    source: Activation
    target: Activation
    ahead: ConvProblem | None = None


def conv_problem(
    group: FusionGroup, activations: Mapping[str, Activation], config: Config
) -> ConvProblem:
    """Return the scheduling problem of a group."""
    conv, source = group.conv, activations[group.conv.inputs[0]]
    target = activations[conv.outputs[0]]
    if isinstance(conv.attrs, DenseAttributes) and conv.attrs.unflatten is not None:
        conv, target = in_tiles(conv, target, config.block_out)
    shape = replace(
        conv_shape(conv, source, target, config), residual=group.residual is not None,
        epilogue=None if group.epilogue is None else group.epilogue.spec)
    if len(group.nodes) > 1:
        target = activations[group.output]
    if group.ahead is None:
        return ConvProblem(shape, conv, source, target)
    ahead = conv_problem(FusionGroup(group.ahead), activations, config)
    return ConvProblem(replace(shape, forwarded=ahead.shape), conv, source, target, ahead)
