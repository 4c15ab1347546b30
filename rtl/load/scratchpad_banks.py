"""Scratchpad whose elements are smaller than a beat: one memory for each lane of a beat."""

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
    *, config: Config, memory_type: MemoryType,
):
    """Hold elements of ``memory_type`` in banks; contract in :mod:`.scratchpad`."""
    width = 8 * config.tile_bytes(memory_type)
    banks = config.bus_width // width
    bank_bits, address_bits = banks.bit_length() - 1, config.log_depth(memory_type)
    row_bits = max(address_bits - bank_bits, 1)
    log_width = width.bit_length() - 1

    parts = [word(width) for _ in range(banks)]
    taken = [bit() for _ in range(banks)]
    pad_here, data_here = bit(), bit()
    row, chosen, shift = word(row_bits), word(bank_bits), word(bank_bits + log_width)
    shifted = word(config.bus_width)
    memories = [
        bank_memory(
            clock, write=write, data_here=data_here, pad=pad, pad_here=pad_here,
            taken=taken[number], read_enable=read_enable, row=row, part=parts[number],
            number=number, config=config, memory_type=memory_type,
        )
        for number in range(banks)
    ]
    beat, any_taken = ConcatSignal(*reversed(parts)), ConcatSignal(*reversed(taken))

    @always_comb
    def accept():
        write.ready.next = True
        data_here.next = (
            write.valid and (write.memory_type == memory_type) and (write.column == 0)
        )
        pad_here.next = pad.valid and (pad.memory_type == memory_type)
        pad.ready.next = any_taken != 0

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

    return accept, address, remember, select_bank, align, show, memories


@block
def bank_memory(
    clock, write, data_here, pad, pad_here, taken, read_enable, row, part,
    *, number, config, memory_type,
):
    """One memory; ``taken``: it zeroes the pad element in this cycle."""
    width = 8 * config.tile_bytes(memory_type)
    banks = config.bus_width // width
    bank_bits, address_bits = banks.bit_length() - 1, config.log_depth(memory_type)
    row_bits = max(address_bits - bank_bits, 1)
    log_width = width.bit_length() - 1
    lane, write_here, write_enable = word(bank_bits), bit(), bit()
    shift, shifted = word(bank_bits + log_width), word(config.bus_width)
    data_row, pad_row = word(row_bits), word(row_bits)
    write_address, write_data = word(row_bits), word(width)

    @always_comb
    def find_lane():
        lane.next = number - write.index[bank_bits:]

    @always_comb
    def choose():
        write_here.next = data_here and write.lanes[lane]
        taken.next = (
            pad_here and (pad.index[bank_bits:] == number)
            and not (data_here and write.lanes[lane])
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

    @always_comb
    def steer():
        write_enable.next = write_here or taken
        if write_here:
            write_address.next = data_row
            write_data.next = shifted[width:]
        else:
            write_address.next = pad_row
            write_data.next = 0

    memory = ram(
        clock, write_enable=write_enable, write_address=write_address, write_data=write_data,
        read_enable=read_enable, read_address=row, read_data=part, width=width, depth=1 << row_bits,
    )
    return find_lane, choose, align, address, steer, memory
