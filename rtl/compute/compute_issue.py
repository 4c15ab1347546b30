"""Issue: pass compute's instructions in order, with their tokens, to sequencer, loader or FINISH.

Contract
    An instruction is taken from ``sink`` into the decode stage, one at a time, and its kind and
    static faults are registered with it.  A static fault is raised once everything before it has
    completed.  Otherwise it takes its tokens (together, when all are available), in a later cycle
    room for the tokens it will push (both together), and in a later cycle it starts; without flags
    it starts in its first cycle in the stage.  Tokens and room are gathered while the preceding
    instruction is running, and instructions start in every second cycle.
    GEMM and ALU overlap with each other in the step pipeline.  A LOAD that moves something starts
    while they run, but the loader must hold its data back until the pipeline is empty; steps start
    when no LOAD is in flight.  So micro-ops and accumulator tiles are never read and loaded at the
    same time, while LOADs overlap their wait for memory with the steps before them.
    FINISH starts when pipeline, loader and ``others_idle`` are all idle; ``finish`` pulses in the
    cycle after its tokens were pushed.
    ``waiting``: the instruction lacks tokens or room, or is a FINISH that waits for the other
    modules, and nothing of compute is in flight; ``index`` is its position.
"""

from __future__ import annotations

from typing import Any

from myhdl import always, always_comb, always_seq, block

from ...isa.config import Config
from ...isa.opcodes import ErrorCode
from ..host.status import ModuleStatus
from ..lib.bundles import ENTRY_BITS, Completion, Fault, LoadCommand, Stream, bit, word
from ..lib.token_queue import DependencyTokens
from ..load.engine_head import check_timer
from ..load.load_fields import load_fields
from ..load.memory_checks import CHECK_CYCLES, memory_checks
from .sequencer import StepCommand
from .steps_decode import Decoded, steps_decode, token_flags

__all__ = ["Activity", "compute_issue"]


class Activity:
    """Activity in the engine while an instruction waits to be issued."""

    def __init__(self) -> None:
        self.pipeline_busy, self.loader_idle = bit(), bit()
        self.others_idle = bit()  # load and store
        self.stopped = bit()  # another part of compute has raised a fault


@block
def compute_issue(
    clock: Any, reset: Any, sink: Stream, tokens: DependencyTokens, steps: StepCommand,
    load: LoadCommand, activity: Activity, status: ModuleStatus, finished: Completion, finish: Any,
    fault: Fault, *, config: Config,
) -> Any:
    """Issue instructions; ``status`` is the instruction's own, ``fault`` its static fault."""
    decoded = Decoded()
    entry = word(ENTRY_BITS)  # the instruction in the decode stage
    present = bit()  # the decode stage holds an instruction
    popped, reserved = bit(), bit()  # done for it, or nothing to do
    take, accepted, steps_arrive, checked, sound, faulty, quiet = (bit() for _ in range(7))
    out_of_range, pops_now, rooms_now, gathered, leaves = (bit() for _ in range(5))
    able = bit()  # no static fault, except a LOAD's range, and no earlier fault
    start = bit()  # it is a GEMM or ALU that may enter the sequencer
    loads = bit()  # it is a LOAD that may enter the loader
    f_pop_prev, f_pop_next, f_push_prev, f_push_next = token_flags(config)

    @always_comb
    def accept():
        sink.ready.next = not present
        take.next = sink.valid and not present

    @always_comb
    def classify():
        quiet.next = not activity.pipeline_busy and activity.loader_idle
        sound.next = able and (not decoded.is_load or (checked and not out_of_range))
        faulty.next = present and not activity.stopped and (
            decoded.refused or (decoded.is_load and checked and out_of_range)
        )

    @always_comb
    def gather_pops():
        pops_now.next = (
            sound and not popped
            and (tokens.l2g.available or not decoded.pop_prev)
            and (tokens.s2g.available or not decoded.pop_next)
        )

    @always_comb
    def pop():
        tokens.l2g.pop.next = pops_now and decoded.pop_prev
        tokens.s2g.pop.next = pops_now and decoded.pop_next

    @always_comb
    def gather_rooms():
        rooms_now.next = (
            sound and popped and not reserved
            and (tokens.g2l.room or not decoded.push_prev)
            and (tokens.g2s.room or not decoded.push_next)
        )

    @always_comb
    def reserve():
        tokens.g2l.reserve.next = rooms_now and decoded.push_prev
        tokens.g2s.reserve.next = rooms_now and decoded.push_next
        gathered.next = sound and popped and reserved

    @always_comb
    def offer():
        steps.valid.next = start
        load.valid.next = loads
        finished.valid.next = gathered and decoded.is_finish and quiet and activity.others_idle
        finished.push_prev.next = decoded.push_prev
        finished.push_next.next = decoded.push_next

    @always_comb
    def leave():
        leaves.next = (
            (steps.valid and steps.ready) or (load.valid and load.ready)
            or finished.valid
        )

    @always_comb
    def report():
        status.index.next = decoded.index
        status.idle.next = not sink.valid and not present and quiet
        status.waiting.next = sound and quiet and (
            not gathered or (decoded.is_finish and not activity.others_idle)
        )

    @always_seq(clock.posedge, reset)
    def follow():
        finish.next = finished.valid
        if take:
            present.next = True
            popped.next = not sink.data[f_pop_prev] and not sink.data[f_pop_next]
            reserved.next = not sink.data[f_push_prev] and not sink.data[f_push_next]
            able.next = not activity.stopped and not fault.raised and accepted
            loads.next = False
            start.next = (
                not activity.stopped and not fault.raised and accepted and steps_arrive
                and activity.loader_idle
                and not sink.data[f_pop_prev] and not sink.data[f_pop_next]
                and not sink.data[f_push_prev] and not sink.data[f_push_next]
            )
        else:
            start.next = (
                able and not activity.stopped and decoded.is_steps and activity.loader_idle
                and not (start and steps.ready)
                and (popped or pops_now) and (reserved or rooms_now)
            )
            loads.next = (
                sound and not activity.stopped and decoded.is_load and not (loads and load.ready)
                and (popped or pops_now) and (reserved or rooms_now)
            )
            if leaves or activity.stopped:
                able.next = False
            if leaves:
                present.next = False
            if pops_now:
                popped.next = True
            if rooms_now:
                reserved.next = True

    @always(clock.posedge)
    def hold():
        if take:
            entry.next = sink.data

    @always_seq(clock.posedge, reset)
    def raise_fault():
        if not fault.raised and faulty and quiet:
            fault.raised.next = True
            fault.index.next = status.index
            fault.code.next = decoded.fault_code
            if not decoded.refused:
                fault.code.next = ErrorCode.SRAM_RANGE

    return (
        accept, classify, gather_pops, pop, gather_rooms, reserve, offer, leave, report, follow,
        hold, raise_fault,
        steps_decode(
            clock, take=take, arriving=sink.data, accepted=accepted, steps_arrive=steps_arrive,
            entry=entry, command=steps, decoded=decoded, config=config,
        ),
        load_fields(entry, load, config=config),
        memory_checks(clock, entry, out_of_range, config=config),
        check_timer(clock, reset, take, checked, cycles=CHECK_CYCLES),
    )
