"""Issue: takes compute's instructions in order, with their tokens, to sequencer, loader or FINISH.

Contract
    The instruction at the head of ``sink`` is checked first; a static fault is raised once
    everything before it has completed.  Then it takes its tokens (together, when all are there),
    then room for the tokens it will push (both together), then it starts.  Tokens and room of the
    next instruction are gathered while the one before it is running; without flags, or with
    tokens at hand, instructions start back to back.
    GEMM and ALU overlap with each other in the step pipeline.  A LOAD that moves something starts
    beside them, but the loader is to hold its data back until the pipeline is empty; steps start
    when no LOAD is in flight.  So micro-ops and accumulator tiles are never read and loaded at the
    same time, while LOADs overlap their wait for memory with the steps before them.
    FINISH starts when pipeline, loader and ``others_idle`` are all idle; ``finish`` pulses in the
    cycle after its tokens were pushed.
    ``waiting``: the head lacks tokens or room, or is a FINISH that waits for the other modules,
    and nothing of compute is in flight.
"""

from __future__ import annotations

from typing import Any

from myhdl import always_comb, always_seq, block

from ..isa.config import Config
from ..isa.opcodes import ErrorCode
from .bundles import Fault, LoadCommand, Stream, bit, word
from .load_fields import load_fields
from .memory_checks import CHECK_CYCLES, memory_checks
from .sequencer import StepCommand
from .steps_decode import Decoded, steps_decode

__all__ = ["compute_issue"]


@block
def compute_issue(
    clock: Any, reset: Any, sink: Stream, l2g_available: Any, l2g_pop: Any, s2g_available: Any,
    s2g_pop: Any, g2l_room: Any, g2l_reserve: Any, g2s_room: Any, g2s_reserve: Any,
    steps: StepCommand, load: LoadCommand, pipeline_busy: Any, loader_idle: Any, others_idle: Any,
    stopped: Any, idle: Any, waiting: Any, index: Any, finishes: Any, finish_push_prev: Any,
    finish_push_next: Any, finish: Any, fault: Fault, *, config: Config,
) -> Any:
    """Issue instructions; ``stopped``: another part of compute has raised a fault."""
    decoded = Decoded()
    age = word(2)  # cycles the LOAD at the head has been checked
    popped, reserved = bit(), bit()  # done for the instruction at the head
    out_of_range, sound, faulty, quiet = bit(), bit(), bit(), bit()
    pops, pops_done, pops_now, rooms, rooms_done, rooms_now = (bit() for _ in range(6))
    gathered, leaves = bit(), bit()

    @always_comb
    def judge():
        quiet.next = not pipeline_busy and loader_idle
        sound.next = (
            sink.valid and decoded.fault_code == 0 and not stopped and not fault.raised
            and (not decoded.is_load or (age == CHECK_CYCLES and not out_of_range))
        )
        faulty.next = sink.valid and not stopped and (
            decoded.fault_code != 0
            or (decoded.is_load and age == CHECK_CYCLES and out_of_range)
        )

    @always_comb
    def gather_pops():
        pops.next = decoded.pop_prev or decoded.pop_next
        pops_now.next = (
            sound and not popped and (decoded.pop_prev or decoded.pop_next)
            and (l2g_available or not decoded.pop_prev)
            and (s2g_available or not decoded.pop_next)
        )

    @always_comb
    def conclude_pops():
        pops_done.next = sound and (popped or pops_now or not pops)
        l2g_pop.next = pops_now and decoded.pop_prev
        s2g_pop.next = pops_now and decoded.pop_next

    @always_comb
    def gather_rooms():
        rooms.next = decoded.push_prev or decoded.push_next
        rooms_now.next = (
            pops_done and not reserved and (decoded.push_prev or decoded.push_next)
            and (g2l_room or not decoded.push_prev)
            and (g2s_room or not decoded.push_next)
        )

    @always_comb
    def conclude_rooms():
        rooms_done.next = pops_done and (reserved or rooms_now or not rooms)
        g2l_reserve.next = rooms_now and decoded.push_prev
        g2s_reserve.next = rooms_now and decoded.push_next

    @always_comb
    def offer():
        gathered.next = rooms_done
        steps.valid.next = rooms_done and decoded.is_steps and loader_idle
        load.valid.next = rooms_done and decoded.is_load
        finishes.next = rooms_done and decoded.is_finish and quiet and others_idle
        finish_push_prev.next = decoded.push_prev
        finish_push_next.next = decoded.push_next

    @always_comb
    def take():
        leaves.next = (
            (steps.valid and steps.ready) or (load.valid and load.ready) or finishes
        )

    @always_comb
    def report():
        sink.ready.next = leaves
        index.next = decoded.index
        idle.next = not sink.valid and quiet
        waiting.next = sound and quiet and (not gathered or (decoded.is_finish and not others_idle))

    @always_seq(clock.posedge, reset)
    def remember():
        finish.next = finishes
        if leaves or not sink.valid:
            age.next = 0
            popped.next = False
            reserved.next = False
        else:
            if age != CHECK_CYCLES:
                age.next = age + 1
            if pops_now:
                popped.next = True
            if rooms_now:
                reserved.next = True

    @always_seq(clock.posedge, reset)
    def watch():
        if not fault.raised and faulty and quiet:
            fault.raised.next = True
            fault.index.next = decoded.index
            fault.code.next = decoded.fault_code
            if decoded.fault_code == 0:
                fault.code.next = ErrorCode.SRAM_RANGE

    return (
        judge, gather_pops, conclude_pops, gather_rooms, conclude_rooms, offer, take, report,
        remember, watch,
        steps_decode(sink.data, steps, decoded, config=config),
        load_fields(sink.data, load, config=config),
        memory_checks(clock, sink.data, out_of_range, config=config),
    )
