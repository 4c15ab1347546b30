"""Compute engine: issue, micro-op memory, step pipeline, accumulator and the loader of both.

Wiring only; the blocks hold the contracts.  Three sources of faults are merged, of which at most
one is raised first, since a static fault of an instruction waits for everything before it.
"""

from __future__ import annotations

from typing import Any

from myhdl import OpenPort, always_comb, always_seq, block

from ...isa.config import Config
from ...isa.opcodes import MemoryType
from ..host.status import ModuleStatus, StepEvents
from ..lib.bundles import (
    MAX_BEATS,
    Completion,
    Fault,
    LoadCommand,
    OperandRead,
    PadWrite,
    ReadClient,
    Stream,
    TileWrite,
    bit,
)
from ..lib.elements import MAX_LANES
from ..lib.token_queue import DependencyTokens
from ..load.loader import loader
from ..load.scratchpad import scratchpad
from ..load.tile_switch import tile_switch
from ..memory.read_buffer import read_buffer
from .accumulator import AccumulatorRead, AccumulatorWrite, accumulator
from .accumulator_fill import TileFill, accumulator_fill
from .compute_issue import Activity, compute_issue
from .lookup import TableWrite
from .lookup_fill import lookup_fill
from .sequencer import StepCommand
from .step_pipeline import step_pipeline

__all__ = ["compute"]

_PREFETCH = 256  # beats of LOADs that wait for steps to end; a block RAM has room for 512


@block
def merge_faults(first: Fault, second: Fault, third: Fault, fault: Fault) -> Any:
    """Report the first of three faults."""

    @always_comb
    def merge():
        fault.raised.next = first.raised or second.raised or third.raised
        if first.raised:
            fault.code.next = first.code
            fault.index.next = first.index
        elif second.raised:
            fault.code.next = second.code
            fault.index.next = second.index
        else:
            fault.code.next = third.code
            fault.index.next = third.index

    return merge


@block
def tile_memories(
    clock: Any, reset: Any, write: TileWrite, pad: PadWrite, fill: TileFill, tables: TableWrite,
    *, config: Config,
) -> Any:
    """Fill the accumulator and, where there are any, the lookup tables."""
    if not config.lookup:
        return accumulator_fill(clock, reset, write, pad, fill, config=config)
    acc_write, acc_pad = TileWrite(config, MAX_LANES), PadWrite()
    lut_write, lut_pad = TileWrite(config, MAX_LANES), PadWrite()
    # tables have one kind of beat and of padding, the accumulator one of padding
    lut_write.memory_type, lut_write.lanes = OpenPort(), OpenPort()
    lut_pad.memory_type = OpenPort()
    acc_pad.memory_type = OpenPort()
    return (
        tile_switch(
            write, pad, first_write=lut_write, first_pad=lut_pad, second_write=acc_write,
            second_pad=acc_pad, first_type=MemoryType.LUT,
        ),
        lookup_fill(clock, reset, lut_write, lut_pad, tables, config=config),
        accumulator_fill(clock, reset, acc_write, acc_pad, fill, config=config),
    )


@block
def compute(
    clock: Any, reset: Any, sink: Stream, tokens: DependencyTokens, uop_base: Any, acc_base: Any,
    read: ReadClient, inp: OperandRead, wgt: OperandRead, out: OperandRead, others_idle: Any,
    status: ModuleStatus, events: StepEvents, finish: Any, *, config: Config,
) -> Any:
    """Execute entries ``{index, instruction}`` of the compute queue.

    ``status.starved``: memory has not delivered the next beat of a LOAD, no padding is being
    written, and no step is in flight.
    """
    steps, load, buffered = StepCommand(config), LoadCommand(), ReadClient(config)
    uop = OperandRead(config.log_uop_depth, 32)
    even, odd, fill = AccumulatorRead(config), AccumulatorRead(config), TileFill(config)
    tables = TableWrite()
    tile_write, pad = TileWrite(config, MAX_LANES), PadWrite()
    uop_write, uop_pad = TileWrite(config, MAX_LANES), PadWrite()
    acc_tile_write, acc_pad = TileWrite(config, MAX_LANES), PadWrite()
    issue_fault, step_fault, load_fault = Fault(), Fault(), Fault()
    result, activity, load_starved = AccumulatorWrite(config), Activity(), bit()
    activity.others_idle = others_idle
    step_done, load_done, finished = Completion(), Completion(), Completion()

    @always_seq(clock.posedge, reset)
    def register_completion():
        status.completed.next = step_done.valid or load_done.valid or finished.valid

    @always_comb
    def complete():
        tokens.g2l.push.next = (
            (step_done.valid and step_done.push_prev) or (load_done.valid and load_done.push_prev)
            or (finished.valid and finished.push_prev)
        )
        tokens.g2s.push.next = (
            (step_done.valid and step_done.push_next) or (load_done.valid and load_done.push_next)
            or (finished.valid and finished.push_next)
        )
        events.acc_write.next = result.valid
        status.starved.next = load_starved and not activity.pipeline_busy

    @always_seq(clock.posedge, reset)
    def stop():
        activity.stopped.next = step_fault.raised or load_fault.raised

    return (
        register_completion, complete, stop,
        compute_issue(
            clock, reset, sink=sink, tokens=tokens, steps=steps, load=load, activity=activity,
            status=status, finished=finished, finish=finish, fault=issue_fault, config=config,
        ),
        step_pipeline(
            clock, reset, command=steps, uop=uop, inp=inp, wgt=wgt, even=even, odd=odd,
            tables=tables, result=result, completed=step_done, busy=activity.pipeline_busy,
            events=events, fault=step_fault, config=config,
        ),
        loader(
            clock, reset, command=load, first_base=uop_base, second_base=acc_base,
            hold=activity.pipeline_busy, read=buffered, write=tile_write, pad=pad,
            rows=status.rows, done=load_done, idle=activity.loader_idle, starved=load_starved,
            fault=load_fault, config=config, first_type=MemoryType.UOP,
            max_bursts=_PREFETCH // MAX_BEATS,
        ),
        read_buffer(clock, reset, buffered, read, depth=_PREFETCH),
        tile_switch(
            tile_write, pad, first_write=uop_write, first_pad=uop_pad,
            second_write=acc_tile_write, second_pad=acc_pad, first_type=MemoryType.UOP,
        ),
        scratchpad(
            clock, uop_write, uop_pad, uop.enable, uop.address, uop.data,
            config=config, memory_type=MemoryType.UOP,
        ),
        tile_memories(
            clock, reset, acc_tile_write, acc_pad, fill=fill, tables=tables, config=config,
        ),
        accumulator(
            clock, reset, even=even, odd=odd, result=result, fill=fill, out=out, config=config,
        ),
        merge_faults(step_fault, load_fault, issue_fault, status.fault),
    )
