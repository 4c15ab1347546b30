"""Parameter tiles of RQT: captured as they arrive, checked, kept for the steps that use them."""

from __future__ import annotations

from typing import Any

from myhdl import always, always_comb, block, concat

from ...isa.config import Config
from ..lib.bundles import bit, word
from ..lib.pack import join, take
from .rqt_parameters import ParameterRead

__all__ = ["parameter_tiles"]


@block
def check_lane(tile: Any, negative: Any, shift_past: Any, *, lane: int) -> Any:
    """Check one lane of registered parameters."""
    lo, hi = 32 * lane, 32 * lane + 32
    low, sign = lo + 5, hi - 1

    @always_comb
    def check():
        negative.next = tile[sign]
        shift_past.next = tile[hi:low] != 0

    return check


@block
def parameter_tiles(
    clock: Any, even_data: Any, odd_data: Any, parameter: ParameterRead, bias: Any,
    multiplier: Any, shift: Any, *, config: Config,
) -> Any:
    """Capture the parameter tiles without disturbing the steps still in flight.

    A tile is registered as it arrives, and checked in the next cycle.  It replaces the one before
    it three cycles after that: an RQT waits at least three cycles for new parameters, so the step
    before it is past ``select`` by then and uses none of them any more, while the RQT itself, which
    leaves ``schedule`` as the shift arrives, is not yet in ``align``.  ``shift``: 5 bits per lane.
    """
    lanes = config.lanes
    tile, second, third = word(32 * lanes), word(32 * lanes), word(32 * lanes)
    is_bias, is_multiplier, is_shift = word(3), word(3), word(3)  # bit 0: of tile, 1: of second ...
    negatives, pasts = [bit() for _ in range(lanes)], [bit() for _ in range(lanes)]
    shifts = [word(5) for _ in range(lanes)]
    any_negative, any_past, shift_third = word(lanes), word(lanes), word(5 * lanes)
    checks = [check_lane(tile, negatives[k], pasts[k], lane=k) for k in range(lanes)]

    @always(clock.posedge)
    def arrive():
        is_bias.next = concat(is_bias[2:], parameter.bias_arrives)
        is_multiplier.next = concat(is_multiplier[2:], parameter.multiplier_arrives)
        is_shift.next = concat(is_shift[2:], parameter.shift_arrives)
        if parameter.bias_arrives or parameter.multiplier_arrives or parameter.shift_arrives:
            tile.next = even_data
            if parameter.odd:
                tile.next = odd_data
        second.next = tile
        third.next = second

    @always(clock.posedge)
    def check():
        if is_multiplier[0]:
            parameter.multiplier_bad.next = any_negative != 0
        if is_shift[0]:
            parameter.shift_bad.next = any_past != 0

    @always(clock.posedge)
    def keep():
        if is_bias[2]:
            bias.next = third
        if is_multiplier[2]:
            multiplier.next = third
        if is_shift[2]:
            shift.next = shift_third

    return (
        checks, [take(third, shifts[k], lo=32 * k) for k in range(lanes)],
        join(negatives, any_negative), join(pasts, any_past), join(shifts, shift_third), arrive,
        check, keep,
    )
