"""Load engine: executes its queue's LOADs of INP, WGT and WGT_4BIT in order, with their tokens.

Contract
    The instruction at the head of ``sink`` is checked first (DEPENDENCY, EXTENSION of its memory
    type, then SRAM_RANGE); a static fault is raised once everything before it has completed.
    Otherwise it starts as soon as a token it pops is ``g2l.available``, a token it pushes has
    ``l2g.room`` and the loader takes it: at the earliest 4 cycles after it became the head.  Then
    ``g2l.pop`` and ``l2g.reserve`` pulse and the next instruction becomes the head, while data of
    this one is awaited.
    ``completed`` pulses when all of it is written, with ``l2g.push`` in the same cycle; in order.
    ``idle``: no instruction at the head and none in flight.  ``waiting``: the one at the head lacks
    a token or room and none is in flight; ``index`` is its position.  ``starved``: memory has not
    delivered the next beat and no padding is being written.
    ``fault`` stays high until reset; nothing completes after it and nothing starts from the second
    cycle on.
"""

from __future__ import annotations

from typing import Any

from myhdl import OpenPort, always_comb, always_seq, block

from ...isa.config import Config
from ...isa.fields import layout
from ...isa.opcodes import ErrorCode, MemoryType, Opcode
from ..host.status import ModuleStatus
from ..lib.bundles import (
    ENTRY_BITS,
    ERROR_BITS,
    INDEX_BITS,
    Completion,
    Fault,
    LoadCommand,
    PadWrite,
    ReadClient,
    Stream,
    TileWrite,
    bit,
    word,
)
from ..lib.fault_tables import load_faults
from ..lib.token_queue import Tokens
from ..memory.read_buffer import read_register
from .engine_head import EngineHead, engine_head
from .load_fields import load_fields
from .loader import loader
from .memory_checks import CHECK_CYCLES, memory_checks

__all__ = ["load"]


@block
def load(
    clock: Any, reset: Any, sink: Stream, g2l: Tokens, l2g: Tokens, inp_base: Any, wgt_base: Any,
    read: ReadClient, write: TileWrite, pad: PadWrite, status: ModuleStatus, *, config: Config,
) -> Any:
    """Execute entries ``{index, instruction}`` that are LOADs of this engine."""
    fields = layout(Opcode.LOAD, config)
    f_pop_prev, f_pop_next = fields["pop_prev"], fields["pop_next"]
    f_push_prev, f_push_next = fields["push_prev"], fields["push_next"]
    index_low, type_fault_of = ENTRY_BITS - INDEX_BITS, load_faults(config)

    command, data_fault, head = LoadCommand(), Fault(), EngineHead()
    bad_flags, out_of_range, loader_idle, hold = bit(), bit(), bit(), bit()
    type_fault = word(ERROR_BITS)
    fault, done = status.fault, Completion()
    done.push_prev = OpenPort()  # a LOAD of this engine only pushes to compute

    @always_comb
    def check_head():
        hold.next = False  # the operand scratchpads accept data at any time
        bad_flags.next = sink.data[f_pop_prev.lo] or sink.data[f_push_prev.lo]
        head.stopped.next = fault.raised or data_fault.raised

    @always_comb
    def look_up_type():
        type_fault.next = type_fault_of[command.memory_type]

    @always_comb
    def refuse():
        head.refused.next = bad_flags or type_fault != ErrorCode.NONE or out_of_range

    @always_comb
    def start():
        command.valid.next = head.gathered
        head.starts.next = head.gathered and command.ready
        head.leaves.next = head.gathered and command.ready
        sink.ready.next = head.gathered and command.ready

    @always_comb
    def complete():
        status.completed.next = done.valid
        l2g.push.next = done.valid and done.push_next

    @always_comb
    def report():
        status.index.next = sink.data[ENTRY_BITS:index_low]
        status.idle.next = loader_idle and not sink.valid
        status.waiting.next = loader_idle and head.waiting

    @always_seq(clock.posedge, reset)
    def raise_fault():
        if not fault.raised:
            if data_fault.raised:
                fault.raised.next = True
                fault.code.next = data_fault.code
                fault.index.next = data_fault.index
            elif head.faulty and loader_idle:
                fault.raised.next = True
                fault.index.next = status.index
                fault.code.next = ErrorCode.SRAM_RANGE
                if bad_flags:
                    fault.code.next = ErrorCode.DEPENDENCY
                elif type_fault != ErrorCode.NONE:
                    fault.code.next = type_fault

    held = ReadClient(config)
    checks = memory_checks(clock, sink.data, out_of_range, config=config)
    engine = loader(
        clock, reset, command=command, first_base=inp_base, second_base=wgt_base, hold=hold,
        read=held, write=write, pad=pad, rows=status.rows, done=done, idle=loader_idle,
        starved=status.starved, fault=data_fault, config=config, first_type=MemoryType.INP,
    )
    return (
        check_head, look_up_type, refuse, start, complete, report, raise_fault, checks, engine,
        read_register(clock, reset, held, read), load_fields(sink.data, command, config=config),
        engine_head(
            clock, reset, sink, pops=g2l, pushes=l2g, head=head, pop_bit=f_pop_next.lo,
            push_bit=f_push_next.lo, cycles=CHECK_CYCLES,
        ),
    )
