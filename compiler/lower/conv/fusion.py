"""Fusion of the layers of a launch with the preceding convolution.

An Add is fused whenever that is possible (:mod:`.residual`), and of the following layers
(:mod:`.epilogue`) the longest chain that has a tuned schedule or a predicted cost not above that of
the separate layers.  A depthwise convolution is fused with the pointwise one after it
(:mod:`.forward_fusion`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from ...ir.attributes import DenseAttributes, WeightedAttributes
from ...ir.layouts import ChannelLayout
from ...ir.quantized_graph import QuantizedNode
from ...schedule.select_tiling import exceeds_bound
from ...schedule.tiling_space import tilings
from ..layer_scheduler import LayerScheduler
from ..tiled_layer import LayerOf
from .conv import group_layer
from .epilogue import Epilogue, epilogue
from .epilogue_rule import EpilogueNode, EpilogueRule
from .forward_fusion import with_forwarding
from .fusion_group import FusionGroup, conv_problem
from .residual import Residual, residuals

__all__ = ["Operation", "fuse_nodes"]

Operation = FusionGroup | QuantizedNode
"""A unit of lowering: every convolution is a group, possibly a single one."""


def fuse_nodes(
    nodes: Sequence[QuantizedNode], private: Collection[str], layouts: Mapping[str, ChannelLayout],
    scheduler: LayerScheduler, layer_of: LayerOf, rules: Mapping[str, EpilogueRule],
) -> list[Operation]:
    """Return the operations of one launch in the order of their execution.

    Parameters
    ----------
    nodes
        Of the launch, in order; none of them a view.
    private
        Names of activations with a single reader.
    layer_of
        Returns the layer of other nodes than convolutions, to predict the cost of separate layers.
    rules
        Of the operators that can be computed in a convolution, by name.
    """
    groups = _groups(nodes, private, layouts, scheduler, layer_of, rules)
    fused = {node.name for group in groups.values() for node in group.nodes}
    # a group has the position of its Add, where the other operand is in memory
    turns = {
        group.conv.name if group.residual is None else group.residual.add.name: group
        for group in groups.values()
    }
    return [
        turns.get(node.name, node) for node in nodes
        if node.name in turns or node.name not in fused
    ]


def _groups(
    nodes: Sequence[QuantizedNode], private: Collection[str], layouts: Mapping[str, ChannelLayout],
    scheduler: LayerScheduler, layer_of: LayerOf, rules: Mapping[str, EpilogueRule],
) -> dict[str, FusionGroup]:
    """Return the group of every convolution, by its name; of two in one, the later's."""
    convolutions = [node for node in nodes if isinstance(node.attrs, WeightedAttributes)]
    if scheduler.options.fuse == "off":
        return {conv.name: FusionGroup(conv) for conv in convolutions}
    adds = residuals(nodes, private, layouts, scheduler.target.config)
    readers = {name: node for node in nodes for name in node.inputs if name in private}
    groups: dict[str, FusionGroup] = {}
    for conv in convolutions:
        if isinstance(conv.attrs, DenseAttributes) and conv.attrs.unflatten is not None:
            groups[conv.name] = FusionGroup(conv)
            continue
        group = _with_residual(conv, adds.get(conv.name), scheduler)
        chain: list[EpilogueNode] = []
        reader = readers.get(group.output)
        while reader is not None and reader.op in rules:
            chain.append(EpilogueNode(reader, rules[reader.op]))
            reader = readers.get(reader.outputs[0])
        groups[conv.name] = replace(group, epilogue=_best(group, chain, scheduler, layer_of))
    return with_forwarding(groups, private, scheduler)


def _with_residual(
    conv: QuantizedNode, residual: Residual | None, scheduler: LayerScheduler
) -> FusionGroup:
    """Return a convolution with an Add, or alone if no tiling with the Add fits."""
    group, config = FusionGroup(conv, residual), scheduler.target.config
    if residual is None:
        return group
    shape = conv_problem(group, scheduler.activations, config).shape
    fits = next(tilings(shape, config), None) is not None
    return group if fits else FusionGroup(conv)


def _best(
    group: FusionGroup, chain: Sequence[EpilogueNode], scheduler: LayerScheduler, layer_of: LayerOf
) -> Epilogue | None:
    """Return the longest epilogue that costs no more than the separate layers, else None."""
    config, activations, options = (
        scheduler.target.config, scheduler.activations, scheduler.options)
    shape = conv_problem(group, activations, config).shape

    def cost(first: FusionGroup, following: Sequence[EpilogueNode]) -> float:
        """Return the predicted cost of a group and of the layers after it, separately."""
        layers = [group_layer(first, activations, config)]
        layers += [layer_of(item.node, activations, config) for item in following]
        return scheduler.predict_chain(layers).total(config)

    apart: float | None = None
    for count in range(len(chain), 0, -1):
        tried = epilogue(group.conv, chain[:count], shape, activations, config)
        if tried is None:
            continue
        fused = replace(shape, epilogue=tried.spec)
        if next(tilings(fused, config), None) is None:
            continue
        if options.fuse == "on" or fused in options.tuned:  # only fused layers are tuned as such
            return tried
        if apart is None:
            apart = cost(group, chain)
        if exceeds_bound(fused, config, options, apart):
            continue
        if cost(replace(group, epilogue=tried), chain[count:]) <= apart:
            return tried
    return None
