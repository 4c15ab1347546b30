"""Compute engine: issue, micro-op memory, step pipeline, accumulator and the loader of both.

Wiring only; contracts stand in the blocks.  Up to three sources of faults are merged: at most one
can be raised first, since an instruction's static fault waits for everything before it.
"""

from __future__ import annotations

from typing import Any

from myhdl import always_comb, always_seq, block

from ...isa.config import Config
from ...isa.opcodes import MemoryType
from ..lib.bundles import (
    MAX_BEATS,
    Fault,
    LoadCommand,
    PadWrite,
    ReadClient,
    RowCount,
    Stream,
    TileWrite,
    bit,
    word,
)
from ..lib.elements import MAX_LANES
from ..load.loader import loader
from ..load.scratchpad import scratchpad
from ..load.tile_switch import tile_switch
from ..memory.read_buffer import read_buffer
from .accumulator import AccumulatorRead, accumulator
from .accumulator_fill import TileFill, accumulator_fill
from .compute_issue import compute_issue
from .sequencer import StepCommand
from .step_pipeline import OperandRead, step_pipeline

__all__ = ["ComputeTokens", "compute"]

_PREFETCH = 256  # beats of LOADs that wait for steps to end; a block RAM has room for 512


class ComputeTokens:
    """Compute's side of the four dependency queues (:mod:`.token_queue`)."""

    def __init__(self) -> None:
        self.l2g_available, self.l2g_pop = bit(), bit()
        self.s2g_available, self.s2g_pop = bit(), bit()
        self.g2l_room, self.g2l_reserve, self.g2l_push = bit(), bit(), bit()
        self.g2s_room, self.g2s_reserve, self.g2s_push = bit(), bit(), bit()


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
def compute(
    clock: Any, reset: Any, sink: Stream, tokens: ComputeTokens, uop_base: Any, acc_base: Any,
    read: ReadClient, inp: OperandRead, wgt: OperandRead, out: OperandRead, rows: RowCount,
    others_idle: Any, idle: Any, waiting: Any, starved: Any, index: Any, completed: Any,
    finish: Any, gemm_step: Any, alu_step: Any, acc_write: Any, fault: Fault, *, config: Config,
) -> Any:
    """Execute entries ``{index, instruction}`` of the compute queue.

    ``starved``: memory has not delivered the next beat of a LOAD, no padding is being written, and
    no step is in flight.
    """
    steps, load, buffered = StepCommand(config), LoadCommand(), ReadClient(config)
    uop = OperandRead(config.log_uop_depth, 32)
    even, odd, fill = AccumulatorRead(config), AccumulatorRead(config), TileFill(config)
    tile_write, pad = TileWrite(config, MAX_LANES), PadWrite()
    uop_write, uop_pad = TileWrite(config, MAX_LANES), PadWrite()
    acc_tile_write, acc_pad = TileWrite(config, MAX_LANES), PadWrite()
    issue_fault, step_fault, load_fault = Fault(), Fault(), Fault()
    result_valid, result_index = bit(), word(config.log_acc_depth)
    result = word(8 * config.tile_bytes(MemoryType.ACC))
    busy, loader_idle, load_starved, stopped = bit(), bit(), bit(), bit()
    step_done, step_push_prev, step_push_next = bit(), bit(), bit()
    load_done, load_push_prev, load_push_next = bit(), bit(), bit()
    finishes, finish_push_prev, finish_push_next = bit(), bit(), bit()

    @always_seq(clock.posedge, reset)
    def register_completion():
        completed.next = step_done or load_done or finishes

    @always_comb
    def complete():
        tokens.g2l_push.next = (
            (step_done and step_push_prev) or (load_done and load_push_prev)
            or (finishes and finish_push_prev)
        )
        tokens.g2s_push.next = (
            (step_done and step_push_next) or (load_done and load_push_next)
            or (finishes and finish_push_next)
        )
        acc_write.next = result_valid
        starved.next = load_starved and not busy

    @always_seq(clock.posedge, reset)
    def stop():
        stopped.next = step_fault.raised or load_fault.raised

    return (
        register_completion, complete, stop,
        compute_issue(
            clock, reset, sink, tokens.l2g_available, tokens.l2g_pop, tokens.s2g_available,
            tokens.s2g_pop, tokens.g2l_room, tokens.g2l_reserve, tokens.g2s_room,
            tokens.g2s_reserve, steps, load, busy, loader_idle, others_idle, stopped, idle,
            waiting, index, finishes, finish_push_prev, finish_push_next, finish, issue_fault,
            config=config,
        ),
        step_pipeline(
            clock, reset, steps, uop, inp, wgt, even, odd, result_valid, result_index, result,
            step_done, step_push_prev, step_push_next, busy, gemm_step, alu_step, step_fault,
            config=config,
        ),
        loader(
            clock, reset, load, uop_base, acc_base, busy, buffered, tile_write, pad, rows,
            load_done, load_push_prev, load_push_next, loader_idle, load_starved, load_fault,
            config=config, first_type=MemoryType.UOP, max_bursts=_PREFETCH // MAX_BEATS,
        ),
        read_buffer(clock, reset, buffered, read, config=config, depth=_PREFETCH),
        tile_switch(
            tile_write, pad, uop_write, uop_pad, acc_tile_write, acc_pad,
            first_type=MemoryType.UOP,
        ),
        scratchpad(
            clock, uop_write, uop_pad, uop.enable, uop.address, uop.data,
            config=config, memory_type=MemoryType.UOP,
        ),
        accumulator_fill(clock, reset, acc_tile_write, acc_pad, fill, config=config),
        accumulator(
            clock, reset, even, odd, result_valid, result_index, result, fill, out.enable,
            out.address, out.data, config=config,
        ),
        merge_faults(step_fault, load_fault, issue_fault, fault),
    )
