"""Scratchpad of WGT, whose elements are at least a beat: memories that share the word they write.

A beat, a result and zeros pass one choice on their way to all memories, which differ in their write
enables: words of their own would need a gate for each bit of an element.  A pad waits for a cycle
without data and results, in which it zeroes the whole element; weights have next to no padding.

A memory is as wide as a beat, with ``forward`` at most as wide as a row of the tile.
"""

from __future__ import annotations

from myhdl import ConcatSignal, always, always_comb, block

from ...isa.config import Config
from ...isa.opcodes import MemoryType
from ..lib.bundles import bit, word
from ..lib.ram import ram

__all__ = ["weight_columns"]


class _Writer:
    """Next write of the memories: ``data``, or a result, or zeros for a pad."""

    def __init__(self, write, config, forward):
        self.data_lands, self.result_lands, self.pad_zeroes = bit(), bit(), bit()
        self.address = word(config.log_depth(MemoryType.WGT))
        bits = len(write.data) if forward is None else max(len(write.data), len(forward.data))
        self.word = word(bits)


@block
def weight_columns(
    clock, write, pad, read_enable, read_address, read_data, *, config: Config, forward=None,
):
    """Hold elements of WGT in columns; contract in :mod:`.scratchpad`."""
    width = config.bus_width if forward is None else min(config.bus_width, len(forward.data))
    columns = 8 * config.tile_bytes(MemoryType.WGT) // width
    parts = [word(width) for _ in range(columns)]
    element = ConcatSignal(*reversed(parts)) if columns > 1 else parts[0]
    beat_here, pair_here = bit(), bit()
    writer = _Writer(write, config, forward)
    memories = [
        weight_memory(
            clock, write=write, beat_here=beat_here, pair_here=pair_here, forward=forward,
            writer=writer, read_enable=read_enable, read_address=read_address, part=parts[number],
            first_bit=number * width, config=config,
        )
        for number in range(columns)
    ]

    @always_comb
    def show():
        read_data.next = element

    return show, memories, choose_write(
        clock, write=write, pad=pad, forward=forward, beat_here=beat_here, pair_here=pair_here,
        writer=writer, config=config,
    )


@block
def choose_write(clock, write, pad, forward, beat_here, pair_here, writer, *, config):
    """Take a beat in each cycle, a result or a pad where none lands.

    ``beat_here``, ``pair_here``: a beat of WGT, of WGT_4BIT is taken.
    """
    address_bits, beat_bits = config.log_depth(MemoryType.WGT), len(write.data)
    index, data = word(address_bits), word(beat_bits)  # of the last beat taken
    pad_here = bit()

    @always(clock.posedge)
    def hold():
        index.next = write.index[address_bits:]
        data.next = write.data

    if config.weights4:
        @always_comb
        def recognise():
            beat_here.next = write.valid and write.ready and write.memory_type == MemoryType.WGT
            pair_here.next = (
                write.valid and write.ready and write.memory_type == MemoryType.WGT_4BIT
            )
            pad_here.next = pad.valid and (
                pad.memory_type == MemoryType.WGT or pad.memory_type == MemoryType.WGT_4BIT
            )

        @always(clock.posedge)
        def land():
            writer.data_lands.next = beat_here or pair_here
    else:
        @always_comb
        def recognise():
            beat_here.next = write.valid and write.ready and write.memory_type == MemoryType.WGT
            pad_here.next = pad.valid and pad.memory_type == MemoryType.WGT

        @always(clock.posedge)
        def land():
            writer.data_lands.next = beat_here

    if forward is None:
        @always_comb
        def accept():
            write.ready.next = True
            pad.ready.next = pad_here and not writer.data_lands
            writer.pad_zeroes.next = pad_here and not writer.data_lands

        @always_comb
        def choose():
            writer.address.next = pad.index[address_bits:]
            writer.word.next = 0
            if writer.data_lands:
                writer.address.next = index
                writer.word.next = data

        return hold, recognise, land, accept, choose

    forwarded = bit()  # a result was written in the last cycle
    wide_data, wide_result = word(len(writer.word)), word(len(writer.word))
    row_bits = (8 * config.tile_bytes(MemoryType.WGT) // len(forward.data)).bit_length() - 1
    address_end = row_bits + address_bits

    @always_comb
    def take_turns():
        write.ready.next = not (forward.valid and writer.data_lands)
        forward.ready.next = not writer.data_lands and not (pad_here and forwarded)
        writer.result_lands.next = (
            forward.valid and not writer.data_lands and not (pad_here and forwarded)
        )

    @always_comb
    def wait():
        pad.ready.next = pad_here and not writer.data_lands and not writer.result_lands
        writer.pad_zeroes.next = pad_here and not writer.data_lands and not writer.result_lands

    @always(clock.posedge)
    def remember_turn():
        forwarded.next = writer.result_lands

    @always_comb
    def choose():
        writer.address.next = pad.index[address_bits:]
        writer.word.next = 0
        if writer.data_lands:
            writer.address.next = index
            writer.word.next = wide_data
        elif writer.result_lands:
            writer.address.next = forward.index[address_end:row_bits]
            writer.word.next = wide_result

    return (
        hold, recognise, land, take_turns, wait, remember_turn, choose,
        repeat(data, wide_data), repeat(forward.data, wide_result),
    )


@block
def repeat(narrow, wide):
    """Fill ``wide`` with copies of ``narrow``."""
    copies = len(wide) // len(narrow)
    pattern = ConcatSignal(*[narrow] * copies) if copies > 1 else narrow

    @always_comb
    def fill():
        wide.next = pattern

    return fill


@block
def weight_memory(
    clock, write, beat_here, pair_here, forward, writer, read_enable, read_address, part,
    *, first_bit, config,
):
    """One memory, of the bits of an element from ``first_bit`` on."""
    width = len(part)
    column = first_bit // config.bus_width  # the beat that has these bits
    pair = first_bit // len(write.data)  # the pair of beats
    lo = first_bit % len(writer.word)
    hi = lo + width
    data_here, write_enable, write_data = bit(), bit(), word(width)

    if config.weights4:
        @always(clock.posedge)
        def choose():
            data_here.next = write.lanes[0] and (
                (beat_here and write.column == column) or (pair_here and write.column == pair)
            )
    else:
        @always(clock.posedge)
        def choose():
            data_here.next = beat_here and (write.column == column) and write.lanes[0]

    memory = ram(
        clock, write_enable=write_enable, write_address=writer.address, write_data=write_data,
        read_enable=read_enable, read_address=read_address, read_data=part, width=width,
        depth=config.depth(MemoryType.WGT),
    )

    @always_comb
    def slice_word():
        write_data.next = writer.word[hi:lo]

    if forward is None:
        @always_comb
        def enable():
            write_enable.next = data_here or writer.pad_zeroes

        return choose, slice_word, enable, memory

    result_here = bit()
    row_bits = (8 * config.tile_bytes(MemoryType.WGT) // len(forward.data)).bit_length() - 1
    row = first_bit // len(forward.data)

    if row_bits:
        @always_comb
        def find_row():
            result_here.next = writer.result_lands and forward.index[row_bits:] == row
    else:
        @always_comb
        def find_row():
            result_here.next = writer.result_lands

    @always_comb
    def enable():
        write_enable.next = data_here or result_here or writer.pad_zeroes

    return choose, slice_word, find_row, enable, memory
