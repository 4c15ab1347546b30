"""Hazards of ALU operations (``check`` to ``schedule``): a step in flight writes a tile they read.

Contract
    ``operand_hit`` and ``parameter_hit`` refer to the step in ``schedule``: a later stage, in the
    same cycle, has a step that writes ``ACC[dst]`` or ``ACC[src]`` of an ALU operation, or one of
    the three parameter tiles of an RQT.  Always low for a GEMM, which takes results in flight.
    Compared while the step is still in ``check``, and moved on with the stages while it waits.
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
def operand_match(flying: Step, checked: Step, match: Any) -> Any:
    """Detect that ``flying`` writes an operand tile of the step in ``check``."""

    @always_comb
    def compare() -> None:
        match.next = flying.valid and checked.valid and not checked.gemm and (
            (flying.dst == checked.dst and not checked.skips_dst)
            or (checked.pair and flying.dst == checked.src)
        )

    return compare


@block
def parameter_match(
    flying: Step, checked: Step, sums: StepSums, match: Any, *, acc_bits: int
) -> Any:
    """Detect that ``flying`` writes one of the parameter tiles of the RQT in ``check``.

    With an even ``src``, two of them are in its row and one in the next row; with an odd ``src``,
    one is in its row and two in the next row.
    """
    same_row, row_after = bit(), bit()

    @always_comb
    def locate() -> None:
        same_row.next = flying.dst[acc_bits:1] == checked.src[acc_bits:1]
        row_after.next = flying.before == checked.src[acc_bits:1]

    @always_comb
    def compare() -> None:
        match.next = flying.valid and checked.valid and sums.rqt and (
            (same_row and (flying.dst[0] or not checked.src[0]))
            or (row_after and (checked.src[0] or not flying.dst[0]))
        )

    return locate, compare


@block
def follow_matches(clock: Any, reset: Any, advance: Any, matches: list[Any], hit: Any) -> Any:
    """Register matches as hits of the stage after theirs, or move the hits on by one stage."""
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
    clock: Any, reset: Any, advance: Any, stages: list[Step], checked: Step, operand_hit: Any
) -> Any:
    """Compare with ``stages``: ``schedule`` to the last but one."""
    matches = [bit() for _ in stages]
    return (
        [
            operand_match(stage, checked, match)
            for stage, match in zip(stages, matches, strict=True)
        ],
        follow_matches(clock, reset, advance, matches, operand_hit),
    )


@block
def parameter_hazards(
    clock: Any, reset: Any, advance: Any, stages: list[Step], checked: Step, sums: StepSums,
    parameter_hit: Any,
) -> Any:
    """Compare with ``stages``: ``schedule`` to the last but one."""
    matches = [bit() for _ in stages]
    return (
        [
            parameter_match(stage, checked, sums, match, acc_bits=len(checked.src))
            for stage, match in zip(stages, matches, strict=True)
        ],
        follow_matches(clock, reset, advance, matches, parameter_hit),
    )
