"""Reduce tree: the sum, maximum or minimum of the lanes of a tile, each batch row by itself (RED).

Contract
    ``tile`` belongs to the step ``first``; ``results``, one word per row, are registers ``depth``
    stages later, and zero when the step there is no RED.  A step can start in every cycle.
    The tree has as many levels of nodes as log2 of the lanes in a row, one between two registers,
    or more in the first stages if ``depth`` is less.
    A node needs one carry chain: it adds, or subtracts and selects one of its operands by the sign.
"""

from __future__ import annotations

from typing import Any

from myhdl import always, always_comb, block, concat

from ...isa.config import Config
from ...isa.opcodes import AluOpcode, Reduction
from ..lib.bundles import bit, word
from ..lib.field_register import field_register
from ..lib.pack import take
from .step import Step

__all__ = ["reduce_tree"]


class ReductionKind:
    """The kind of step in a stage: a RED, that adds, or finds the larger instead of the smaller."""

    def __init__(self) -> None:
        self.reduces, self.adds, self.larger = bit(), bit(), bit()


@block
def decode_kind(first: Step, kind: ReductionKind) -> Any:
    """Decode RED and its immediate (combinational)."""

    @always_comb
    def decode() -> None:
        kind.reduces.next = first.alu and first.opcode == AluOpcode.RED
        kind.adds.next = first.imm[2:] == Reduction.SUM
        kind.larger.next = first.imm[2:] == Reduction.MAX

    return decode


@block
def node(p: Any, q: Any, adds: Any, larger: Any, result: Any) -> Any:
    """``result`` is the sum, maximum or minimum of two words (combinational)."""
    subtracts, second = bit(), word(32)
    # one bit more in front for the sign, and one behind that carries a one into a subtraction
    p_wide, q_wide, total = word(34), word(34), word(34)

    @always_comb
    def invert() -> None:
        subtracts.next = not adds
        second.next = q
        if not adds:
            second.next = ~q

    @always_comb
    def widen() -> None:
        p_wide.next = concat(p[31], p, subtracts)
        q_wide.next = concat(second[31], second, subtracts)

    @always_comb
    def add() -> None:
        total.next = p_wide + q_wide

    @always_comb
    def select() -> None:
        result.next = q
        if adds:
            result.next = total[33:1]
        elif total[33] != larger:
            result.next = p

    return invert, widen, add, select


@block
def register_result(clock: Any, reduces: Any, value: Any, result: Any) -> Any:
    """Register the result of a row, zero for all other operations."""

    @always(clock.posedge)
    def register() -> None:
        result.next = 0
        if reduces:
            result.next = value

    return register


@block
def follow_kind(clock: Any, kinds: list[ReductionKind], counts: list[int]) -> Any:
    """Register the kind of a step from stage to stage, as far as it is used."""
    levels_end = max((stage for stage, count in enumerate(counts) if count), default=0)
    registers = []
    for stage, (kind, following) in enumerate(zip(kinds, kinds[1:], strict=False)):
        registers.append(field_register(clock, kind.reduces, following.reduces))
        if stage < levels_end:
            registers.append(field_register(clock, kind.adds, following.adds))
            registers.append(field_register(clock, kind.larger, following.larger))
    return registers


def level_counts(levels: int, depth: int) -> list[int]:
    """Return how many levels each stage computes."""
    return [-(-(levels - stage) // depth) for stage in range(depth)]


@block
def reduce_tree(
    clock: Any, tile: Any, first: Step, results: list[Any], *, config: Config, depth: int,
) -> Any:
    """Reduce the rows of ``tile``."""
    kinds = [ReductionKind() for _ in range(depth)]
    counts = level_counts(config.log_block, depth)
    parts: list[Any] = [decode_kind(first, kinds[0]), follow_kind(clock, kinds, counts)]
    for row, result in enumerate(results):
        values = [word(32) for _ in range(config.block_out)]
        parts += [
            take(tile, value, lo=32 * (row * config.block_out + lane))
            for lane, value in enumerate(values)
        ]
        for stage, (kind, count) in enumerate(zip(kinds, counts, strict=True)):
            for _ in range(count):
                pairs = list(zip(values[::2], values[1::2], strict=True))
                values = [word(32) for _ in pairs]
                parts += [
                    node(p, q, kind.adds, kind.larger, value)
                    for (p, q), value in zip(pairs, values, strict=True)
                ]
            if stage < depth - 1:
                kept = [word(32) for _ in values]
                parts += [field_register(clock, *pair) for pair in zip(values, kept, strict=True)]
                values = kept
        parts.append(register_result(clock, kinds[-1].reduces, values[0], result))
    return parts
