"""Scratchpad whose elements are at least a beat: one memory for each beat of an element.

With ``forward`` into WGT, a memory is at most a row wide: a row of a small tile is part of a beat.
"""

from __future__ import annotations

from myhdl import ConcatSignal, always, always_comb, block

from ...isa.config import Config
from ...isa.opcodes import MemoryType
from ..lib.bundles import bit, word
from ..lib.ram import ram

__all__ = ["scratchpad_columns"]


@block
def scratchpad_columns(
    clock, write, pad, read_enable, read_address, read_data,
    *, config: Config, memory_type: MemoryType, forward=None,
):
    """Hold elements of ``memory_type`` in columns; contract in :mod:`.scratchpad`."""
    element_bits = 8 * config.tile_bytes(memory_type)
    width = config.bus_width if forward is None else min(config.bus_width, len(forward.data))
    columns = element_bits // width
    address_bits, beat_bits = config.log_depth(memory_type), len(write.data)
    has_pairs = memory_type == MemoryType.WGT and config.weights4
    parts = [word(width) for _ in range(columns)]
    uncovered = [bit() for _ in range(columns)]
    pad_here, beat_here, pair_here = bit(), bit(), bit()
    forward_moves = bit()
    index, data = word(address_bits), word(beat_bits)  # of the last beat taken
    memories = [
        column_memory(
            clock, write=write, beat_here=beat_here, pair_here=pair_here, index=index, data=data,
            pad=pad, pad_here=pad_here, uncovered=uncovered[number], read_enable=read_enable,
            read_address=read_address, part=parts[number], first_bit=number * width, config=config,
            memory_type=memory_type, forward=forward, forward_moves=forward_moves,
        )
        for number in range(columns)
    ]
    element, all_uncovered = parts[0], uncovered[0]
    if columns > 1:
        element = ConcatSignal(*reversed(parts))
        all_uncovered = ConcatSignal(*reversed(uncovered))

    @always(clock.posedge)
    def hold():
        index.next = write.index[address_bits:]
        data.next = write.data

    @always_comb
    def show():
        read_data.next = element

    if has_pairs:
        @always_comb
        def recognise():
            beat_here.next = write.valid and write.ready and write.memory_type == MemoryType.WGT
            pair_here.next = (
                write.valid and write.ready and write.memory_type == MemoryType.WGT_4BIT
            )
            pad_here.next = pad.valid and (
                pad.memory_type == MemoryType.WGT or pad.memory_type == MemoryType.WGT_4BIT
            )
    else:
        @always_comb
        def recognise():
            beat_here.next = write.valid and write.ready and (write.memory_type == memory_type)
            pad_here.next = pad.valid and (pad.memory_type == memory_type)

    if forward is None:
        @always_comb
        def accept():
            write.ready.next = True
            pad.ready.next = all_uncovered == 0

        return recognise, accept, hold, show, memories

    landing = bit()  # a beat is written in this cycle
    forwarded = bit()  # a result was written in the last cycle

    @always_comb
    def take_turns():
        pad.ready.next = all_uncovered == 0
        write.ready.next = not (forward.valid and landing)
        forward.ready.next = not landing and not (pad_here and forwarded)
        forward_moves.next = forward.valid and not landing and not (pad_here and forwarded)

    if has_pairs:
        @always(clock.posedge)
        def remember_turn():
            landing.next = beat_here or pair_here
            forwarded.next = forward_moves
    else:
        @always(clock.posedge)
        def remember_turn():
            landing.next = beat_here
            forwarded.next = forward_moves

    return recognise, take_turns, remember_turn, hold, show, memories


@block
def column_memory(
    clock, write, beat_here, pair_here, index, data, pad, pad_here, uncovered, read_enable,
    read_address, part, forward, forward_moves, *, first_bit, config, memory_type,
):
    """One memory, of the bits of an element from ``first_bit`` on.

    ``uncovered``: this part of the pad is not zeroed yet, nor in this cycle.
    """
    depth, width = config.depth(memory_type), len(part)
    address_bits = config.log_depth(memory_type)
    column = first_bit // config.bus_width  # the beat that has these bits
    pair = first_bit // len(data)  # the pair of beats
    lo = first_bit % len(data)
    hi = lo + width
    write_enable, zero_now, zeroed, used = bit(), bit(), bit(), bit()
    data_here = bit()  # the last beat is for this memory
    write_address, write_data = word(address_bits), word(width)

    if memory_type == MemoryType.WGT and config.weights4:
        @always(clock.posedge)
        def choose():
            data_here.next = write.lanes[0] and (
                (beat_here and write.column == column) or (pair_here and write.column == pair)
            )
    else:
        @always(clock.posedge)
        def choose():
            data_here.next = beat_here and (write.column == column) and write.lanes[0]

    @always_comb
    def cover():
        zero_now.next = pad_here and (not zeroed) and (not used)
        uncovered.next = not pad_here or (used and not zeroed)

    @always(clock.posedge)
    def remember():
        zeroed.next = not uncovered and not pad.ready

    memory = ram(
        clock, write_enable=write_enable, write_address=write_address, write_data=write_data,
        read_enable=read_enable, read_address=read_address, read_data=part, width=width,
        depth=depth,
    )
    if forward is None:
        @always_comb
        def steer():
            used.next = data_here
            write_enable.next = data_here or zero_now
            if data_here:
                write_address.next = index
                write_data.next = data[hi:lo]
            else:
                write_address.next = pad.index[address_bits:]
                write_data.next = 0

        return choose, cover, steer, remember, memory

    forward_here = bit()
    forward_bits = len(forward.data)
    forward_lo = first_bit % forward_bits
    forward_hi = forward_lo + width
    row_bits = (8 * config.tile_bytes(memory_type) // forward_bits).bit_length() - 1
    row, address_end = first_bit // forward_bits, row_bits + address_bits

    if row_bits:
        @always_comb
        def find_row():
            forward_here.next = forward_moves and forward.index[row_bits:] == row
    else:
        @always_comb
        def find_row():
            forward_here.next = forward_moves

    @always_comb
    def steer():
        used.next = data_here or forward_here
        write_enable.next = data_here or forward_here or zero_now
        if data_here:
            write_address.next = index
            write_data.next = data[hi:lo]
        elif forward_here:
            write_address.next = forward.index[address_end:row_bits]
            write_data.next = forward.data[forward_hi:forward_lo]
        else:
            write_address.next = pad.index[address_bits:]
            write_data.next = 0

    return choose, cover, find_row, steer, remember, memory
