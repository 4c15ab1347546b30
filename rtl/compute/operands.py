"""Operand fetch: accumulator reads of every stage, and forwarding of results in flight.

Reads were placed by :mod:`.schedule` so that a bank is read at most once per cycle; here the
reading stage is selected and the data returned to it.  A tile read in the late stage s6 misses the
results of the three preceding steps, one read early (s5) those of four.  All are forwarded in s7,
the last one as it is computed (:mod:`.alu_lane`): results are those of strictly sequential
execution (rule D18), and no read depends on how a memory behaves while it is written.
"""

from __future__ import annotations

from typing import Any

from myhdl import always, always_comb, block

from ..lib.bundles import bit, word
from .accumulator import AccumulatorRead
from .rqt_parameters import ParameterRead
from .step import Step

__all__ = ["Operand", "bank_read", "forward", "select_bank"]


@block
def bank_read(
    clock: Any, s: list[Step], advance: Any, parameter: ParameterRead, port: AccumulatorRead, *,
    bank: int, requantize: bool,
) -> Any:
    """Read from one bank the tile that one of the stages needs in this cycle.

    The reads of a short step in s5 or s6 are determined while it is still in s4 or s5.  When
    neither they nor s3 need the bank, it reads for s2, whether that needs it or not: ``dst`` and
    the early source of a long operation, or the tile that RQT's parameter fetch needs from this
    bank.
    """
    s1, s2, s3, s4, s5 = s[1:6]
    acc_bits = len(s1.dst)
    for_short, short_reads = word(acc_bits - 1), bit()
    operand, for_s2 = word(acc_bits - 1), word(acc_bits - 1)
    address = word(acc_bits - 1)

    @always(clock.posedge)
    def register_short_read():
        short_reads.next = s4.short_early[bank] or s5.short_late[bank]
        for_short.next = s4.src[acc_bits:1]
        if s5.short_late[bank]:
            for_short.next = s5.src[acc_bits:1]
            if s5.dst[0] == bank:
                for_short.next = s5.dst[acc_bits:1]

    @always(clock.posedge)
    def register_operand():
        if advance:
            operand.next = s1.src[acc_bits:1]
            if s1.dst[0] == bank:
                operand.next = s1.dst[acc_bits:1]

    if requantize:
        @always_comb
        def select_for_s2():
            for_s2.next = operand
            if parameter.reads:
                for_s2.next = s2.src[acc_bits:1]
                if parameter.behind[bank]:
                    for_s2.next = parameter.after
    else:
        @always_comb
        def select_for_s2():
            for_s2.next = operand

    @always_comb
    def select():
        address.next = for_s2
        if short_reads:
            address.next = for_short
        elif s3.long_late[bank]:
            address.next = s3.src[acc_bits:1]

    @always_comb
    def drive_port():
        port.enable.next = (s2.valid and s2.long) or s3.long_late[bank] or short_reads
        port.address.next = address

    return register_short_read, register_operand, select_for_s2, select, drive_port


@block
def select_bank(even_data: Any, odd_data: Any, odd: Any, tile: Any) -> Any:
    """Choose between the data of the two banks."""

    @always_comb
    def select():
        tile.next = even_data
        if odd:
            tile.next = odd_data

    return select


class Operand:
    """One operand of the step in s7: one of four tiles, chosen by ``reads`` and ``second``.

    With ``reads`` it comes from a bank, the odd one if ``second``; without, from the register
    ``ready``, or with ``second`` it is being computed by the preceding step.
    """

    def __init__(self, bits: int) -> None:
        self.reads, self.second = bit(), bit()
        self.ready = word(bits)  # result in s9 or s10, or read early
        self.takes_none = bit()  # the operand is not a tile


@block
def forward(
    clock: Any, even_data: Any, odd_data: Any, s: list[Step], s9_result: Any, dst: Operand,
    src: Operand,
) -> Any:
    """Drive the operands of the step in s7 that are tiles, as if all earlier steps were written.

    The source of each is determined in s6: a bank takes half a cycle to drive its data, and between
    it and the register of the operand there is only a 4:1 multiplexer.
    """
    s5, s6, s7, s8, s9 = s[5:]
    bits = len(s9_result)
    s10_result = word(bits)  # the result written last
    held = word(bits)  # read early
    dst_in_s7, dst_in_s8, dst_in_s9 = bit(), bit(), bit()  # the step there writes its ACC[dst]
    src_in_s7, src_in_s8, src_in_s9 = bit(), bit(), bit()
    dst_none, dst_made, src_none, src_made = bit(), bit(), bit(), bit()
    # ready tiles: the result in s10, else that in s9, else (src) held
    dst_from_s10, src_from_s10, src_from_s9 = bit(), bit(), bit()
    held_from_s10 = bit()

    @always_comb
    def compare():
        dst_in_s7.next = s7.valid and s7.dst == s6.dst
        dst_in_s8.next = s8.valid and s8.dst == s6.dst
        dst_in_s9.next = s9.valid and s9.dst == s6.dst
        src_in_s7.next = s7.valid and s7.dst == s6.src
        src_in_s8.next = s8.valid and s8.dst == s6.src
        src_in_s9.next = s9.valid and s9.dst == s6.src

    @always_comb
    def classify():
        dst_none.next = s6.long or (s6.gemm and (s6.overwrite or s6.clear))
        src_none.next = s6.long or not s6.pair
        dst_made.next = dst_in_s8 or dst_in_s9
        src_made.next = src_in_s8 or src_in_s9

    @always(clock.posedge)
    def register_sources():
        # for the next cycle, in which every step is one stage further
        dst.takes_none.next = dst_none
        dst.reads.next = not dst_none and not dst_in_s7 and not dst_made
        dst.second.next = not dst_none and (dst_in_s7 or (not dst_made and s6.dst[0]))
        dst_from_s10.next = not dst_in_s8
        src.takes_none.next = src_none
        src.reads.next = not src_none and not src_in_s7 and not src_made and not s6.early
        src.second.next = not src_none and (
            src_in_s7 or (not src_made and not s6.early and s6.src[0])
        )
        src_from_s10.next = not src_in_s8 and src_in_s9
        src_from_s9.next = src_in_s8
        # the early read of s5 coincides with the write of s9
        held_from_s10.next = s9.valid and s9.dst == s5.src

    @always(clock.posedge)
    def hold():
        s10_result.next = s9_result
        if s6.pair and s6.early:
            if held_from_s10:
                held.next = s10_result
            elif s6.src[0]:
                held.next = odd_data
            else:
                held.next = even_data

    @always_comb
    def select():
        dst.ready.next = s9_result
        if dst_from_s10:
            dst.ready.next = s10_result
        src.ready.next = held
        if src_from_s9:
            src.ready.next = s9_result
        elif src_from_s10:
            src.ready.next = s10_result

    return compare, classify, register_sources, hold, select
