"""Operand tiles of long operations (MUL, RQT) at s4, and the parameter tiles of RQT."""

from __future__ import annotations

from typing import Any

from myhdl import always, always_comb, block

from ...isa.config import Config
from ..lib.bundles import bit, word
from ..lib.pack import join
from .operands import select_bank

__all__ = ["LongOperands", "long_operands", "parameter_tiles"]


class LongOperands:
    """Operand tiles of the step in s4; the second: ``src`` with ``reads_src``, else ``held``."""

    def __init__(self, bits: int) -> None:
        self.dst = word(bits)  # registered
        self.src = word(bits)  # from a bank
        self.held, self.reads_src = word(bits), bit()  # read early


@block
def long_operands(
    clock: Any, even_data: Any, odd_data: Any, s3: Any, s4: Any, operands: LongOperands,
) -> Any:
    """Deliver the accumulator data to the step in s4; no forwarding: :mod:`.schedule` has waited.

    The data of both banks' early reads is registered, and the one of ``dst`` selected after that:
    most of the cycle is left for RQT's bias.
    """
    even, odd = word(len(even_data)), word(len(even_data))
    dst_odd, src_odd = bit(), bit()

    @always(clock.posedge)
    def hold():
        operands.reads_src.next = s3.pair and not s3.early
        if s3.long:
            even.next = even_data
            odd.next = odd_data
            operands.held.next = even_data
            if s3.src[0]:
                operands.held.next = odd_data

    @always_comb
    def locate():
        dst_odd.next = s4.dst[0]
        src_odd.next = s4.src[0]

    return (
        select_bank(even, odd, dst_odd, operands.dst),
        select_bank(even_data, odd_data, src_odd, operands.src), hold, locate,
    )


@block
def check_lane(tile: Any, negative: Any, shift_past: Any, shift: Any, *, lane: int) -> Any:
    """Check one lane of registered parameters."""
    lo, hi = 32 * lane, 32 * lane + 32
    low, sign = lo + 5, hi - 1

    @always_comb
    def check():
        negative.next = tile[sign]
        shift_past.next = tile[hi:low] != 0
        shift.next = tile[low:lo]

    return check


@block
def below_shift(shifts: Any, mask: Any, *, lane: int) -> Any:
    """Set the lowest bits of ``mask``, as many as this lane of ``shifts``."""
    lo, hi = 5 * lane, 5 * lane + 5
    middle = lo + 3

    @always_comb
    def decode():
        for i in range(4):
            for j in range(8):
                # 8 * i + j < shift
                mask.next[8 * i + j] = shifts[hi:middle] > i or (
                    shifts[hi:middle] == i and shifts[middle:lo] > j
                )

    return decode


@block
def parameter_tiles(
    clock: Any, even_data: Any, odd_data: Any, parameter: Any, s6: Any, bias: Any, multiplier: Any,
    shift: Any, lost_mask: Any, *, config: Config,
) -> Any:
    """Capture the parameter tiles without disturbing the steps still in flight.

    A tile is registered as it arrives, and checked and kept in the cycle after that.  ``bias`` and
    ``multiplier`` belong to the step in s4; ``shift`` (5 bits per lane) and ``lost_mask`` (32 bits
    per lane, ones below ``shift``) to the one in s7: new ones wait until the first step that uses
    them (``fresh``) leaves s6.
    """
    lanes = config.lanes
    arriving, tile = word(32 * lanes), word(32 * lanes)
    is_bias, is_multiplier, is_shift = bit(), bit(), bit()
    negatives, pasts = [bit() for _ in range(lanes)], [bit() for _ in range(lanes)]
    shifts = [word(5) for _ in range(lanes)]
    any_negative, any_past, shift_new = word(lanes), word(lanes), word(5 * lanes)
    waiting, waiting_masks = word(5 * lanes), [word(32) for _ in range(lanes)]
    waiting_mask = word(32 * lanes)
    checks = [
        check_lane(tile, negatives[k], pasts[k], shifts[k], lane=k) for k in range(lanes)
    ]

    masks = [below_shift(waiting, waiting_masks[k], lane=k) for k in range(lanes)]

    @always(clock.posedge)
    def arrive():
        is_bias.next = parameter.bias_arrives
        is_multiplier.next = parameter.multiplier_arrives
        is_shift.next = parameter.shift_arrives
        if parameter.bias_arrives or parameter.multiplier_arrives or parameter.shift_arrives:
            tile.next = arriving

    @always(clock.posedge)
    def capture():
        if is_bias:
            bias.next = tile
        if is_multiplier:
            multiplier.next = tile
            parameter.multiplier_bad.next = any_negative != 0
        if is_shift:
            waiting.next = shift_new
            parameter.shift_bad.next = any_past != 0
        if s6.valid and s6.fresh:
            shift.next = waiting
            lost_mask.next = waiting_mask

    return (
        select_bank(even_data, odd_data, parameter.odd, arriving), checks, masks,
        join(negatives, any_negative), join(pasts, any_past), join(shifts, shift_new),
        join(waiting_masks, waiting_mask), arrive, capture,
    )
