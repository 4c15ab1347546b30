"""Hazards of long operations (stage s1 to s2): earlier steps that will write a tile a step reads.

Contract
    ``operand_hit`` and ``parameter_hit`` refer to the step in s2: a step in s3..s9, in the same
    cycle, writes ``ACC[dst]`` or ``ACC[src]`` of a MUL or RQT, or one of the three parameter tiles
    of an RQT.  Always low for other operations, which forward.  Compared while the step is still
    in s1, and moved on with the stages while it waits.
"""

from __future__ import annotations

from typing import Any

from myhdl import always_comb, always_seq, block

from ..lib.bundles import bit, word
from ..lib.pack import join
from .address_generator import StepSums
from .step import Step

__all__ = ["operand_hazards", "parameter_hazards"]


@block
def operand_match(flying: Step, s1: Step, match: Any) -> Any:
    """Detect that ``flying`` writes an operand tile of the step in s1."""

    @always_comb
    def compare() -> None:
        match.next = flying.valid and s1.valid and s1.long and (
            flying.dst == s1.dst or (s1.pair and flying.dst == s1.src)
        )

    return compare


@block
def parameter_match(flying: Step, s1: Step, sums: StepSums, match: Any, *, acc_bits: int) -> Any:
    """Detect that ``flying`` writes one of the parameter tiles of the RQT in s1.

    With an even ``src``, two of them are in its row and one in the next row; with an odd ``src``,
    one is in its row and two in the next row.
    """
    same_row, row_after = bit(), bit()

    @always_comb
    def locate() -> None:
        same_row.next = flying.dst[acc_bits:1] == s1.src[acc_bits:1]
        row_after.next = flying.before == s1.src[acc_bits:1]

    @always_comb
    def compare() -> None:
        match.next = flying.valid and s1.valid and sums.rqt and (
            (same_row and (flying.dst[0] or not s1.src[0]))
            or (row_after and (s1.src[0] or not flying.dst[0]))
        )

    return locate, compare


@block
def follow_matches(clock: Any, reset: Any, advance: Any, matches: list[Any], hit: Any) -> Any:
    """Register the matches of s2..s8 as hits of s3..s9, or move the hits on by one stage."""
    ahead = len(matches)
    found, hits = word(ahead), word(ahead)
    oldest = ahead - 1  # a hit there leaves the pipeline

    @always_seq(clock.posedge, reset)
    def follow() -> None:
        if advance:
            hits.next = found
            hit.next = found != 0
        else:
            hits.next = hits << 1
            hit.next = hits[oldest:] != 0

    return join(matches, found), follow


@block
def operand_hazards(
    clock: Any, reset: Any, advance: Any, stages: list[Step], s1: Step, operand_hit: Any
) -> Any:
    """Compare with ``stages``, s2 to s8."""
    matches = [bit() for _ in stages]
    return (
        [operand_match(stage, s1, match) for stage, match in zip(stages, matches, strict=True)],
        follow_matches(clock, reset, advance, matches, operand_hit),
    )


@block
def parameter_hazards(
    clock: Any, reset: Any, advance: Any, stages: list[Step], s1: Step, sums: StepSums,
    parameter_hit: Any,
) -> Any:
    """Compare with ``stages``, s2 to s8."""
    matches = [bit() for _ in stages]
    return (
        [
            parameter_match(stage, s1, sums, match, acc_bits=len(s1.src))
            for stage, match in zip(stages, matches, strict=True)
        ],
        follow_matches(clock, reset, advance, matches, parameter_hit),
    )
