"""Block GEMM terms that move ranges of input channels to their output channels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...isa.config import Config
from .block_gemm import Term

__all__ = ["ChannelRange", "selection_terms"]


@dataclass(frozen=True)
class ChannelRange:
    """Channels ``start .. start + count`` of an input that become output channels from ``at``.

    They are multiplied by ``gain``: a weight, or a power of two; 0 where they count as zero.
    """

    source: int
    start: int
    at: int
    count: int
    gain: int = 1


def selection_terms(
    config: Config, channels: int, ranges: Sequence[ChannelRange]
) -> list[list[Term]]:
    """Return the terms of each block of ``channels`` output channels, largest shift first."""
    size, blocks = config.block_out, []
    for first in range(0, channels, size):
        terms = []
        for part in ranges:
            begin, end = max(first, part.at), min(first + size, part.at + part.count)
            if begin >= end:
                continue
            rest = max(0, part.gain.bit_length() - (config.wgt_width - 1))
            origin = part.start + begin - part.at
            for block in range(origin // size, (origin + end - begin - 1) // size + 1):
                tile = np.zeros((size, size), np.int64)
                for channel in range(begin, end):
                    lane = part.start + channel - part.at - block * size
                    if 0 <= lane < size:
                        tile[channel - first, lane] = part.gain >> rest
                terms.append(Term(part.source, block, tile, rest))
        blocks.append(sorted(terms, key=lambda term: -term.shift))
    return blocks
