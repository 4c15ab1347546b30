"""Compute in advance where the data and the padding of a LOAD go in its scratchpad.

The rows of a LOAD follow one another in the scratchpad (vta_isa.md 4.1).  In order of addresses,
runs of padding alternate with the data of the rows:

    first_run, x_size data, gap, x_size data, gap, ..., x_size data, last_run

where gap = x_pad_1 + x_pad_0, first_run holds the top rows and the first left margin, and last_run
the last right margin and the bottom rows.  Without any data row, first_run is everything.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any

from myhdl import always_comb, always_seq, block

from ...isa.config import Config
from ...isa.opcodes import ADDRESS_BITS
from ..lib.bundles import INDEX_BITS, LoadCommand, Stream, bit, word
from ..lib.elements import last_lanes, log_bytes
from ..lib.pack import bits_of, join, split, take

__all__ = ["LoadPlan", "PACKED_BITS", "load_plan", "pack_command"]


class PlanPhase(IntEnum):
    """The sums computed in a cycle; in the last one the command leaves the queue."""

    COLUMNS = 0
    RUNS = 1
    SUMS = 2
    DONE = 3


class PlannedLoad:
    """A command that waits for its plan, with only the lowest bits of its DRAM positions."""

    def __init__(self) -> None:
        self.memory_type, self.sram_base = word(3), word(16)
        self.dram_base, self.x_stride = word(4), word(4)
        self.y_size, self.x_size = word(16), word(16)
        self.y_pad_0, self.y_pad_1 = word(4), word(4)
        self.x_pad_0, self.x_pad_1 = word(4), word(4)
        self.push_prev, self.push_next = bit(), bit()
        self.index = word(INDEX_BITS)

    def fields(self) -> list[Any]:
        """Return the fields of a queue entry, from bit 0."""
        return list(vars(self).values())


PACKED_BITS = bits_of(PlannedLoad().fields())


class LoadPlan:
    """Positions and lengths in elements of the scratchpad; ``valid`` until ``taken``."""

    def __init__(self) -> None:
        self.valid, self.taken = bit(), bit()
        self.memory_type = word(3)
        self.y_size, self.x_size = word(16), word(16)  # y_size = 0 when x_size is
        self.pad_index, self.first_run = word(17), word(17)  # the first run of padding
        self.gap, self.last_run = word(5), word(17)  # the runs after a row and after the last
        self.data_index = word(17)  # first element of the first row
        self.lane, self.lane_stride = word(4), word(4)  # of the first row; from row to row
        self.push_prev, self.push_next = bit(), bit()
        self.index = word(INDEX_BITS)


@block
def pack_command(command: LoadCommand, packed: Any) -> Any:
    """Pack the fields that :func:`load_plan` needs into a word; combinational."""
    fields, narrowed = [], []
    for name, field in vars(PlannedLoad()).items():
        whole = getattr(command, name)
        if len(whole) == len(field):
            fields.append(whole)
        else:
            fields.append(field)
            narrowed.append(take(whole, field, lo=0))
    return narrowed, join(fields, packed)


@block
def load_plan(
    clock: Any, reset: Any, sink: Stream, first_base: Any, second_base: Any, plan: LoadPlan,
    *, config: Config, first_type: int,
) -> Any:
    """Plan the packed commands of ``sink``, one ahead of the command that is being written.

    ``plan.valid`` rises 3 cycles after a command appears in ``sink`` with no plan before it, and
    falls after ``plan.taken``.  ``first_base`` is the base address of ``first_type``,
    ``second_base`` of every other memory type.
    """
    load = PlannedLoad()
    fields = split(sink.data, load.fields())
    lanes_of, log_bytes_of = last_lanes(config), log_bytes(config)

    phase = word(2)
    x_total, top, bottom = word(17), word(17), word(17)
    lane_mask, shift = word(4), word(4)
    base, element = word(ADDRESS_BITS), word(ADDRESS_BITS)

    @always_comb
    def look_up_lanes():
        lane_mask.next = lanes_of[load.memory_type]

    @always_comb
    def look_up_bytes():
        shift.next = log_bytes_of[load.memory_type]

    @always_comb
    def choose_base():
        base.next = second_base
        if load.memory_type == first_type:
            base.next = first_base

    @always_comb
    def find_base_element():
        element.next = base >> shift

    @always_comb
    def take():
        sink.ready.next = phase == PlanPhase.DONE

    @always_seq(clock.posedge, reset)
    def compute_sums():
        if phase == PlanPhase.COLUMNS:
            x_total.next = load.x_pad_0 + load.x_size + load.x_pad_1
            if sink.valid:
                phase.next = PlanPhase.RUNS
        elif phase == PlanPhase.RUNS:
            top.next = x_total * load.y_pad_0
            bottom.next = x_total * load.y_pad_1
            phase.next = PlanPhase.SUMS
        elif phase == PlanPhase.DONE:
            phase.next = PlanPhase.COLUMNS
        elif not plan.valid:
            phase.next = PlanPhase.DONE

    @always_seq(clock.posedge, reset)
    def hold():
        if plan.taken:
            plan.valid.next = False
        if phase == PlanPhase.SUMS and not plan.valid:
            plan.valid.next = True
            plan.memory_type.next = load.memory_type
            plan.x_size.next = load.x_size
            plan.y_size.next = load.y_size
            plan.pad_index.next = load.sram_base
            plan.gap.next = load.x_pad_0 + load.x_pad_1
            plan.first_run.next = top + load.x_pad_0
            plan.last_run.next = bottom + load.x_pad_1
            plan.data_index.next = load.sram_base + top + load.x_pad_0
            if load.y_size == 0:
                plan.first_run.next = top + bottom
            if load.x_size == 0:
                plan.y_size.next = 0
                plan.first_run.next = 0
            plan.lane.next = (element[4:] + load.dram_base) & lane_mask
            plan.lane_stride.next = load.x_stride & lane_mask
            plan.push_prev.next = load.push_prev
            plan.push_next.next = load.push_next
            plan.index.next = load.index

    return (
        fields, look_up_lanes, look_up_bytes, choose_base, find_base_element, take, compute_sums,
        hold,
    )
