"""Dispatch instructions to the three module queues in stream order.

Contract
    ``instructions`` holds {error, instruction}, error a ``PortError`` of its memory read.
    An instruction is routed (isa.instructions.route) on its way into a :mod:`.skid_buffer`, from
    which it enters its queue as soon as that is ready, with its position in the stream: one per
    cycle, with a latency of one cycle.
    ``done``     FINISH or ``insn_count`` instructions have been dispatched: nothing more is.
    ``index``    position of the next instruction to dispatch.
    ``blocked``  an instruction waits because its queue is full.
    ``fault``    the next instruction could not be read (WINDOW or BUS); nothing more is
                 dispatched.  Raised one cycle after the failed read appears.
"""

from __future__ import annotations

from typing import Any

from myhdl import Signal, always_comb, always_seq, block, concat, modbv

from ...isa.config import Config
from ...isa.fields import layout
from ...isa.instructions import Load, route
from ...isa.opcodes import ErrorCode, Module, Opcode
from ..host.status import FetchStatus
from ..lib.bundles import ENTRY_BITS, INDEX_BITS, PortError, Stream, bit, word
from ..lib.skid_buffer import skid_buffer

__all__ = ["FETCHED_BITS", "dispatch"]

_BITS = ENTRY_BITS - INDEX_BITS  # bits of an instruction
FETCHED_BITS = _BITS + 2  # {error, instruction}
_FAILED, _LOAD, _STORE, _FINISH = range(FETCHED_BITS, FETCHED_BITS + 4)  # bits of a routed one
_ROUTED_BITS = FETCHED_BITS + 4


@block
def dispatch(
    clock: Any, reset: Any, insn_count: Any, instructions: Stream, load: Stream, compute: Stream,
    store: Stream, status: FetchStatus, *, config: Config,
) -> Any:
    """Route by opcode and memory type."""
    opcode = layout(Opcode.LOAD, config)["opcode"]
    memory_type = layout(Opcode.LOAD, config)["memory_type"]
    fills_operands_of = tuple(
        int(route(Load(memory_type=kind)) == Module.LOAD) for kind in range(1 << 3)
    )
    kind, fills_operands = word(3), word(1)
    tagged, routed = Stream(_ROUTED_BITS), Stream(_ROUTED_BITS)
    is_failed, is_load, is_store, is_finish = bit(), bit(), bit(), bit()
    following = Signal(modbv(1)[INDEX_BITS:])  # index + 1
    present, failed = bit(), bit()  # an instruction is waiting / could not be read
    to_load, to_store, moves = bit(), bit(), bit()

    @always_comb
    def slice_type() -> None:
        kind.next = instructions.data[memory_type.hi:memory_type.lo]

    @always_comb
    def look_up_type() -> None:
        fills_operands.next = fills_operands_of[kind]

    @always_comb
    def predecode() -> None:
        is_failed.next = instructions.data[:_BITS] != PortError.NONE
        is_load.next = (
            instructions.data[opcode.hi:opcode.lo] == Opcode.LOAD and fills_operands == 1
        )
        is_store.next = instructions.data[opcode.hi:opcode.lo] == Opcode.STORE
        is_finish.next = instructions.data[opcode.hi:opcode.lo] == Opcode.FINISH

    @always_comb
    def tag() -> None:
        tagged.valid.next = instructions.valid
        tagged.data.next = concat(is_finish, is_store, is_load, is_failed, instructions.data)
        instructions.ready.next = tagged.ready

    @always_comb
    def decode_routed() -> None:
        present.next = routed.valid and not status.done and not routed.data[_FAILED]
        failed.next = routed.valid and not status.done and routed.data[_FAILED]
        to_load.next = routed.data[_LOAD]
        to_store.next = routed.data[_STORE]

    @always_comb
    def offer() -> None:
        load.valid.next = present and to_load
        store.valid.next = present and to_store
        compute.valid.next = present and not to_load and not to_store
        load.data.next = concat(status.index, routed.data[_BITS:])
        store.data.next = concat(status.index, routed.data[_BITS:])
        compute.data.next = concat(status.index, routed.data[_BITS:])

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
        routed.ready.next = moves
        status.blocked.next = present and not moves

    @always_seq(clock.posedge, reset)
    def advance() -> None:
        status.done.next = status.done or status.index == insn_count
        if moves:
            status.index.next = following
            following.next = following + 1
            status.done.next = following == insn_count or routed.data[_FINISH]
        if failed:
            status.fault.raised.next = True
            status.fault.index.next = status.index
            if routed.data[FETCHED_BITS:_BITS] == PortError.WINDOW:
                status.fault.code.next = ErrorCode.WINDOW
            else:
                status.fault.code.next = ErrorCode.BUS

    register = skid_buffer(clock, reset, tagged, routed, width=_ROUTED_BITS)
    return (
        slice_type, look_up_type, predecode, tag, decode_routed, offer, accept, answer, advance,
        register,
    )
