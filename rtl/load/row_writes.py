"""Write the data of a LOAD, beat by beat, to the addresses of its plan.

Contract
    ``start`` takes the plan; ``busy`` is high from the next cycle until the last beat has been
    handed over.  While busy, one beat moves in every cycle in which memory has one and the
    scratchpad takes it: ``read.data`` goes to ``write`` in the same cycle.
    ``rows`` reports each row one cycle after its last beat.
    A beat with an error is not written: ``fault`` is raised with the code and the LOAD's index, and
    from then on all data of this client is discarded and ``busy`` stays high, until reset.
"""

from __future__ import annotations

from typing import Any

from myhdl import always_comb, always_seq, block

from ...isa.config import Config
from ...isa.opcodes import ErrorCode
from ..lib.bundles import INDEX_BITS, Fault, PortError, ReadClient, RowCount, TileWrite, bit, word
from ..lib.elements import last_columns, last_lanes
from .load_plan import LoadPlan

__all__ = ["row_writes"]


@block
def row_writes(
    clock: Any, reset: Any, plan: LoadPlan, start: Any, read: ReadClient, write: TileWrite,
    rows: RowCount, busy: Any, fault: Fault, *, config: Config,
) -> Any:
    """Walk the rows in the order in which :func:`.row_requests` requested them."""
    lanes = len(write.lanes)
    lanes_of, columns_of = last_lanes(config), last_columns(config)

    memory_type, x_size, gap = word(3), word(16), word(5)
    index, left, rows_left = word(17), word(16), word(16)  # next element, rest of row, rows
    column = word(8)  # next beat of the element, if it has several
    lane, row_lane, lane_stride = word(4), word(4), word(4)  # next lane of the beat; next row's
    instruction = word(INDEX_BITS)

    last_lane, last_column = word(4), word(8)  # of the memory type, looked up at the start
    plan_lanes, plan_columns = word(4), word(8)
    span = word(5)  # lanes of this beat from ``lane`` on
    lane_end = word(17)
    plan_rest, row_rest = word(4), word(4)  # lanes of a beat after the first of a row
    plan_span, row_span, two_spans = word(5), word(5), word(6)  # of this beat and a whole one
    usable, moved, row_ends = bit(), bit(), bit()
    tile_ends = bit()  # ``column`` is the last one
    row_fits = bit()  # ``left`` is at most ``span``
    plan_fits, next_fits, rest_fits = bit(), bit(), bit()  # of a plan, the next row, the next beat
    busy_here = bit()

    @always_comb
    def look_up_lanes():
        plan_lanes.next = lanes_of[plan.memory_type]

    @always_comb
    def look_up_columns():
        plan_columns.next = columns_of[plan.memory_type]

    @always_comb
    def measure_beat():
        lane_end.next = lane + left
        plan_rest.next = plan_lanes & ~plan.lane
        row_rest.next = last_lane & ~row_lane
        two_spans.next = span + last_lane + 1

    @always_comb
    def measure_rows():
        plan_span.next = plan_rest + 1
        row_span.next = row_rest + 1

    @always_comb
    def classify():
        row_ends.next = tile_ends and row_fits
        usable.next = read.data_valid and busy_here and (read.data_error == PortError.NONE)

    @always_comb
    def compare():
        plan_fits.next = plan.x_size[:5] == 0 and plan.x_size[5:] <= plan_span
        next_fits.next = x_size[:5] == 0 and x_size[5:] <= row_span
        rest_fits.next = left[:6] == 0 and left[6:] <= two_spans

    @always_comb
    def hand_over():
        write.valid.next = usable and not fault.raised
        read.data_ready.next = fault.raised or (busy_here and write.ready)
        moved.next = usable and write.ready and not fault.raised
        busy.next = busy_here

    @always_comb
    def describe():
        write.memory_type.next = memory_type
        write.data.next = read.data
        write.index.next = index - lane
        write.column.next = column

    @always_comb
    def mask_lanes():
        for i in range(lanes):
            write.lanes.next[i] = (i >= lane) and (i < lane_end)

    @always_seq(clock.posedge, reset)
    def walk():
        if start:
            busy_here.next = plan.y_size != 0
            memory_type.next = plan.memory_type
            last_lane.next = plan_lanes
            last_column.next = plan_columns
            x_size.next = plan.x_size
            gap.next = plan.gap
            index.next = plan.data_index
            left.next = plan.x_size
            rows_left.next = plan.y_size
            column.next = 0
            tile_ends.next = plan_columns == 0
            row_fits.next = plan_fits
            lane.next = plan.lane
            span.next = plan_span
            row_lane.next = plan.lane + plan.lane_stride
            lane_stride.next = plan.lane_stride
            instruction.next = plan.index
        elif moved:
            column.next = column + 1
            tile_ends.next = column + 1 == last_column
            if tile_ends:
                column.next = 0
                tile_ends.next = last_column == 0
                row_fits.next = rest_fits
                index.next = index + span
                left.next = left - span
                lane.next = 0
                span.next = last_lane + 1
            if row_ends:
                index.next = index + left + gap
                left.next = x_size
                row_fits.next = next_fits
                lane.next = row_lane & last_lane
                span.next = row_span
                row_lane.next = row_lane + lane_stride
                rows_left.next = rows_left - 1
                busy_here.next = rows_left != 1

    @always_seq(clock.posedge, reset)
    def count_rows():
        rows.valid.next = moved and row_ends
        rows.memory_type.next = memory_type
        rows.tiles.next = x_size

    @always_seq(clock.posedge, reset)
    def raise_fault():
        if busy_here and read.data_valid and (read.data_error != PortError.NONE):
            if not fault.raised:
                fault.raised.next = True
                fault.index.next = instruction
                if read.data_error == PortError.WINDOW:
                    fault.code.next = ErrorCode.WINDOW
                else:
                    fault.code.next = ErrorCode.BUS

    return (
        look_up_lanes, look_up_columns, measure_beat, measure_rows, classify, compare, hand_over,
        describe, mask_lanes, walk, count_rows, raise_fault,
    )
