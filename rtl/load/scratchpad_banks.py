"""Scratchpad whose elements are smaller than a beat: one memory for each lane of a beat.

With ``forward`` into WGT, a bank is one memory for each row of an element.
"""

from __future__ import annotations

from myhdl import ConcatSignal, always, always_comb, block

from ...isa.config import Config
from ...isa.opcodes import MemoryType
from ..lib.bundles import bit, word
from ..lib.ram import ram

__all__ = ["scratchpad_banks"]


@block
def scratchpad_banks(
    clock, write, pad, read_enable, read_address, read_data,
    *, config: Config, memory_type: MemoryType, forward=None,
):
    """Hold elements of ``memory_type`` in banks; contract in :mod:`.scratchpad`."""
    width, beat_bits = 8 * config.tile_bytes(memory_type), len(write.data)
    part_bits = width if forward is None else len(forward.data)
    banks = beat_bits // width
    bank_bits, address_bits = banks.bit_length() - 1, config.log_depth(memory_type)
    row_bits = max(address_bits - bank_bits, 1)
    log_width = width.bit_length() - 1

    parts = [word(part_bits) for _ in range(beat_bits // part_bits)]
    taken = [bit() for _ in parts]
    pad_here, data_here, forward_moves = bit(), bit(), bit()
    row, chosen, shift = word(row_bits), word(bank_bits), word(bank_bits + log_width)
    shifted = word(beat_bits)
    memories = [
        bank_memory(
            clock, write=write, data_here=data_here, pad=pad, pad_here=pad_here,
            taken=taken[number], read_enable=read_enable, row=row, part=parts[number],
            first_bit=number * part_bits, config=config, memory_type=memory_type, forward=forward,
            forward_moves=forward_moves,
        )
        for number in range(len(parts))
    ]
    beat, any_taken = ConcatSignal(*reversed(parts)), ConcatSignal(*reversed(taken))

    if memory_type == MemoryType.WGT and config.weights4:
        @always_comb
        def recognise():
            data_here.next = write.valid and write.ready and (write.column == 0) and (
                write.memory_type == MemoryType.WGT or write.memory_type == MemoryType.WGT_4BIT
            )
            pad_here.next = pad.valid and (
                pad.memory_type == MemoryType.WGT or pad.memory_type == MemoryType.WGT_4BIT
            )
    else:
        @always_comb
        def recognise():
            data_here.next = (
                write.valid and write.ready and (write.memory_type == memory_type)
                and (write.column == 0)
            )
            pad_here.next = pad.valid and (pad.memory_type == memory_type)

    if address_bits > bank_bits:
        @always_comb
        def address():
            row.next = read_address[:bank_bits]
    else:
        @always_comb
        def address():
            row.next = 0

    @always(clock.posedge)
    def remember():
        if read_enable:
            chosen.next = read_address[bank_bits:]

    @always_comb
    def select_bank():
        shift.next = 0
        shift.next[bank_bits + log_width:log_width] = chosen

    @always_comb
    def align():
        shifted.next = beat >> shift

    @always_comb
    def show():
        read_data.next = shifted[width:]

    if forward is None:
        @always_comb
        def accept():
            write.ready.next = True
            pad.ready.next = any_taken != 0

        return recognise, accept, address, remember, select_bank, align, show, memories

    turn = bit()  # the loader's, where both have something to write
    forwarded = bit()  # a result was written in the last cycle

    @always_comb
    def take_turns():
        pad.ready.next = any_taken != 0
        write.ready.next = turn or not forward.valid
        forward.ready.next = not (write.valid and turn) and not (pad_here and forwarded)
        forward_moves.next = (
            forward.valid and not (write.valid and turn) and not (pad_here and forwarded)
        )

    @always(clock.posedge)
    def remember_turn():
        turn.next = forward.valid and write.valid and not turn
        forwarded.next = forward_moves

    return (
        recognise, take_turns, remember_turn, address, remember, select_bank, align, show, memories,
    )


@block
def bank_memory(
    clock, write, data_here, pad, pad_here, taken, read_enable, row, part, forward, forward_moves,
    *, first_bit, config, memory_type,
):
    """One memory, of the bits of a beat from ``first_bit`` on; ``taken``: it zeroes its part of
    the pad element in this cycle.
    """
    width, beat_bits, part_bits = 8 * config.tile_bytes(memory_type), len(write.data), len(part)
    number, lo = first_bit // width, first_bit % width
    hi = lo + part_bits
    banks = beat_bits // width
    bank_bits, address_bits = banks.bit_length() - 1, config.log_depth(memory_type)
    row_bits = max(address_bits - bank_bits, 1)
    log_width = width.bit_length() - 1
    lane, write_here, write_enable = word(bank_bits), bit(), bit()
    shift, shifted = word(bank_bits + log_width), word(beat_bits)
    data_row, pad_row = word(row_bits), word(row_bits)
    write_address, write_data = word(row_bits), word(part_bits)
    bank_forwards = bit()  # the bank takes a result, in this memory or another

    @always_comb
    def find_lane():
        lane.next = number - write.index[bank_bits:]

    @always_comb
    def choose():
        write_here.next = data_here and write.lanes[lane]
        taken.next = (
            pad_here and (pad.index[bank_bits:] == number)
            and not (data_here and write.lanes[lane]) and not bank_forwards
        )
        shift.next = 0
        shift.next[bank_bits + log_width:log_width] = lane

    @always_comb
    def align():
        shifted.next = write.data >> shift

    if address_bits > bank_bits:
        @always_comb
        def address():
            pad_row.next = pad.index[address_bits:bank_bits]
            data_row.next = write.index[address_bits:bank_bits]
            if write.index[bank_bits:] > number:
                data_row.next = write.index[address_bits:bank_bits] + 1
    else:
        @always_comb
        def address():
            pad_row.next = 0
            data_row.next = 0

    memory = ram(
        clock, write_enable=write_enable, write_address=write_address, write_data=write_data,
        read_enable=read_enable, read_address=row, read_data=part, width=part_bits,
        depth=1 << row_bits,
    )
    if forward is None:
        @always_comb
        def steer():
            bank_forwards.next = False
            write_enable.next = write_here or taken
            if write_here:
                write_address.next = data_row
                write_data.next = shifted[hi:lo]
            else:
                write_address.next = pad_row
                write_data.next = 0

        return find_lane, choose, align, address, steer, memory

    rows = width // part_bits  # of results in an element
    log_rows = rows.bit_length() - 1
    low_bits, address_end = log_rows + bank_bits, log_rows + address_bits
    place = first_bit // part_bits  # the low bits of the index of a result: bank and row
    forward_here, forward_row = bit(), word(row_bits)

    @always_comb
    def find_bank():
        bank_forwards.next = forward_moves and forward.index[low_bits:log_rows] == number

    if address_bits > bank_bits:
        @always_comb
        def locate():
            forward_here.next = forward_moves and forward.index[low_bits:] == place
            forward_row.next = forward.index[address_end:low_bits]
    else:
        @always_comb
        def locate():
            forward_here.next = forward_moves and forward.index[low_bits:] == place
            forward_row.next = 0

    @always_comb
    def steer():
        write_enable.next = write_here or forward_here or taken
        if write_here:
            write_address.next = data_row
            write_data.next = shifted[hi:lo]
        elif forward_here:
            write_address.next = forward_row
            write_data.next = forward.data
        else:
            write_address.next = pad_row
            write_data.next = 0

    return find_lane, choose, align, address, find_bank, locate, steer, memory
