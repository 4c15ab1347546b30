"""Store engine: executes its queue's STOREs in order, with their tokens and responses.

Contract
    The instruction at the head of ``sink`` is checked first (DEPENDENCY, EXTENSION or MEMORY_TYPE,
    OPERAND, SRAM_RANGE, in this order); a static fault is raised once everything before it has
    completed.  Otherwise it starts as soon as a token it pops is ``g2s.available``, a token it
    pushes has ``s2g.room``, and all tiles of the STORE before it have been read: at the earliest 5
    cycles after it became the head.  Then ``g2s.pop`` and ``s2g.reserve`` pulse.
    Requests and data continue while responses are awaited, of this STORE and of those before it.
    ``completed`` pulses when the response of its last burst has arrived, with ``s2g.push`` in the
    same cycle; in order.  An empty STORE starts when no other is in flight and completes at once.
    ``out`` reads the output view of the accumulator.
    ``idle``: no instruction at the head and none in flight.  ``waiting``: the one at the head lacks
    a token or room and none is in flight; ``index`` is its position.  ``starved``: memory does not
    accept the beat offered, or it has accepted all beats and only responses are awaited.
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
    ForwardWrite,
    OperandRead,
    PortError,
    Stream,
    WriteClient,
    bit,
    word,
)
from ..lib.fault_tables import store_faults
from ..lib.pack import bits_of, join, split
from ..lib.queue import queue
from ..lib.token_queue import Tokens
from ..load.engine_head import EngineHead, engine_head
from ..load.memory_checks import CHECK_CYCLES, memory_checks
from ..memory.row_requests import MAX_BURSTS, RowWalk, row_requests
from .forward_checks import forward_checks
from .forward_writes import ForwardFlight, forward_flight, forward_writes
from .tile_beats import tile_beats
from .tile_reads import TileRead, tile_reads

__all__ = ["store"]


class BurstRecord:
    """A burst in flight: its STORE, whether that pushes a token, whether it is the last."""

    def __init__(self) -> None:
        self.last, self.pushes, self.index = bit(), bit(), word(INDEX_BITS)

    def fields(self) -> list[Any]:
        """Return the fields of a queue entry, from bit 0."""
        return [self.last, self.pushes, self.index]


@block
def store(
    clock: Any, reset: Any, sink: Stream, g2s: Tokens, s2g: Tokens, out_base: Any,
    out: OperandRead, write: WriteClient, forward: ForwardWrite | None, status: ModuleStatus, *,
    config: Config,
) -> Any:
    """Execute entries ``{index, instruction}`` that are STOREs."""
    fields = layout(Opcode.STORE, config)
    f_pop_prev, f_pop_next = fields["pop_prev"], fields["pop_next"]
    f_push_prev, f_push_next = fields["push_prev"], fields["push_next"]
    f_type, f_sram, f_dram = fields["memory_type"], fields["sram_base"], fields["dram_base"]
    f_y_size, f_x_size, f_x_stride = fields["y_size"], fields["x_size"], fields["x_stride"]
    pads_low, pads_high = fields["y_pad_0"].lo, fields["x_pad_1"].hi
    index_low = ENTRY_BITS - INDEX_BITS
    log_bytes = config.log_tile_bits(MemoryType.OUT) - 3
    type_fault_of = store_faults(config)

    walk, tile = RowWalk(), TileRead()
    fault = status.fault
    requested, oldest = BurstRecord(), BurstRecord()
    width = bits_of(oldest.fields())
    records, oldest_record = Stream(width), Stream(width)
    records.ready = OpenPort()  # there is room for a record of every outstanding burst
    head = EngineHead()
    in_flight, non_empty = word(6), bit()  # in_flight is not 0
    sram_base = word(16)
    memory_type, type_fault = word(3), word(ERROR_BITS)
    code = word(ERROR_BITS)  # static fault of the instruction at the head
    out_of_range, empty, is_free, starts_walk, reading, ends = (bit() for _ in range(6))
    starts_reads, in_progress = bit(), bit()  # in_progress: a STORE is in flight, to anywhere
    may_read, forwards, push_flag = bit(), bit(), bit()  # the last two: of the one at the head
    range_fault, completes, pushes = bit(), bit(), bit()

    @always_comb
    def decode():
        walk.base.next = out_base
        walk.log_bytes.next = log_bytes
        walk.dram_base.next = sink.data[f_dram.hi:f_dram.lo]
        walk.y_size.next = sink.data[f_y_size.hi:f_y_size.lo]
        walk.x_size.next = sink.data[f_x_size.hi:f_x_size.lo]
        walk.x_stride.next = sink.data[f_x_stride.hi:f_x_stride.lo]
        sram_base.next = sink.data[f_sram.hi:f_sram.lo]
        memory_type.next = sink.data[f_type.hi:f_type.lo]
        push_flag.next = sink.data[f_push_prev.lo]

    @always_comb
    def look_up_type():
        type_fault.next = type_fault_of[memory_type]

    @always_comb
    def find_fault():
        code.next = ErrorCode.NONE
        if sink.data[f_pop_next.lo] or sink.data[f_push_next.lo]:
            code.next = ErrorCode.DEPENDENCY
        elif sink.data[f_x_size.hi:f_x_size.lo] != 0:
            if type_fault != ErrorCode.NONE:
                code.next = type_fault
            elif sink.data[pads_high:pads_low] != 0:
                code.next = ErrorCode.OPERAND
            elif range_fault:
                code.next = ErrorCode.SRAM_RANGE

    @always_comb
    def check_head():
        head.stopped.next = fault.raised

    @always_comb
    def find_room():
        is_free.next = walk.ready and may_read
        if empty:
            is_free.next = not in_progress

    @always_comb
    def decide():
        head.starts.next = head.gathered and is_free

    @always_comb
    def start():
        starts_reads.next = head.starts and not empty
        sink.ready.next = head.leaves

    @always_comb
    def request():
        walk.valid.next = starts_walk

    @always_comb
    def record_burst():
        records.valid.next = write.request_valid and write.request_ready
        oldest_record.ready.next = write.done

    @always_comb
    def check_response():
        ends.next = (
            write.done and oldest_record.valid and oldest.last
            and (write.done_error == PortError.NONE) and not fault.raised
        )

    @always_comb
    def report():
        status.index.next = sink.data[ENTRY_BITS:index_low]
        status.idle.next = not in_progress and not sink.valid and not status.completed
        status.waiting.next = head.waiting and not in_progress

    @always_seq(clock.posedge, reset)
    def register_checks():
        # well before it may start
        empty.next = (walk.x_size == 0) or (walk.y_size == 0)
        head.leaves.next = head.starts  # many registers depend on it
        head.refused.next = code != ErrorCode.NONE

    @always_seq(clock.posedge, reset)
    def follow():
        if starts_walk:
            requested.index.next = sink.data[ENTRY_BITS:index_low]
            requested.pushes.next = push_flag
        if starts_walk and not ends:
            in_flight.next = in_flight + 1
            non_empty.next = True
        elif ends and not starts_walk:
            in_flight.next = in_flight - 1
            non_empty.next = in_flight != 1

    @always_seq(clock.posedge, reset)
    def complete():
        status.completed.next = completes or (head.starts and empty)
        s2g.push.next = pushes or (head.starts and empty and push_flag)

    @always_seq(clock.posedge, reset)
    def raise_fault():
        if not fault.raised:
            if write.done and (write.done_error != PortError.NONE):
                fault.raised.next = True
                fault.index.next = oldest.index
                fault.code.next = ErrorCode.BUS
                if write.done_error == PortError.WINDOW:
                    fault.code.next = ErrorCode.WINDOW
            elif head.faulty and not in_progress:
                fault.raised.next = True
                fault.index.next = status.index
                fault.code.next = code

    checks = memory_checks(clock, sink.data, out_of_range, config=config, stores=True)
    queue_head = engine_head(
        clock, reset, sink, pops=g2s, pushes=s2g, head=head, pop_bit=f_pop_prev.lo,
        push_bit=f_push_prev.lo, cycles=CHECK_CYCLES + 1,  # the fault's code is a register
    )
    requests = row_requests(
        clock, reset, walk, write, burst_done=write.done, request_last=requested.last,
        config=config,
    )
    bursts = (
        join(requested.fields(), records.data),
        queue(clock, reset, records, oldest_record, width=width, depth=MAX_BURSTS),
        split(oldest_record.data, oldest.fields()),
    )
    reads = tile_reads(
        clock, reset, start=starts_reads, walk=walk, sram_base=sram_base, forwards=forwards,
        read_enable=out.enable, read_address=out.address, tile=tile, rows=status.rows, busy=reading,
        config=config,
    )
    parts = (
        decode, look_up_type, find_fault, check_head, find_room, decide, start, request,
        record_burst, check_response, report, register_checks, follow, complete, raise_fault,
        checks, requests, bursts, reads, queue_head,
    )
    if not config.forward:
        @always_comb
        def find_range_fault():
            range_fault.next = out_of_range

        @always_comb
        def follow_progress():
            in_progress.next = non_empty
            may_read.next = not reading
            starts_walk.next = starts_reads
            completes.next = ends
            pushes.next = ends and oldest.pushes

        @always_comb
        def watch_memory():
            status.starved.next = (write.data_valid and not write.data_ready) or (
                non_empty and not reading and not tile.valid and not write.data_valid
            )

        beats = tile_beats(clock, reset, tile, out.data, write, config=config)
        return parts, find_range_fault, follow_progress, watch_memory, beats

    stored, past_end, starts_forward = TileRead(), bit(), bit()
    stored.lane, stored.row_end = tile.lane, tile.row_end
    flight = ForwardFlight()

    @always_comb
    def classify():
        forwards.next = (memory_type == MemoryType.INP) or (memory_type == MemoryType.WGT)

    @always_comb
    def find_range_fault():
        range_fault.next = out_of_range or (forwards and past_end)

    @always_comb
    def follow_progress():
        in_progress.next = non_empty or flight.busy
        may_read.next = not reading and not flight.busy
        starts_walk.next = starts_reads and not forwards
        starts_forward.next = starts_reads and forwards
        flight.held.next = non_empty or fault.raised
        completes.next = ends or flight.ends
        pushes.next = (ends and oldest.pushes) or (flight.ends and flight.pushes)

    @always_comb
    def watch_memory():
        status.starved.next = not flight.moving and (
            (write.data_valid and not write.data_ready)
            or (non_empty and not reading and not tile.valid and not write.data_valid)
        )

    return (
        parts, classify, find_range_fault, follow_progress, watch_memory,
        forward_checks(clock, sink.data, past_end, config=config),
        forward_writes(
            clock, reset, start=starts_forward, walk=walk, memory_type=memory_type, tile=tile,
            tile_data=out.data, stored=stored, forward=forward, written=flight.written,
            config=config,
        ),
        forward_flight(
            clock, reset, start=starts_forward, pushes=push_flag, flight=flight,
        ),
        tile_beats(clock, reset, stored, out.data, write, config=config),
    )
