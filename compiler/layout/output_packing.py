"""Last layers: neighbouring outputs in the lanes of a tile, unpacked by the host.

A convolution with three filters keeps three of the array's rows busy.  Where only the host reads
its outputs, a tile can hold several of them instead: lane ``(dy * block_x + dx) * filters + m`` of
the packed pixel (r, s) is filter m of the output pixel ``(r * block_y + dy, s * block_x + dx)``.
The layer becomes a convolution with a larger stride and a window that covers those of all pixels of
a block; a transposed one, in blocks of its stride, becomes a plain one.  A Tanh between it and the
host keeps the packed lanes.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from functools import reduce
from itertools import product
from math import gcd, prod

import numpy as np

from ...driver.program.lane_packing import OutputPacking, Pair
from ...isa.config import Config
from ...isa.opcodes import MemoryType
from ..ir import piecewise_linear
from ..ir.attributes import ConvAttributes, SlidingWindow, TransposedAttributes
from ..ir.fixed_point import Requant
from ..ir.quantized_graph import QuantizedGraph, QuantizedNode
from ..schedule.conv_problem import requantize_steps

__all__ = ["Axis", "PackedOutput", "block_axis", "pack_outputs"]

_Convolution = ConvAttributes | TransposedAttributes
_MOST = 16  # outputs of a block along an axis


@dataclass(frozen=True)
class Axis:
    """A window along one axis for blocks of outputs.

    Input ``q * stride + t * dilation - before`` meets tap t of block q; ``taps`` lists, for
    (output of the block, tap of the layer), the corresponding tap.
    """

    count: int
    kernel: int
    stride: int
    dilation: int
    before: int
    taps: dict[Pair, int]


def block_axis(
    outputs: int, kernel: int, stride: int, dilation: int, before: int, up: int, block: int
) -> Axis:
    """Return the window of blocks of outputs.

    Parameters
    ----------
    kernel, stride, dilation, before, up
        Of the layer: ``input * up = output * stride + tap * dilation - before``.
    block
        Outputs of a block; ``block * stride`` is a multiple of ``up``.
    """
    places = {
        (output, tap): (output * stride + tap * dilation - before) // up
        for output, tap in product(range(block), range(kernel))
        if (output * stride + tap * dilation - before) % up == 0
    }
    first, last = min(places.values()), max(places.values())
    step = reduce(gcd, (place - first for place in places.values())) or 1
    return Axis(
        -(-outputs // block), (last - first) // step + 1, block * stride // up, step, -first,
        {pair: (place - first) // step for pair, place in places.items()},
    )


@dataclass(frozen=True)
class PackedOutput:
    """The packed tensor that the host unpacks, and its packing."""

    packed: str
    packing: OutputPacking


def pack_outputs(
    graph: QuantizedGraph, config: Config
) -> tuple[QuantizedGraph, dict[str, PackedOutput]]:
    """Let convolutions that only the host reads produce packed tensors, where that is faster.

    Returns
    -------
    graph, outputs
        The same network with new tensors after these convolutions, and their packings by the name
        of the tensor that each replaces on the device.
    """
    read = {name for node in graph.nodes if not node.on_host for name in node.inputs}
    following = _following_tanh(graph)
    tensors, outputs, nodes = dict(graph.tensors), dict[str, PackedOutput](), []

    def pack(node: QuantizedNode, packing: OutputPacking, size: Pair) -> str:
        """Give the output of a node its packed form; return the name."""
        old = tensors[node.outputs[0]]
        name = f"{old.name}.packed"
        while name in tensors:
            name += "_"
        lanes = packing.filters * prod(packing.block)
        tensors[name] = replace(old, name=name, shape=(old.shape[0], lanes, *size))
        outputs[old.name] = PackedOutput(name, packing)
        return name

    for node in graph.nodes:
        blocks = None
        if isinstance(node.attrs, (ConvAttributes, TransposedAttributes)):
            last = following.get(node.outputs[0], node)
            if last.outputs[0] not in read:
                blocks = _choose(node, graph, config, 0 if last is node else piecewise_linear.STEPS)
        if blocks is not None:
            packing, axes = blocks
            name = pack(node, packing, (axes[0].count, axes[1].count))
            nodes.append(_packed(node, name, packing, axes))
        elif isinstance(node.attrs, piecewise_linear.ClippedLines) and node.inputs[0] in outputs:
            before = outputs[node.inputs[0]]
            rows, columns = tensors[before.packed].shape[2:]
            name = pack(node, before.packing, (rows, columns))
            rule = _repeated(node.rule, prod(before.packing.block))
            nodes.append(replace(node, inputs=(before.packed,), outputs=(name,), requant=rule))
        else:
            nodes.append(node)
    return replace(graph, nodes=tuple(nodes), tensors=tensors), outputs


def _following_tanh(graph: QuantizedGraph) -> dict[str, QuantizedNode]:
    """Return every Tanh by its input, where it is the only reader."""
    readers = Counter(name for node in graph.nodes for name in node.inputs)
    return {
        node.inputs[0]: node for node in graph.nodes
        if isinstance(node.attrs, piecewise_linear.ClippedLines) and readers[node.inputs[0]] == 1
        and node.inputs[0] not in graph.outputs
    }


def _repeated(rule: Requant, blocks: int) -> Requant:
    """Return the requantization of the lanes of a block of outputs."""
    return replace(
        rule, bias=np.tile(rule.bias, blocks), shift=np.tile(rule.shift, blocks),
        multiplier=None if rule.multiplier is None else np.tile(rule.multiplier, blocks),
    )


def _packed(
    node: QuantizedNode[_Convolution], output: str, packing: OutputPacking,
    axes: tuple[Axis, Axis],
) -> QuantizedNode:
    """Return the convolution of blocks."""
    weight, (by, bx), (v, h) = _advancing(node.attrs), packing.block, axes
    full = np.zeros((by, bx, *weight.shape[:2], v.kernel, h.kernel), weight.dtype)
    for ((dy, ky), ty), ((dx, kx), tx) in product(v.taps.items(), h.taps.items()):
        full[dy, dx, :, :, ty, tx] = weight[:, :, ky, kx]
    window = SlidingWindow(
        (v.kernel, h.kernel), (v.stride, h.stride), (v.before, h.before, 0, 0),
        (v.dilation, h.dilation))
    return QuantizedNode(
        "Conv", node.name, node.inputs, (output,), ConvAttributes(
            full.reshape(-1, *full.shape[3:]), node.attrs.weight_scale, window),
        _repeated(node.rule, by * bx),
    )


def _advancing(attrs: _Convolution) -> np.ndarray:
    """Return the weights with taps in the order in which inputs advance."""
    reverse = isinstance(attrs, TransposedAttributes)
    return attrs.weight[:, :, ::-1, ::-1] if reverse else attrs.weight


def _choose(
    node: QuantizedNode[_Convolution], graph: QuantizedGraph, config: Config, following: int
) -> tuple[OutputPacking, tuple[Axis, Axis]] | None:
    """Return the blocks that take the fewest cycles, None for single outputs.

    ``following``: steps that the following layers take for a tile of outputs.
    """
    attrs = node.attrs
    if attrs.group != 1 or (isinstance(attrs, ConvAttributes) and attrs.padding):
        return None
    filters, channels, *kernel = attrs.weight.shape
    shape = graph.tensors[node.outputs[0]].shape
    size = (shape[2], shape[3])
    strides, dilations, before, ups = (
        attrs.window.strides, attrs.window.dilations, list(attrs.window.pads[:2]), (1, 1))
    if isinstance(attrs, TransposedAttributes):
        before = [dilations[a] * (kernel[a] - 1) - before[a] for a in range(2)]
        strides, ups = (1, 1), strides
    passes = requantize_steps(config) + (0 if config.overwrite else 1) + following

    def cost(lanes: int, taps: float, pixels: int) -> float:
        tiles = -(-lanes // config.block_out) * pixels
        sums = tiles * taps * -(-channels // config.block_in)
        stored = tiles * config.tile_bytes(MemoryType.OUT) / config.bus_bytes
        return max(sums + tiles * passes, stored)

    def axes_of(axis: int) -> list[tuple[int, Axis]]:
        unit = ups[axis] // gcd(ups[axis], strides[axis])
        blocks = range(unit, min(_MOST, size[axis] + unit - 1) + 1, unit)
        return [
            (block, block_axis(size[axis], kernel[axis], strides[axis], dilations[axis],
                               before[axis], ups[axis], block))
            for block in blocks if block * filters <= 4 * config.block_out
        ]

    best, chosen = cost(filters, prod(kernel) / prod(ups), prod(size)), None
    for (by, v), (bx, h) in product(axes_of(0), axes_of(1)):
        lanes = filters * by * bx
        if by * bx == 1 or lanes > 4 * config.block_out or max(v.kernel, h.kernel) > 64:
            continue
        candidate = cost(lanes, v.kernel * h.kernel, v.count * h.count)
        if candidate < best:
            best, chosen = candidate, (OutputPacking(filters, size, (by, bx)), (v, h))
    return chosen
