"""Hand instructions to the three module queues in stream order.

Contract
    ``instructions`` holds {error, instruction}, error a ``PortError`` of its memory read.
    An instruction goes to the queue that the ISA routes it to (isa.instructions.route) in the
    cycle in which that queue is ready, with its position in the stream: one a cycle.
    ``done``     FINISH or ``insn_count`` instructions have been handed over: nothing more is.
    ``index``    position of the next instruction to hand over.
    ``blocked``  an instruction is here and its queue is full.
    ``fault``    the next instruction could not be read (WINDOW or BUS); nothing more is handed
                 over.  Raised one cycle after the failed read shows.
"""

from __future__ import annotations

from typing import Any

from myhdl import always_comb, always_seq, block, concat

from ..isa.config import Config
from ..isa.fields import layout
from ..isa.opcodes import ErrorCode, MemoryType, Opcode
from .bundles import ENTRY_BITS, INDEX_BITS, Fault, PortError, Stream, bit

__all__ = ["FETCHED_BITS", "dispatch"]

_BITS = ENTRY_BITS - INDEX_BITS  # of an instruction
FETCHED_BITS = _BITS + 2  # {error, instruction}


@block
def dispatch(
    clock: Any, reset: Any, insn_count: Any, instructions: Stream, load: Stream, compute: Stream,
    store: Stream, index: Any, done: Any, blocked: Any, fault: Fault, *, config: Config,
) -> Any:
    """Route by opcode and memory type."""
    opcode = layout(Opcode.LOAD, config)["opcode"]
    memory_type = layout(Opcode.LOAD, config)["memory_type"]
    finished = bit()  # FINISH has been handed over
    present, failed = bit(), bit()  # an instruction is at hand / could not be read
    to_load, to_store, moves = bit(), bit(), bit()

    @always_comb
    def judge() -> None:
        done.next = finished or index == insn_count

    @always_comb
    def inspect() -> None:
        present.next = (
            instructions.valid and not done and instructions.data[:_BITS] == PortError.NONE
        )
        failed.next = (
            instructions.valid and not done and instructions.data[:_BITS] != PortError.NONE
        )
        to_load.next = instructions.data[opcode.hi:opcode.lo] == Opcode.LOAD and (
            instructions.data[memory_type.hi:memory_type.lo] == MemoryType.INP
            or instructions.data[memory_type.hi:memory_type.lo] == MemoryType.WGT
        )
        to_store.next = instructions.data[opcode.hi:opcode.lo] == Opcode.STORE

    @always_comb
    def offer() -> None:
        load.valid.next = present and to_load
        store.valid.next = present and to_store
        compute.valid.next = present and not to_load and not to_store
        load.data.next = concat(index, instructions.data[_BITS:])
        store.data.next = concat(index, instructions.data[_BITS:])
        compute.data.next = concat(index, instructions.data[_BITS:])

    @always_comb
    def accept() -> None:
        if to_load:
            moves.next = present and load.ready
        elif to_store:
            moves.next = present and store.ready
        else:
            moves.next = present and compute.ready

    @always_comb
    def answer() -> None:
        instructions.ready.next = moves
        blocked.next = present and not moves

    @always_seq(clock.posedge, reset)
    def advance() -> None:
        if moves:
            index.next = index + 1
            if instructions.data[opcode.hi:opcode.lo] == Opcode.FINISH:
                finished.next = True
        if failed:
            fault.raised.next = True
            fault.index.next = index
            if instructions.data[:_BITS] == PortError.WINDOW:
                fault.code.next = ErrorCode.WINDOW
            else:
                fault.code.next = ErrorCode.BUS

    return judge, inspect, offer, accept, answer, advance
