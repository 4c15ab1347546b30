"""First layers: taps of a window packed into the lanes of a tile, laid out by the host.

A tile holds ``block_in`` channels of one pixel.  An input of three channels fills three lanes of
it, and a 7x7 window costs 49 GEMM steps regardless of the lanes.  As the host lays out the integers
anyway, it can place several taps in a tile instead: lane ``(dy * taps_x + dx) * channels + c`` of
the packed pixel (r, s) is channel c of the input pixel

    (r * pitch_y + dy * dilation_y - before_y,  s * pitch_x + dx * dilation_x - before_x)

the padding outside the input, and the layer becomes a convolution of the packed tensor whose
window has one position for ``taps_y x taps_x`` taps and which needs no padding.  With the whole
window in one position that is im2col; with less, neighbouring windows still share packed pixels.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product
from math import prod
from typing import Any

from ...driver.program.lane_packing import InputPacking, Pair
from ...isa.config import Config
from ...isa.opcodes import MemoryType
from ..ir.attributes import ConvAttributes, SlidingWindow
from ..ir.quantized_graph import QuantizedGraph, QuantizedNode
from ..schedule.conv_problem import even_splits, requantize_steps

__all__ = ["PackedInput", "choose_packing", "pack_inputs"]


def choose_packing(
    channels: int, filters: int, size: Pair, out: Pair, kernel: Pair, strides: Pair,
    dilations: Pair, before: Pair, config: Config,
) -> InputPacking | None:
    """Return the packing that takes the fewest cycles, then the fewest bytes; None: unpacked.

    Cycles are those of the compute engine, of the bytes loaded or of the bytes stored (the port
    reads and writes concurrently), whichever is the maximum: saved steps that the memory cannot
    supply with data do not count.
    """
    def cost(blocks: int, window: Pair, pixels: Pair) -> tuple[float, int]:
        moved = blocks * prod(pixels) * config.tile_bytes(MemoryType.INP)
        stored = co * prod(out) * config.tile_bytes(MemoryType.OUT)
        steps = co * prod(out) * (blocks * prod(window) + passes)
        return max(float(steps), max(moved, stored) / config.bus_bytes), moved

    co = -(-filters // config.block_out)
    passes = requantize_steps(config) + (0 if config.overwrite else 1)  # besides the sums
    best, chosen = cost(-(-channels // config.block_in), kernel, size), None
    for taps in product(even_splits(kernel[0]), even_splits(kernel[1])):
        packing = InputPacking(channels, size, out, kernel, strides, dilations, before,
                          (taps[0], taps[1]))
        blocks = -(-packing.lanes // config.block_in)
        candidate = cost(blocks, packing.window, packing.pixels)
        if prod(taps) > 1 and candidate < best:
            best, chosen = candidate, packing
    return chosen


@dataclass(frozen=True)
class PackedInput:
    """A packed tensor: its source and its packing."""

    source: str
    packing: InputPacking


def pack_inputs(
    graph: QuantizedGraph, config: Config
) -> tuple[QuantizedGraph, dict[str, PackedInput]]:
    """Let convolutions whose input the host produces read packed tensors, where that is faster.

    Returns
    -------
    graph, packed
        The same network with new tensors before these convolutions, and their packings by name.  A
        tensor that no device layer reads unpacked has no exponent any more.
    """
    device = {name for node in graph.nodes if not node.on_host for name in node.outputs}
    tensors, packed = dict(graph.tensors), dict[str, PackedInput]()
    names: dict[PackedInput, str] = {}
    nodes: list[QuantizedNode] = []
    for node in graph.nodes:
        packing = None
        attrs = node.attrs
        if isinstance(attrs, ConvAttributes) and node.inputs[0] not in device:
            packing = _packing(node, attrs, graph, config)
        if packing is None:
            nodes.append(node)
            continue
        key = PackedInput(node.inputs[0], packing)
        if key not in names:
            names[key] = name = _fresh(f"{key.source}.packed", tensors)
            source = tensors[key.source]
            shape = (source.shape[0], packing.lanes, *packing.pixels)
            tensors[name], packed[name] = replace(source, name=name, shape=shape), key
        window = SlidingWindow(
            packing.window, packing.packed_strides, (0, 0, 0, 0), packing.packed_dilations)
        nodes.append(replace(node, inputs=(names[key],), attrs=replace(
            attrs, weight=packing.pack_weight(attrs.weight), window=window)))
    read = {name for node in nodes if not node.on_host for name in node.inputs}
    for name in {key.source for key in packed.values()} - read:
        tensors[name] = replace(tensors[name], exponent=None)
    return replace(graph, nodes=tuple(nodes), tensors=tensors), packed


def _packing(
    node: QuantizedNode, attrs: ConvAttributes, graph: QuantizedGraph, config: Config
) -> InputPacking | None:
    if attrs.group != 1:
        return None
    before, after = graph.tensors[node.inputs[0]].shape, graph.tensors[node.outputs[0]].shape
    window = attrs.window
    return choose_packing(
        before[1], len(attrs.weight), (before[2], before[3]), (after[2], after[3]), window.kernel,
        window.strides, window.dilations, window.pads[:2], config,
    )


def _fresh(stem: str, taken: dict[str, Any]) -> str:
    name, count = stem, 0
    while name in taken:
        count += 1
        name = f"{stem}{count}"
    return name
