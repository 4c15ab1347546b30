"""Operands of ALU operations: accumulator reads of every stage, and what becomes of their data.

Reads were placed by :mod:`.schedule` so that a bank is read at most once per cycle; here the
reading stage is selected.  No read depends on how a memory behaves while it is written: a step
waits until all tiles it reads have been written.  Data is registered before anything else, since
block RAM drives its output late in the cycle.
"""

from __future__ import annotations

from typing import Any

from myhdl import always, always_comb, block

from ...isa.config import Config
from ...isa.opcodes import AluOpcode
from ..lib.bundles import bit, signed_word, word
from ..lib.pack import join
from .accumulator import AccumulatorRead
from .bank_needs import BankNeeds
from .rqt_parameters import ParameterRead
from .stages import Stages
from .step import Step

__all__ = ["alu_operands", "bank_read"]


@block
def bank_read(
    clock: Any, s: list[Step], advance: Any, needs: BankNeeds, parameter: ParameterRead,
    port: AccumulatorRead, *, bank: int, config: Config,
) -> Any:
    """Read from one bank the tile that one of the stages needs in this cycle.

    When no step that has left ``schedule`` needs the bank (``needs.busy``), it reads for the step
    there, whether that needs it or not: an operand of an ALU operation, or the tile that RQT's
    parameter fetch needs from this bank.
    """
    at, acc_bits = Stages.of(config), config.log_acc_depth
    checked, waiting, next_gemm = s[at.check], s[at.schedule], s[at.accumulate - 1]
    operand, for_waiting = word(acc_bits - 1), word(acc_bits - 1)
    placed, address = word(acc_bits - 1), word(acc_bits - 1)

    @always(clock.posedge)
    def register_placed():
        placed.next = waiting.src[acc_bits:1]
        if next_gemm.reads[bank]:
            placed.next = next_gemm.dst[acc_bits:1]

    @always(clock.posedge)
    def register_operand():
        if advance:
            operand.next = checked.src[acc_bits:1]
            if checked.dst[0] == bank:
                operand.next = checked.dst[acc_bits:1]

    if config.requantize:
        @always_comb
        def select_for_waiting():
            for_waiting.next = operand
            if parameter.reads:
                for_waiting.next = waiting.src[acc_bits:1]
                if parameter.behind[bank]:
                    for_waiting.next = parameter.after
    else:
        @always_comb
        def select_for_waiting():
            for_waiting.next = operand

    @always_comb
    def select():
        address.next = for_waiting
        if needs.busy[bank]:
            address.next = placed

    @always_comb
    def drive_port():
        port.enable.next = waiting.alu or needs.busy[bank]
        port.address.next = address

    return register_placed, register_operand, select_for_waiting, select, drive_port


@block
def spread_immediate(imm: Any, tile: Any, *, lanes: int) -> Any:
    """Fill every lane of a tile with the sign-extended immediate."""
    wide, lane = signed_word(32), word(32)

    @always_comb
    def extend():
        wide.next = imm.signed()

    @always_comb
    def view_word():
        lane.next = wide

    return extend, view_word, join([lane] * lanes, tile)


@block
def alu_operands(
    clock: Any, even_data: Any, odd_data: Any, s: list[Step], bias: Any, p: Any, q: Any, *,
    config: Config,
) -> Any:
    """Drive the operand tiles ``p`` and ``q`` of the step in ``operand``, both registers.

    ``p``: ACC[dst].  ``q``: ACC[src] or the immediate; of RQT, ``bias`` (None without RQT).
    """
    at, bits = Stages.of(config), len(even_data)
    arriving, captured, aligned = s[at.arrive], s[at.capture], s[at.align]
    imm, immediate = word(16), word(bits)
    even, odd = word(bits), word(bits)  # the last data of the banks
    first, second = word(bits), word(bits)  # in ``align``
    late_odd = bit()  # in ``align``: the bank of an ACC[src] read late

    @always(clock.posedge)
    def capture():
        if arriving.alu or captured.late:
            even.next = even_data
            odd.next = odd_data

    @always_comb
    def view_immediate():
        imm.next = captured.imm

    @always(clock.posedge)
    def select_first():
        if captured.alu:
            first.next = even
            if captured.dst[0]:
                first.next = odd

    @always(clock.posedge)
    def select_second():
        if captured.alu:
            second.next = immediate
            if captured.pair:
                second.next = odd
                if captured.dst[0]:
                    second.next = even

    @always(clock.posedge)
    def align_first():
        if aligned.alu:
            p.next = first

    if config.reduce:
        @always_comb
        def locate_late():
            late_odd.next = aligned.src[0]
    else:
        @always_comb
        def locate_late():
            late_odd.next = aligned.dst[0]  # in the same bank

    parts = (
        capture, view_immediate, locate_late, select_first, select_second, align_first,
        spread_immediate(imm, immediate, lanes=config.lanes),
    )
    if bias is None:
        @always(clock.posedge)
        def align_second():
            if aligned.alu:
                q.next = second
                if aligned.late:
                    q.next = even
                    if late_odd:
                        q.next = odd
    else:
        @always(clock.posedge)
        def align_second():
            if aligned.alu:
                q.next = second
                if aligned.opcode == AluOpcode.RQT:
                    q.next = bias
                elif aligned.late:
                    q.next = even
                    if late_odd:
                        q.next = odd

    return parts, align_second
