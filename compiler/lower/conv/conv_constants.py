"""The constants of a fusion group in memory, which do not depend on the tiling."""

from __future__ import annotations

from dataclasses import dataclass

from ....isa.config import Config
from ....isa.opcodes import MemoryType
from ...codegen.lowering_context import Constants
from ...codegen.tile_ops import parameters
from ...ir.attributes import ConvAttributes
from ...schedule.group_blocks import Blocks, weight_tiles
from ..block_gemm import scaled_identity
from ..depthwise.window_steps import window_tiles
from .conv_shape import filters
from .fusion_group import ConvProblem, FusionGroup
from .zero_point_padding import border_row

__all__ = ["ConvConstants", "place_constants"]


@dataclass(frozen=True)
class ConvConstants:
    """Element addresses in DRAM.

    Attributes
    ----------
    weights, parameters
        Of the convolution.
    border
        The row of padding; None: padding is zero.
    identity, sum_parameters
        Of the Add computed with it; None: there is none.
    epilogue
        Parameters of the layers of the epilogue, by node name.
    ahead
        Those of the convolution that is forwarded.
    """

    weights: int
    parameters: int
    border: int | None
    identity: int | None
    sum_parameters: int | None
    epilogue: dict[str, int]
    ahead: ConvConstants | None = None


def place_constants(
    group: FusionGroup, problem: ConvProblem, config: Config, constants: Constants
) -> ConvConstants:
    """Place the constants of a group; return their addresses."""
    conv, shape, source = problem.conv, problem.shape, problem.source
    ahead = None
    if group.ahead is not None:
        assert problem.ahead is not None
        ahead = place_constants(FusionGroup(group.ahead), problem.ahead, config, constants)
    weight = filters(conv, source.layout)
    tiles = window_tiles(weight, shape, config) if shape.window is not None else weight_tiles(
        weight, source.layout.channels, Blocks(shape.ci, shape.leads), config)
    weights = constants(f"{conv.name}.weights", tiles, MemoryType.WGT)
    table = constants(f"{conv.name}.parameters", parameters(conv.rule, config), MemoryType.ACC)
    border = identity = sum_parameters = None
    attrs = conv.attrs
    if isinstance(attrs, ConvAttributes) and attrs.padding:
        border = constants(
            f"{conv.name}.padding", border_row(shape, attrs.padding, config), MemoryType.INP)
    if group.residual is not None:
        add, gain = group.residual.add, group.residual.other_gain
        tile, _ = scaled_identity(config, gain)
        identity = constants(f"{add.name}.weights", tile[None], MemoryType.WGT)
        sum_parameters = constants(
            f"{add.name}.parameters", parameters(add.rule, config, uniform=True),
            MemoryType.ACC)
    nodes = () if group.epilogue is None else group.epilogue.nodes
    return ConvConstants(weights, table, border, identity, sum_parameters, {
        node.name: constants(
            f"{node.name}.parameters", parameters(node.requant, config, uniform=True),
            MemoryType.ACC)
        for node in nodes if node.requant is not None
    }, ahead)
