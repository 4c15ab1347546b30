"""Grouped convolution as block-diagonal GEMM: which input blocks an output block sums.

With G groups output channel m reads input channels ``[g * C / G, (g + 1) * C / G)`` of its group
``g = m // (M / G)``.  A block of output channels therefore reads a few neighbouring input blocks,
for a depthwise layer the one with its own channels, through weight tiles that are zero wherever
output and input are of different groups: a diagonal, for a depthwise layer.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby

import numpy as np

from ...isa.config import Config

__all__ = ["Blocks", "StridedRun", "blocks_of", "most_apart", "runs", "weight_tiles"]


@dataclass(frozen=True)
class Blocks:
    """``count`` input blocks for every output block, the first of each in ``leads`` (): all 0."""

    count: int
    leads: tuple[int, ...] = ()


@dataclass(frozen=True)
class StridedRun:
    """``repeats`` times ``count`` output blocks from ``start``, with these first input blocks.

    Block ``start + r * count + i`` begins at input block ``lead + r * jump``.
    """

    start: int
    lead: int
    count: int
    repeats: int = 1
    jump: int = 0


def blocks_of(channels: int, filters: int, group: int, config: Config) -> Blocks:
    """Return which input blocks each block of output channels needs.

    All blocks get the same number; the weights of unneeded ones are zero.
    """
    size_in, size_out = config.block_in, config.block_out
    everything = -(-channels // size_in)
    if group == 1:
        return Blocks(everything)
    starts, ends = [], []
    for first in range(0, filters, size_out):
        last = min(first + size_out, filters) - 1
        starts.append(first * group // filters * (channels // group) // size_in)
        ends.append(-(-(last * group // filters + 1) * (channels // group) // size_in))
    count = max(end - start for start, end in zip(starts, ends, strict=True))
    leads = tuple(min(start, everything - count) for start in starts)
    return Blocks(count, leads if any(leads) else ())


@lru_cache(maxsize=4096)
def most_apart(leads: tuple[int, ...], size: int) -> int:
    """Return the maximum distance between first input blocks in parts of ``size`` of them."""
    return max(
        leads[min(start + size, len(leads)) - 1] - leads[start]
        for start in range(0, len(leads), size)
    )


def runs(leads: tuple[int, ...], start: int, count: int) -> list[StridedRun]:
    """Return the output blocks ``[start, start + count)`` as few runs."""
    if not leads:
        return [StridedRun(start, 0, count)]
    result: list[StridedRun] = []
    for lead, blocks in groupby(range(start, start + count), key=leads.__getitem__):
        members = list(blocks)
        last = result[-1] if result else None
        if last is not None and last.count == len(members):
            jump = lead - last.lead - (last.repeats - 1) * last.jump
            if last.repeats == 1 or jump == last.jump:
                result[-1] = StridedRun(last.start, last.lead, last.count, last.repeats + 1, jump)
                continue
        result.append(StridedRun(members[0], lead, len(members)))
    return result


def weight_tiles(weight: np.ndarray, channels: int, blocks: Blocks, config: Config) -> np.ndarray:
    """Return WGT tiles ``[output blocks, blocks.count, KH, KW, block_out, block_in]``.

    Parameters
    ----------
    weight
        ``[M, channels / groups, KH, KW]`` of a convolution with any number of groups.
    """
    filters, each = weight.shape[:2]
    group, size_in, size_out = channels // each, config.block_in, config.block_out
    tiles = np.zeros(
        (-(-filters // size_out), blocks.count, *weight.shape[2:], size_out, size_in), weight.dtype
    )
    leads = np.array(blocks.leads or (0,) * len(tiles))
    m, c = np.divmod(np.arange(filters * each), each)
    channel = m * group // filters * each + c
    tiles[
        m // size_out, channel // size_in - leads[m // size_out], :, :, m % size_out,
        channel % size_in,
    ] = weight.reshape(filters * each, *weight.shape[2:])
    return tiles
