"""Scratchpad whose elements are at least a beat: one memory for each beat of an element."""

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
    *, config: Config, memory_type: MemoryType,
):
    """Hold elements of ``memory_type`` in columns; contract in :mod:`.scratchpad`."""
    columns = config.tile_bytes(memory_type) // config.bus_bytes
    address_bits = config.log_depth(memory_type)
    parts = [word(config.bus_width) for _ in range(columns)]
    uncovered = [bit() for _ in range(columns)]
    pad_here = bit()
    index, data = word(address_bits), word(config.bus_width)  # of the last beat taken
    memories = [
        column_memory(
            clock, write=write, index=index, data=data, pad=pad, pad_here=pad_here,
            uncovered=uncovered[number], read_enable=read_enable, read_address=read_address,
            part=parts[number], number=number, config=config, memory_type=memory_type,
        )
        for number in range(columns)
    ]
    element, all_uncovered = parts[0], uncovered[0]
    if columns > 1:
        element = ConcatSignal(*reversed(parts))
        all_uncovered = ConcatSignal(*reversed(uncovered))

    @always_comb
    def accept():
        write.ready.next = True
        pad.ready.next = all_uncovered == 0
        pad_here.next = pad.valid and (pad.memory_type == memory_type)

    @always(clock.posedge)
    def hold():
        index.next = write.index[address_bits:]
        data.next = write.data

    @always_comb
    def show():
        read_data.next = element

    return accept, hold, show, memories


@block
def column_memory(
    clock, write, index, data, pad, pad_here, uncovered, read_enable, read_address, part,
    *, number, config, memory_type,
):
    """One memory; ``uncovered``: this part of the pad is not zeroed yet, nor in this cycle."""
    depth = config.depth(memory_type)
    address_bits = config.log_depth(memory_type)
    bus_width = config.bus_width
    write_enable, zero_now, zeroed = bit(), bit(), bit()
    data_here = bit()  # the last beat is for this memory
    write_address, write_data = word(address_bits), word(bus_width)

    @always(clock.posedge)
    def choose():
        data_here.next = (
            write.valid and (write.memory_type == memory_type) and (write.column == number)
            and write.lanes[0]
        )

    @always_comb
    def cover():
        zero_now.next = pad_here and (not zeroed) and (not data_here)
        uncovered.next = not pad_here or (data_here and not zeroed)

    @always_comb
    def steer():
        write_enable.next = data_here or zero_now
        if data_here:
            write_address.next = index
            write_data.next = data
        else:
            write_address.next = pad.index[address_bits:]
            write_data.next = 0

    @always(clock.posedge)
    def remember():
        zeroed.next = not uncovered and not pad.ready

    memory = ram(
        clock, write_enable=write_enable, write_address=write_address, write_data=write_data,
        read_enable=read_enable, read_address=read_address, read_data=part, width=bus_width,
        depth=depth,
    )
    return choose, cover, steer, remember, memory
