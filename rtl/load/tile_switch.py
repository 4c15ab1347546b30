"""Switch of a loader's writes between the two memories it fills."""

from __future__ import annotations

from myhdl import always_comb, block

from ...isa.opcodes import MemoryType

__all__ = ["tile_switch"]


@block
def tile_switch(
    write, pad, first_write, first_pad, second_write, second_pad, *, first_type: MemoryType,
):
    """Route beats and pads of ``first_type`` to the first pair, all others to the second.

    Combinational.  Each memory sees ``valid`` only for its own beats and pads and answers on its
    pair; the loader sees the ``ready`` of the memory that its beat or pad goes to.
    """

    @always_comb
    def copy_write():
        first_write.memory_type.next = write.memory_type
        first_write.data.next = write.data
        first_write.index.next = write.index
        first_write.column.next = write.column
        first_write.lanes.next = write.lanes
        second_write.memory_type.next = write.memory_type
        second_write.data.next = write.data
        second_write.index.next = write.index
        second_write.column.next = write.column
        second_write.lanes.next = write.lanes

    @always_comb
    def copy_pad():
        first_pad.memory_type.next = pad.memory_type
        first_pad.index.next = pad.index
        second_pad.memory_type.next = pad.memory_type
        second_pad.index.next = pad.index

    @always_comb
    def route_write():
        first_write.valid.next = write.valid and (write.memory_type == first_type)
        second_write.valid.next = write.valid and (write.memory_type != first_type)
        if write.memory_type == first_type:
            write.ready.next = first_write.ready
        else:
            write.ready.next = second_write.ready

    @always_comb
    def route_pad():
        first_pad.valid.next = pad.valid and (pad.memory_type == first_type)
        second_pad.valid.next = pad.valid and (pad.memory_type != first_type)
        if pad.memory_type == first_type:
            pad.ready.next = first_pad.ready
        else:
            pad.ready.next = second_pad.ready

    return copy_write, copy_pad, route_write, route_pad
