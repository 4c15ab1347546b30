"""Operand fetch: accumulator reads of every stage, and forwarding of results in flight.

Reads were placed by :mod:`.schedule` so that a bank is asked at most once a cycle; here the asking
stage is selected and the data handed back.  A tile read at the late stage s6 misses the results of
the three steps before it, one read early (s5) those of four.  All are put in its place in s7, the last
one as it is computed (:mod:`.alu_lane`): results are those of strictly sequential execution (D18), and no read depends on what a memory does when it is written meanwhile.
"""

from __future__ import annotations

from typing import Any

from myhdl import always, always_comb, block

from .accumulator import AccumulatorRead
from .bundles import bit, word

__all__ = ["bank_read", "forward", "forward_next", "select_bank"]


@block
def bank_read(
    s2: Any, parameter: Any, s3: Any, s5: Any, s6: Any, port: AccumulatorRead,
    *, bank: int, acc_bits: int, requantize: bool,
) -> Any:
    """Ask one bank for the tile that one of the stages needs in this cycle.

    When none of s3, s5 and s6 does, the bank reads for s2, whether that needs it or not: the early
    source of MUL, or what RQT's parameter fetch wants of this bank.
    """
    for_s2 = word(acc_bits - 1)
    address = word(acc_bits - 1)

    if requantize:
        @always_comb
        def look_ahead():
            for_s2.next = s2.src[acc_bits:1]
            if parameter.reads:
                for_s2.next = parameter.other_address[acc_bits:1]
                if s2.src[0] == bank:
                    for_s2.next = parameter.src_address[acc_bits:1]
    else:
        @always_comb
        def look_ahead():
            for_s2.next = s2.src[acc_bits:1]

    @always_comb
    def choose():
        address.next = for_s2
        if s6.use.short_late[bank]:
            address.next = s6.src[acc_bits:1]
            if s6.dst[0] == bank:
                address.next = s6.dst[acc_bits:1]
        elif s5.use.short_early[bank]:
            address.next = s5.src[acc_bits:1]
        elif s3.use.long_late[bank]:
            address.next = s3.src[acc_bits:1]
            if s3.dst[0] == bank:
                address.next = s3.dst[acc_bits:1]

    @always_comb
    def ask():
        port.enable.next = (
            (s2.valid and s2.long) or s3.use.long_late[bank] or s5.use.short_early[bank]
            or s6.use.short_late[bank]
        )
        port.address.next = address

    return look_ahead, choose, ask


@block
def select_bank(even_data: Any, odd_data: Any, odd: Any, tile: Any) -> Any:
    """Choose between the data of the two banks."""

    @always_comb
    def choose():
        tile.next = even_data
        if odd:
            tile.next = odd_data

    return choose


@block
def forward(
    clock: Any, even_data: Any, odd_data: Any, s5: Any, s6: Any, s7: Any, s8: Any, s9: Any,
    s9_result: Any, dst_tile: Any, src_tile: Any,
) -> Any:
    """Drive the operand tiles of the step in s7, as if all but the step before it were written."""
    bits = len(s9_result)
    s10_result, held = word(bits), word(bits)  # the result written last; the source read early
    dst_from_s9, dst_from_s10, src_from_s9, src_from_s10 = bit(), bit(), bit(), bit()
    held_from_s10 = bit()

    @always(clock.posedge)
    def compare():
        # seen from the cycle in which the step of s6 is in s7, those of s8 and s9 are in s9, s10
        dst_from_s9.next = s8.valid and s8.dst == s6.dst
        dst_from_s10.next = s9.valid and s9.dst == s6.dst
        src_from_s9.next = s8.valid and s8.dst == s6.src
        src_from_s10.next = s9.valid and s9.dst == s6.src
        # the early read of s5 meets the write of s9 in the memory
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
    def select_dst():
        if dst_from_s9:
            dst_tile.next = s9_result
        elif dst_from_s10:
            dst_tile.next = s10_result
        elif s7.dst[0]:
            dst_tile.next = odd_data
        else:
            dst_tile.next = even_data

    @always_comb
    def select_src():
        if src_from_s9:
            src_tile.next = s9_result
        elif src_from_s10:
            src_tile.next = s10_result
        elif s7.early:
            src_tile.next = held
        elif s7.src[0]:
            src_tile.next = odd_data
        else:
            src_tile.next = even_data

    return compare, hold, select_dst, select_src


@block
def forward_next(clock: Any, s6: Any, s7: Any, dst_from_s8: Any, src_from_s8: Any) -> Any:
    """Tell whether operands of the step in s7 are the result of the step just before it, in s8.

    Never for an operand that is not a tile: GEMM's second one, an immediate, the first of a GEMM
    that does not accumulate.
    """

    @always(clock.posedge)
    def compare():
        dst_from_s8.next = (
            s7.valid and s7.dst == s6.dst and not (s6.gemm and (s6.overwrite or s6.clear))
        )
        src_from_s8.next = (
            s7.valid and s7.dst == s6.src and not s6.gemm and not s6.use_imm
        )

    return compare
