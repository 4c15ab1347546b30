"""Scratchpad whose elements are at least a beat: one memory for each beat of an element.

Padding and data of one LOAD meet in different columns of it; WGT is in :mod:`.weight_columns`.
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
    width = config.bus_width
    columns = 8 * config.tile_bytes(memory_type) // width
    address_bits = config.log_depth(memory_type)
    parts = [word(width) for _ in range(columns)]
    uncovered = [bit() for _ in range(columns)]
    pad_here, beat_here = bit(), bit()
    forward_moves = bit()
    index, data = word(address_bits), word(width)  # of the last beat taken
    memories = [
        column_memory(
            clock, write=write, beat_here=beat_here, index=index, data=data, pad=pad,
            pad_here=pad_here, uncovered=uncovered[number], read_enable=read_enable,
            read_address=read_address, part=parts[number], forward=forward,
            forward_moves=forward_moves, column=number, config=config, memory_type=memory_type,
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

    @always(clock.posedge)
    def remember_turn():
        landing.next = beat_here
        forwarded.next = forward_moves

    return recognise, take_turns, remember_turn, hold, show, memories


@block
def column_memory(
    clock, write, beat_here, index, data, pad, pad_here, uncovered, read_enable, read_address,
    part, forward, forward_moves, *, column, config, memory_type,
):
    """One memory, of one beat of all elements.

    ``uncovered``: this part of the pad is not zeroed yet, nor in this cycle.
    """
    depth, width = config.depth(memory_type), len(part)
    address_bits = config.log_depth(memory_type)
    write_enable, zero_now, zeroed, used = bit(), bit(), bit(), bit()
    data_here = bit()  # the last beat is for this memory
    write_address, write_data = word(address_bits), word(width)

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
                write_data.next = data
            else:
                write_address.next = pad.index[address_bits:]
                write_data.next = 0

        return choose, cover, steer, remember, memory

    lo = column * width
    hi = lo + width

    @always_comb
    def steer():
        used.next = data_here or forward_moves
        write_enable.next = data_here or forward_moves or zero_now
        if data_here:
            write_address.next = index
            write_data.next = data
        elif forward_moves:
            write_address.next = forward.index[address_bits:]
            write_data.next = forward.data[hi:lo]
        else:
            write_address.next = pad.index[address_bits:]
            write_data.next = 0

    return choose, cover, steer, remember, memory
