"""Sums of input blocks times small matrices, tile by tile: the form of most cheap operators.

Every output tile is a sum of products of one weight tile with one block of channels of an input at
the same pixel.  An identity times 2^n passes or aligns values (Relu, Add), a diagonal scales them
(Affine), a matrix of a few ones chooses channels (Concat, Slice).  GEMM does that for every operand
width, and uses the load engine for inputs, which overlaps with the previous step.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ...driver.stream.stream import StreamBuilder
from ...isa.config import Config
from ..ir.fixed_point import Requant

__all__ = ["BlockGemm", "PostOp", "BlockRun", "Term", "identity_terms", "scaled_identity"]

PostOp = Callable[[StreamBuilder, int, int, int], None]
"""``post_op(builder, first tile, tiles of an accumulator, accumulators' distance)``, in place."""


@dataclass(frozen=True, eq=False)
class Term:
    """A product: block ``block`` of input ``source`` times ``tile``, then ``<< shift``.

    ``accumulator``: index of its sum among those of an output tile.
    """

    source: int
    block: int
    tile: np.ndarray
    shift: int = 0
    accumulator: int = 0

    def follows(self, other: Term) -> bool:
        """Return whether it equals ``other``, one block of channels later."""
        return (self.source, self.block, self.shift, self.accumulator) == (
            other.source, other.block + 1, other.shift, other.accumulator)


@dataclass(frozen=True)
class BlockRun:
    """Neighbouring output blocks with the same pattern of terms; ``terms`` of the first."""

    first: int
    blocks: int
    terms: tuple[Term, ...]
    table: int  # its first weight tile
    step: int  # weight tiles from a block to the next


@dataclass(frozen=True, eq=False)
class BlockGemm:
    """A block GEMM.

    Attributes
    ----------
    blocks
        Terms of each block of output channels; of an accumulator, largest shift first.
    rule
        Requantization of the first accumulator, None if it needs none.
    post_op
        Instructions on complete sums before the requantization.
    accumulators
        Number of sums of an output tile; the first is stored.
    """

    blocks: list[list[Term]]
    rule: Requant | None = None
    post_op: PostOp | None = None
    accumulators: int = 1

    def runs(self) -> tuple[np.ndarray, list[BlockRun]]:
        """Return all weight tiles, and the runs of output blocks that use them."""
        tiles: list[np.ndarray] = []
        result: list[BlockRun] = []
        start = 0
        while start < len(self.blocks):
            end, terms = start + 1, self.blocks[start]
            while end < len(self.blocks) and _alike(self.blocks[end - 1], self.blocks[end]):
                end += 1
            same = all(
                np.array_equal(term.tile, first.tile)
                for block in self.blocks[start:end]
                for term, first in zip(block, terms, strict=True)
            )
            step = 0 if same else len(terms)
            result.append(BlockRun(start, end - start, tuple(terms), len(tiles), step))
            for block in self.blocks[start : start + 1 if same else end]:
                tiles += [term.tile for term in block]
            start = end
        return np.stack(tiles), result


def _alike(before: list[Term], after: list[Term]) -> bool:
    return len(before) == len(after) and all(
        b.follows(a) for a, b in zip(before, after, strict=True)
    )


def scaled_identity(config: Config, gain: int) -> tuple[np.ndarray, int]:
    """Return the weight tile for a product with ``gain``, and the left shift it cannot hold.

    Larger gains than a weight are powers of two.
    """
    rest = max(0, gain.bit_length() - (config.wgt_width - 1))
    return np.eye(config.block_in, dtype=np.int64) * (gain >> rest), rest


def identity_terms(
    config: Config, blocks: int, terms: list[tuple[int, int, int]]
) -> list[list[Term]]:
    """Return terms (source, left shift, accumulator) by identities, for each of ``blocks``."""
    tiles = [scaled_identity(config, 1 << shift) for _, shift, _ in terms]
    return [
        [Term(source, block, tile, rest, accumulator)
         for (source, _, accumulator), (tile, rest) in zip(terms, tiles, strict=True)]
        for block in range(blocks)
    ]
