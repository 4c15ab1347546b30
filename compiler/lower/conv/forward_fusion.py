"""Fusion of depthwise convolutions with the pointwise convolutions that read them.

With the extensions ``depthwise`` and ``forward`` the outputs of a depthwise convolution that only a
1x1 convolution reads are copied on chip into INP (:mod:`.forward_emitter`): they are neither stored
nor loaded, and the two layers are one group.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from ...ir.attributes import ConvAttributes
from ...schedule.conv_problem import ConvShape
from ...schedule.select_tiling import exceeds_bound
from ...schedule.tiling_space import tilings
from ..layer_scheduler import LayerScheduler
from .conv import group_layer
from .fusion_group import FusionGroup, conv_problem

__all__ = ["with_forwarding"]


def with_forwarding(
    groups: Mapping[str, FusionGroup], private: Collection[str], scheduler: LayerScheduler
) -> dict[str, FusionGroup]:
    """Return the groups of a launch by the name of their convolution, pairs fused where that is
    tuned or costs no more.

    ``private``: names of activations with a single reader.
    """
    result, decisions = dict(groups), dict[ConvShape, bool]()
    if not scheduler.target.config.forward:
        return result
    makers = {group.output: group for group in groups.values() if len(group.nodes) == 1}
    for name, group in groups.items():
        source = group.conv.inputs[0]
        ahead = makers.get(source)
        if ahead is None or source not in private:
            continue
        pair = replace(group, ahead=ahead.conv)
        shape = conv_problem(pair, scheduler.activations, scheduler.target.config).shape
        if shape not in decisions:
            decisions[shape] = _forwards(pair, shape, scheduler) and _worthwhile(
                (pair,), (ahead, group), shape, scheduler)
        if decisions[shape]:
            result[name] = pair
            del result[ahead.name]
    return result


def _forwards(pair: FusionGroup, shape: ConvShape, scheduler: LayerScheduler) -> bool:
    """Return whether a group is a depthwise convolution by DWC and a 1x1 one, and has a tiling."""
    attrs, ahead = pair.conv.attrs, shape.forwarded
    if not isinstance(attrs, ConvAttributes) or ahead is None or ahead.window is None:
        return False
    pixelwise = shape.kernel == shape.strides == (1, 1) and shape.size == shape.out
    return pixelwise and attrs.group == 1 and (
        next(tilings(shape, scheduler.target.config), None) is not None)


def _worthwhile(
    together: Sequence[FusionGroup], apart: Sequence[FusionGroup], shape: ConvShape,
    scheduler: LayerScheduler,
) -> bool:
    """Return whether a pair is tuned, or its predicted cost not above that of its two parts."""
    config, options = scheduler.target.config, scheduler.options
    if options.fuse == "on" or shape in options.tuned:
        return True

    def cost(groups: Sequence[FusionGroup]) -> float:
        return scheduler.predict_chain(
            [group_layer(item, scheduler.activations, config) for item in groups]).total(config)

    limit = cost(apart)
    return not exceeds_bound(shape, config, options, limit) and cost(together) <= limit
