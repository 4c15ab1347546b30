"""Loads and stores of parts of feature maps, and the identity that copies them by GEMM."""

from __future__ import annotations

from functools import partial

from ...driver.stream.stream import StreamBuilder
from ...isa.config import Config
from ...isa.opcodes import MemoryType
from ..codegen.lowering_context import Activation, Constants, Fill
from ..ir.quantized_graph import QuantizedNode
from ..schedule.conv_tiles import Range
from .block_gemm import scaled_identity

__all__ = ["load_map", "place_identity", "store_map"]

Box = tuple[Range, Range, Range]
"""Blocks of channels, rows and columns of one group of images."""


def load_map(
    builder: StreamBuilder, base: int, source: Activation, group: int, box: Box
) -> None:
    """Emit the loads of a part of a feature map, from element ``base`` of INP on."""
    blocks, rows, columns = box
    for index in range(blocks.count):
        builder.load_2d(
            MemoryType.INP, base + index * rows.count * columns.count,
            source.at(group, blocks.start + index, rows.start, columns.start), columns.count,
            rows.count, source.layout.columns,
        )


def store_map(
    builder: StreamBuilder, base: int, target: Activation, group: int, box: Box
) -> None:
    """Emit the stores of a part of a feature map, from tile ``base`` on."""
    blocks, rows, columns = box
    for index in range(blocks.count):
        builder.store_2d(
            base + index * rows.count * columns.count,
            target.at(group, blocks.start + index, rows.start, columns.start), columns.count,
            rows.count, target.layout.columns,
        )


def place_identity(node: QuantizedNode, config: Config, constants: Constants) -> Fill:
    """Place the identity as a layer's only weight tile; return the function that loads it."""
    dram = constants(f"{node.name}.weights", scaled_identity(config, 1)[0], MemoryType.WGT)
    return partial(_load_weight_tile, dram=dram)


def _load_weight_tile(builder: StreamBuilder, base: int, dram: int) -> None:
    builder.load_2d(MemoryType.WGT, base, dram, 1)
