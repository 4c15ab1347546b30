"""Work out, ahead of time, where the data and the padding of a LOAD go in its scratchpad.

The rows of a LOAD lie one after the other in the scratchpad (vta_isa.md 4.1).  Read in order of
addresses, that is runs of padding with the data of one row between each two:

    first_run, x_size data, gap, x_size data, gap, ..., x_size data, last_run

where gap = x_pad_1 + x_pad_0, first_run holds the top rows and the first left margin, and last_run
the last right margin and the bottom rows.  Without any data row, first_run is everything.
"""

from __future__ import annotations

from typing import Any

from myhdl import always_comb, always_seq, block, concat

from ...isa.config import Config
from ...isa.fields import BitField
from ...isa.opcodes import ADDRESS_BITS
from ..lib.bundles import INDEX_BITS, LoadCommand, Stream, bit, word
from ..lib.elements import last_lanes, log_bytes

__all__ = ["LoadPlan", "PACKED_BITS", "load_plan", "pack_command"]

_FIELDS = (  # of a packed command, from bit 0; only the lowest bits of DRAM positions matter here
    ("memory_type", 3), ("sram_base", 16), ("dram_base", 4), ("x_stride", 4), ("y_size", 16),
    ("x_size", 16), ("y_pad_0", 4), ("y_pad_1", 4), ("x_pad_0", 4), ("x_pad_1", 4),
    ("push_prev", 1), ("push_next", 1), ("index", INDEX_BITS),
)
PACKED_BITS = sum(width for _, width in _FIELDS)
_X, _RUNS, _SUMS = 0, 1, 2


class LoadPlan:
    """Where everything goes, in elements of the scratchpad; ``valid`` until ``taken``."""

    def __init__(self) -> None:
        self.valid, self.taken = bit(), bit()
        self.memory_type = word(3)
        self.y_size, self.x_size = word(16), word(16)  # y_size = 0 when x_size is
        self.pad_index, self.first_run = word(17), word(17)  # the first run of padding
        self.gap, self.last_run = word(5), word(17)  # the runs after a row and after the last
        self.data_index = word(17)  # first element of the first row
        self.lane, self.lane_stride = word(4), word(4)  # of the first row's start, row to row
        self.push_prev, self.push_next = bit(), bit()
        self.index = word(INDEX_BITS)


@block
def pack_command(command: LoadCommand, packed: Any) -> Any:
    """Pack what :func:`load_plan` needs of a command into a word; combinational."""

    @always_comb
    def pack():
        packed.next = concat(
            command.index, command.push_next, command.push_prev, command.x_pad_1,
            command.x_pad_0, command.y_pad_1, command.y_pad_0, command.x_size, command.y_size,
            command.x_stride[4:], command.dram_base[4:], command.sram_base, command.memory_type,
        )

    return pack


@block
def load_plan(
    clock: Any, reset: Any, sink: Stream, first_base: Any, second_base: Any, plan: LoadPlan,
    *, config: Config, first_type: int,
) -> Any:
    """Plan the packed commands of ``sink``, one ahead of the one that is being written.

    ``plan.valid`` comes 3 cycles after a command shows in ``sink`` with no plan before it, and
    goes after ``plan.taken``.  ``first_base`` is the base address of ``first_type``,
    ``second_base`` of every other memory type.
    """
    fields, position = [], 0
    for _, width in _FIELDS:
        fields.append(BitField("", position, width))
        position += width
    (
        f_type, f_sram, f_dram, f_stride, f_y_size, f_x_size, f_y_pad_0, f_y_pad_1, f_x_pad_0,
        f_x_pad_1, f_push_prev, f_push_next, f_index,
    ) = fields
    lanes_of, log_bytes_of = last_lanes(config), log_bytes(config)

    phase = word(2)
    x_total, top, bottom = word(17), word(17), word(17)
    memory_type, x_size, y_size = word(3), word(16), word(16)
    y_pad_0, y_pad_1, x_pad_0, x_pad_1 = word(4), word(4), word(4), word(4)
    sram_base, lane_mask, shift = word(17), word(4), word(4)
    base, element = word(ADDRESS_BITS), word(ADDRESS_BITS)

    @always_comb
    def unpack():
        memory_type.next = sink.data[f_type.hi:f_type.lo]
        sram_base.next = sink.data[f_sram.hi:f_sram.lo]
        x_size.next = sink.data[f_x_size.hi:f_x_size.lo]
        y_size.next = sink.data[f_y_size.hi:f_y_size.lo]
        y_pad_0.next = sink.data[f_y_pad_0.hi:f_y_pad_0.lo]
        y_pad_1.next = sink.data[f_y_pad_1.hi:f_y_pad_1.lo]
        x_pad_0.next = sink.data[f_x_pad_0.hi:f_x_pad_0.lo]
        x_pad_1.next = sink.data[f_x_pad_1.hi:f_x_pad_1.lo]

    @always_comb
    def look_up_lanes():
        lane_mask.next = lanes_of[memory_type]

    @always_comb
    def look_up_bytes():
        shift.next = log_bytes_of[memory_type]

    @always_comb
    def choose_base():
        base.next = second_base
        if memory_type == first_type:
            base.next = first_base

    @always_comb
    def find_base_element():
        element.next = base >> shift

    @always_comb
    def take():
        sink.ready.next = (phase == _SUMS) and not plan.valid

    @always_seq(clock.posedge, reset)
    def compute_sums():
        if phase == _X:
            x_total.next = x_pad_0 + x_size + x_pad_1
            if sink.valid:
                phase.next = _RUNS
        elif phase == _RUNS:
            top.next = x_total * y_pad_0
            bottom.next = x_total * y_pad_1
            phase.next = _SUMS
        elif not plan.valid:
            phase.next = _X

    @always_seq(clock.posedge, reset)
    def hold():
        if plan.taken:
            plan.valid.next = False
        if phase == _SUMS and not plan.valid:
            plan.valid.next = True
            plan.memory_type.next = memory_type
            plan.x_size.next = x_size
            plan.y_size.next = y_size
            plan.pad_index.next = sram_base
            plan.gap.next = x_pad_0 + x_pad_1
            plan.first_run.next = top + x_pad_0
            plan.last_run.next = bottom + x_pad_1
            plan.data_index.next = sram_base + top + x_pad_0
            if y_size == 0:
                plan.first_run.next = top + bottom
            if x_size == 0:
                plan.y_size.next = 0
                plan.first_run.next = 0
            plan.lane.next = (element[4:] + sink.data[f_dram.hi:f_dram.lo]) & lane_mask
            plan.lane_stride.next = sink.data[f_stride.hi:f_stride.lo] & lane_mask
            plan.push_prev.next = sink.data[f_push_prev.lo]
            plan.push_next.next = sink.data[f_push_next.lo]
            plan.index.next = sink.data[f_index.hi:f_index.lo]

    return (
        unpack, look_up_lanes, look_up_bytes, choose_base, find_base_element, take, compute_sums,
        hold,
    )
