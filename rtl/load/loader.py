"""DMA of the load engine and of compute, from memory into scratchpads: rows, strides, padding.

Contract
    A command is taken when ``command.valid and command.ready``; up to 10 are in flight.  Requests
    of a command begin 5 cycles after it was taken, or as soon as those of the one before it have
    been issued, even while data is still awaited.
    Data moves at one beat per cycle; padding is written in parallel (:mod:`.scratchpad`).  Between
    two commands two cycles pass without data.  The data and padding of a command are written after
    those of the commands before it, so overlapping loads end as in sequential order.
    ``done.valid`` pulses once per command, in order, in the cycle after its last write was handed
    over, with the command's flags.
    A command with ``x_size`` 0 writes nothing and is done in its turn; ``y_size`` 0 writes padding.
    While ``hold`` is high no command begins to write; its data is requested all the same and waits
    in the memory port or in the caller's buffer.  ``hold`` must not rise while a command writes.
    ``idle``: no command is in flight.
    ``starved``: memory has not delivered the next beat of the command whose turn it is, and no
    padding is being written.
    ``fault``: a row met the memory window or a bus error.  Later data is discarded, nothing more is
    done until reset; the caller stops sending commands.

Requirement: the footprint of a command fits its scratchpad (:mod:`.memory_checks`).
"""

from __future__ import annotations

from typing import Any

from myhdl import always_comb, always_seq, block

from ...isa.config import Config
from ...isa.opcodes import MemoryType
from ..lib.bundles import (
    Completion,
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
from ..lib.elements import log_bytes
from ..lib.queue import queue
from ..lib.tile_register import tile_register
from ..memory.row_requests import MAX_BURSTS, RowWalk, row_requests
from .load_plan import PACKED_BITS, LoadPlan, load_plan, pack_command
from .pad_writes import pad_writes
from .row_writes import row_writes

__all__ = ["loader"]

_NEVER = {  # memory types of no command of the loader with this ``first_type``
    MemoryType.INP: (
        MemoryType.UOP, MemoryType.ACC, MemoryType.ACC_8BIT, MemoryType.OUT, MemoryType.LUT,
    ),
    MemoryType.UOP: (MemoryType.INP, MemoryType.WGT, MemoryType.OUT, MemoryType.WGT_4BIT),
}
_WAITING = 8  # commands between requests and writes: 4-tile rows cover 64 cycles of latency


@block
def loader(
    clock: Any, reset: Any, command: LoadCommand, first_base: Any, second_base: Any, hold: Any,
    read: ReadClient, write: TileWrite, pad: PadWrite, rows: RowCount, done: Completion, idle: Any,
    starved: Any, fault: Fault, *, config: Config, first_type: MemoryType,
    max_bursts: int = MAX_BURSTS,
) -> Any:
    """Execute LOADs of INP and WGT, or of UOP and the accumulator's memory types.

    Parameters
    ----------
    first_base, second_base : Signal
        Base address in bytes of ``first_type`` and of every other memory type; stable while a
        command is in flight.
    first_type : MemoryType
        INP or UOP: which of the two loaders this is.
    max_bursts : int
        Bursts requested whose data has not been written.
    """
    walk, plan = RowWalk(), LoadPlan()
    waiting, planned = Stream(PACKED_BITS), Stream(PACKED_BITS)
    burst_done = bit()
    row_busy, pad_busy, start, ends = bit(), bit(), bit(), bit()
    beat, beat_waits = TileWrite(config, len(write.lanes)), bit()
    still = bit()  # nothing of a command is being written
    active, push_prev, push_next = bit(), bit(), bit()
    in_flight, non_empty = word(5), bit()  # in_flight is not 0
    log_bytes_of = log_bytes(config, _NEVER[first_type])

    @always_comb
    def look_up_bytes():
        walk.log_bytes.next = log_bytes_of[command.memory_type]

    @always_comb
    def request():
        walk.base.next = second_base
        if command.memory_type == first_type:
            walk.base.next = first_base
        walk.dram_base.next = command.dram_base
        walk.y_size.next = command.y_size
        walk.x_size.next = command.x_size
        walk.x_stride.next = command.x_stride

    @always_comb
    def split():
        command.ready.next = walk.ready and waiting.ready
        walk.valid.next = command.valid and waiting.ready
        waiting.valid.next = command.valid and walk.ready

    @always_comb
    def answer():
        burst_done.next = read.data_valid and read.data_ready and read.data_last

    @always_comb
    def watch():
        still.next = not row_busy and not beat_waits and not pad_busy

    @always_comb
    def sequence():
        ends.next = active and still
        start.next = plan.valid and still and not hold
        plan.taken.next = plan.valid and still and not hold

    @always_comb
    def report():
        done.valid.next = ends
        done.push_prev.next = push_prev
        done.push_next.next = push_next
        idle.next = not non_empty
        starved.next = row_busy and not read.data_valid and not (pad.valid and pad.ready)

    @always_seq(clock.posedge, reset)
    def follow():
        if start:
            active.next = True
            push_prev.next = plan.push_prev
            push_next.next = plan.push_next
        elif ends:
            active.next = False
        if command.valid and command.ready and not ends:
            in_flight.next = in_flight + 1
            non_empty.next = True
        elif ends and not (command.valid and command.ready):
            in_flight.next = in_flight - 1
            non_empty.next = in_flight != 1

    requests = row_requests(
        clock, reset, walk, read, burst_done, None, config=config, max_bursts=max_bursts,
    )
    pack = pack_command(command, waiting.data)
    commands = queue(clock, reset, waiting, planned, width=PACKED_BITS, depth=_WAITING)
    planner = load_plan(
        clock, reset, planned, first_base, second_base, plan, config=config, first_type=first_type,
    )
    data = row_writes(
        clock, reset, plan=plan, start=start, read=read, write=beat, rows=rows, busy=row_busy,
        fault=fault, config=config,
    )
    register = tile_register(clock, reset, beat, write, beat_waits)
    padding = pad_writes(clock, reset, plan, start, pad, pad_busy)
    return (
        look_up_bytes, request, split, answer, watch, sequence, report, follow, requests, pack,
        commands, planner, data, register, padding,
    )
