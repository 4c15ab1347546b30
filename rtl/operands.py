"""Operand fetch: accumulator reads of every stage, and forwarding of results in flight.

Reads were placed by :mod:`.schedule` so that a bank is asked at most once a cycle; here the asking
stage is selected and the data handed back.  A tile read at the late stage s7 misses the results of
the two steps before it, one read early (s6) those of three; they are taken from the registers that
hold them, so results are those of strictly sequential execution (D18).
"""

from __future__ import annotations

from typing import Any

from myhdl import always, always_comb, block

from .accumulator import AccumulatorRead
from .bundles import bit, word

__all__ = ["bank_read", "forward", "read_parameter", "select_bank"]


@block
def bank_read(
    s2: Any, advance: Any, s3: Any, s6: Any, s7: Any, port: AccumulatorRead,
    *, bank: int, acc_bits: int,
) -> Any:
    """Ask one bank for the tile that one of the stages needs in this cycle."""

    @always_comb
    def ask():
        port.enable.next = False
        port.address.next = s7.dst[acc_bits:1]
        if s7.valid and not s7.long and s7.dst[0] == bank:
            port.enable.next = True
        elif s7.valid and not s7.long and s7.pair and not s7.early and s7.src[0] == bank:
            port.enable.next = True
            port.address.next = s7.src[acc_bits:1]
        elif s6.valid and not s6.long and s6.pair and s6.early and s6.src[0] == bank:
            port.enable.next = True
            port.address.next = s6.src[acc_bits:1]
        elif s3.valid and s3.long and s3.dst[0] == bank:
            port.enable.next = True
            port.address.next = s3.dst[acc_bits:1]
        elif s3.valid and s3.long and s3.pair and not s3.early and s3.src[0] == bank:
            port.enable.next = True
            port.address.next = s3.src[acc_bits:1]
        elif s2.valid and s2.long and s2.pair and s2.early and advance and s2.src[0] == bank:
            port.enable.next = True
            port.address.next = s2.src[acc_bits:1]

    return ask


@block
def read_parameter(
    parameter: Any, steps: AccumulatorRead, port: AccumulatorRead, *, bank: int, acc_bits: int,
) -> Any:
    """Let RQT's parameter fetch read the bank; it asks only when no step does."""

    @always_comb
    def ask():
        port.enable.next = steps.enable
        port.address.next = steps.address
        if parameter.valid and parameter.address[0] == bank:
            port.enable.next = True
            port.address.next = parameter.address[acc_bits:1]

    return ask


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
    clock: Any, even_data: Any, odd_data: Any, s6: Any, s7: Any, s8: Any, s9: Any, s9_result: Any,
    dst_tile: Any, src_tile: Any,
) -> Any:
    """Drive the operand tiles of the step in s8, as if every earlier step had been written."""
    bits = len(s9_result)
    s10_result, held = word(bits), word(bits)  # the result written last; the source read early
    dst_from_s9, dst_from_s10, src_from_s9, src_from_s10 = bit(), bit(), bit(), bit()
    held_from_s10 = bit()

    @always(clock.posedge)
    def compare():
        # seen from the cycle in which the step of s7 is in s8, those of s8 and s9 are in s9, s10
        dst_from_s9.next = s8.valid and s8.dst == s7.dst
        dst_from_s10.next = s9.valid and s9.dst == s7.dst
        src_from_s9.next = s8.valid and s8.dst == s7.src
        src_from_s10.next = s9.valid and s9.dst == s7.src
        # the early read of s6 meets the write of s9 in the memory and gets the old tile
        held_from_s10.next = s9.valid and s9.dst == s6.src

    @always(clock.posedge)
    def hold():
        s10_result.next = s9_result
        if s7.pair and s7.early:
            if held_from_s10:
                held.next = s10_result
            elif s7.src[0]:
                held.next = odd_data
            else:
                held.next = even_data

    @always_comb
    def select_dst():
        if dst_from_s9:
            dst_tile.next = s9_result
        elif dst_from_s10:
            dst_tile.next = s10_result
        elif s8.dst[0]:
            dst_tile.next = odd_data
        else:
            dst_tile.next = even_data

    @always_comb
    def select_src():
        if src_from_s9:
            src_tile.next = s9_result
        elif src_from_s10:
            src_tile.next = s10_result
        elif s8.early:
            src_tile.next = held
        elif s8.src[0]:
            src_tile.next = odd_data
        else:
            src_tile.next = even_data

    return compare, hold, select_dst, select_src
