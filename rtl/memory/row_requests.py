"""Walk the rows of a two-dimensional transfer and request their bursts from the memory port.

Contract
    A walk is accepted when ``walk.valid and walk.ready``.  Its rows are requested in order, each as
    bursts that end at multiples of 16 beats: the first request appears 5 cycles after the walk was
    accepted, then one burst per cycle as fast as the port accepts them, without a gap between rows.
    ``walk.ready`` rises again two cycles after the last request was accepted.
    A walk of no rows or of no elements requests nothing and takes 3 cycles.
    At most ``max_bursts`` are outstanding: requested, and not yet answered by ``burst_done``.
    ``request_last`` (None: not needed) marks the last burst of a walk.  Bit 32 of an address is
    sticky: it is set for a row that starts past the address space, and for everything after a burst
    that ends there.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any

from myhdl import Signal, always_comb, always_seq, block, concat, intbv

from ...isa.config import Config
from ...isa.opcodes import ADDRESS_BITS
from ..lib.bundles import MAX_BEATS, Stream, bit, word
from ..lib.pack import bits_of, join, split
from ..lib.skid_buffer import skid_buffer

__all__ = ["MAX_BURSTS", "RowWalk", "row_requests"]

MAX_BURSTS = 32  # outstanding bursts of one client: rows of 2 beats cover 64 cycles of latency
_LOG_MAX_BYTES = 10  # element bytes: 32 x 32 bytes of weights, 8 x 32 lanes of 4 bytes
_ROW_BITS = 16 + _LOG_MAX_BYTES


class WalkPhase(IntEnum):
    """State of a walk."""

    IDLE = 0
    ADD = 1  # the address of its first row
    WALK = 2


class RowWalk:
    """Rows in DRAM: ``base`` in bytes, ``log_bytes`` of an element, the rest in elements."""

    def __init__(self) -> None:
        self.valid, self.ready = bit(), bit()
        self.base, self.log_bytes = word(ADDRESS_BITS), word(4)
        self.dram_base = word(32)
        self.y_size, self.x_size, self.x_stride = word(16), word(16), word(16)


@block
def row_requests(
    clock: Any, reset: Any, walk: RowWalk, client: Any, burst_done: Any, request_last: Any,
    *, config: Config, max_bursts: int = MAX_BURSTS,
) -> Any:
    """Request bursts on ``client.request_*`` of a ReadClient or WriteClient."""
    log_beat = config.log_bus_width - 3
    beat_bytes = config.bus_bytes
    product_bits = ADDRESS_BITS + _LOG_MAX_BYTES
    beats_bits = _ROW_BITS - log_beat + 2
    block_lo = log_beat + 4  # lowest address bit of the number of a block of 16 beats

    phase, idle = word(2), Signal(True)  # idle: phase is IDLE
    rows_left, row_bytes, stride = word(16), word(_ROW_BITS), word(_ROW_BITS)
    # start of the next row, the base at first; its distance to the one after it, to the first row
    # at first; a row is left to enter
    row, distance, more = word(ADDRESS_BITS + 1), word(product_bits), bit()
    # the row to be split next, and the burst being requested with the rest of its row
    row_valid, row_address, row_beats = bit(), word(ADDRESS_BITS + 1), word(beats_bits)
    burst_valid, address, beats = bit(), word(ADDRESS_BITS + 1), word(5)
    beats_left, row_ends = word(beats_bits), bit()  # beats_left: meaningless when row_ends
    outstanding, full = word(max_bursts.bit_length()), bit()

    wide_base, wide_stride = word(product_bits), word(_ROW_BITS)
    wide_size, span = word(_ROW_BITS), word(_ROW_BITS + 1)
    next_row = word(ADDRESS_BITS + 1)
    next_block = word(ADDRESS_BITS - block_lo)
    offset, room = word(5), word(5)  # position in the block of 16 beats; beats left in the block
    fits, accepted, row_moves, row_enters = bit(), bit(), bit(), bit()

    @always_comb
    def widen():
        wide_base.next = walk.dram_base
        wide_stride.next = walk.x_stride
        wide_size.next = walk.x_size

    @always_comb
    def measure_row():
        span.next = row[log_beat:] + row_bytes + (beat_bytes - 1)

    @always_comb
    def add_addresses():
        next_row.next = row[ADDRESS_BITS:] + distance[ADDRESS_BITS:]
        if row[ADDRESS_BITS] or distance[:ADDRESS_BITS] != 0:
            next_row.next[ADDRESS_BITS] = True

    @always_comb
    def find_next_block():
        next_block.next = address[ADDRESS_BITS:block_lo] + 1

    @always_comb
    def find_block():
        offset.next = row_address[block_lo:log_beat]

    @always_comb
    def measure_block():
        room.next = MAX_BEATS - offset

    @always_comb
    def compare():
        fits.next = row_beats <= room

    # a request on its way to the port
    fields, shown_fields = [address, beats], [client.request_address, client.request_beats]
    marks: Any = ()
    if request_last is not None:
        row_last, last_row, is_last = bit(), bit(), bit()  # row and burst: the last of the walk
        fields, shown_fields = [*fields, is_last], [*shown_fields, request_last]

        @always_seq(clock.posedge, reset)
        def follow_last():
            if row_enters:
                row_last.next = rows_left == 1
            if row_moves:
                last_row.next = row_last

        @always_comb
        def mark():
            is_last.next = row_ends and last_row

        marks = follow_last, mark

    width = bits_of(fields)
    offered, shown = Stream(width), Stream(width)
    register = (
        join(fields, offered.data),
        skid_buffer(clock, reset, offered, shown, width=width),
        split(shown.data, shown_fields),
    )

    @always_comb
    def request():
        offered.valid.next = burst_valid and not full
        accepted.next = burst_valid and not full and offered.ready

    @always_comb
    def show():
        client.request_valid.next = shown.valid
        shown.ready.next = client.request_ready

    @always_comb
    def move():
        walk.ready.next = idle
        row_moves.next = row_valid and (
            not burst_valid or (not full and offered.ready and row_ends)
        )

    @always_comb
    def enter():
        row_enters.next = more and (row_moves or not row_valid)

    @always_seq(clock.posedge, reset)
    def step():
        if phase == WalkPhase.IDLE:
            if walk.valid:
                row.next = walk.base
                distance.next = wide_base << walk.log_bytes
                stride.next = wide_stride << walk.log_bytes
                row_bytes.next = wide_size << walk.log_bytes
                rows_left.next = walk.y_size
                if walk.x_size == 0:
                    rows_left.next = 0
                phase.next = WalkPhase.ADD
                idle.next = False
        elif phase == WalkPhase.ADD:
            row.next = next_row
            distance.next = stride
            more.next = rows_left != 0
            phase.next = WalkPhase.WALK
        elif row_enters:
            row.next = next_row
            rows_left.next = rows_left - 1
            more.next = rows_left != 1
        elif not more and not row_valid and not burst_valid and not shown.valid:
            phase.next = WalkPhase.IDLE
            idle.next = True

    @always_seq(clock.posedge, reset)
    def take_row():
        if row_enters:
            row_valid.next = True
            row_address.next = row
            row_address.next[log_beat:] = 0
            row_beats.next = span[:log_beat]
        elif row_moves:
            row_valid.next = False

    @always_seq(clock.posedge, reset)
    def cut():
        if row_moves:
            burst_valid.next = True
            address.next = row_address
            beats.next = room
            beats_left.next = row_beats - room
            if fits:
                beats.next = row_beats[5:]
            row_ends.next = fits
        elif accepted:
            burst_valid.next = not row_ends
            address.next = concat(address[ADDRESS_BITS], next_block, intbv(0)[block_lo:])
            if next_block == 0:
                address.next[ADDRESS_BITS] = True
            beats.next = MAX_BEATS
            beats_left.next = beats_left - MAX_BEATS
            if beats_left <= MAX_BEATS:
                beats.next = beats_left[5:]
            row_ends.next = beats_left <= MAX_BEATS

    @always_seq(clock.posedge, reset)
    def count_bursts():
        if accepted and not burst_done:
            outstanding.next = outstanding + 1
            full.next = outstanding == max_bursts - 1
        elif burst_done and not accepted:
            outstanding.next = outstanding - 1
            full.next = False

    return (
        register, widen, measure_row, add_addresses, find_next_block, find_block, measure_block,
        compare, marks, request, show, move, enter, step, take_row, cut, count_bursts,
    )
