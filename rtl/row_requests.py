"""Walk the rows of a two-dimensional transfer and request their bursts from the memory port.

Contract
    A walk is taken when ``walk.valid and walk.ready``.  Its rows are requested in order, each as
    bursts that end at multiples of 16 beats: the first request shows 3 cycles after the walk was
    taken, then one burst a cycle as fast as the port takes them, without a gap between rows.
    ``walk.ready`` comes back in the cycle after the last request was taken.
    A walk of no rows or of no elements requests nothing and takes 3 cycles.
    At most ``max_bursts`` are outstanding: requested, and not yet answered by ``burst_done``.
    ``request_last`` marks the last burst of a walk.  Bit 32 of an address is sticky: a row that
    starts past the address space, and all that follows a burst that ends there, has it set.
"""

from __future__ import annotations

from typing import Any

from myhdl import always_comb, always_seq, block

from ..isa.config import Config
from ..isa.opcodes import ADDRESS_BITS
from .bundles import MAX_BEATS, bit, word

__all__ = ["MAX_BURSTS", "RowWalk", "row_requests"]

MAX_BURSTS = 32  # outstanding bursts of one client: rows of 2 beats cover 64 cycles of latency
_LOG_MAX_BYTES = 10  # element bytes: 32 x 32 bytes of weights, 8 x 32 lanes of 4 bytes
_ROW_BITS = 16 + _LOG_MAX_BYTES
_IDLE, _ADD, _WALK = 0, 1, 2


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

    phase = word(2)
    base, rows_left = word(ADDRESS_BITS), word(16)
    product, stride, row_bytes = word(product_bits), word(_ROW_BITS), word(_ROW_BITS)
    row = word(ADDRESS_BITS + 1)  # start of the row after the one being requested
    address, beats_left = word(ADDRESS_BITS + 1), word(beats_bits)  # of the row being requested
    outstanding = word(max_bursts.bit_length())

    wide_base, wide_stride = word(product_bits), word(_ROW_BITS)
    wide_size, span = word(_ROW_BITS), word(_ROW_BITS + 1)
    start, next_row, next_address = (word(ADDRESS_BITS + 1) for _ in range(3))
    row_beats, beats = word(beats_bits), word(5)
    offset, room = word(5), word(5)  # place in the block of 16 beats, and what is left of it
    may_request, accepted, row_ends = bit(), bit(), bit()

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
        start.next = product[ADDRESS_BITS:] + base
        next_row.next = row[ADDRESS_BITS:] + stride
        next_address.next = address[ADDRESS_BITS:] + (beats * beat_bytes)
        row_beats.next = span[:log_beat]

    @always_comb
    def find_block():
        offset.next = address[log_beat + 4:log_beat]

    @always_comb
    def measure_block():
        room.next = MAX_BEATS - offset

    @always_comb
    def cut_burst():
        beats.next = room
        if beats_left < room:
            beats.next = beats_left[5:]

    @always_comb
    def request():
        may_request.next = (beats_left != 0) and (outstanding != max_bursts)
        row_ends.next = beats_left == beats
        request_last.next = (beats_left == beats) and (rows_left == 0)

    @always_comb
    def connect():
        walk.ready.next = phase == _IDLE
        client.request_valid.next = may_request
        client.request_address.next = address
        client.request_beats.next = beats
        accepted.next = may_request and client.request_ready

    @always_seq(clock.posedge, reset)
    def step():
        if phase == _IDLE:
            if walk.valid:
                base.next = walk.base
                product.next = wide_base << walk.log_bytes
                stride.next = wide_stride << walk.log_bytes
                row_bytes.next = wide_size << walk.log_bytes
                rows_left.next = walk.y_size
                if walk.x_size == 0:
                    rows_left.next = 0
                phase.next = _ADD
        elif phase == _ADD:
            row.next = start
            if product[:ADDRESS_BITS] != 0:
                row.next[ADDRESS_BITS] = True
            phase.next = _WALK
        elif (beats_left == 0) or (accepted and row_ends):
            beats_left.next = 0
            if rows_left == 0:
                phase.next = _IDLE
            else:
                address.next = row
                address.next[log_beat:] = 0
                beats_left.next = row_beats
                row.next = next_row
                if row[ADDRESS_BITS]:
                    row.next[ADDRESS_BITS] = True
                rows_left.next = rows_left - 1
        elif accepted:
            address.next = next_address
            if address[ADDRESS_BITS]:
                address.next[ADDRESS_BITS] = True
            beats_left.next = beats_left - beats

    @always_seq(clock.posedge, reset)
    def count_bursts():
        if accepted and not burst_done:
            outstanding.next = outstanding + 1
        elif burst_done and not accepted:
            outstanding.next = outstanding - 1

    return (
        widen, measure_row, add_addresses, find_block, measure_block, cut_burst, request, connect,
        step, count_bursts,
    )
