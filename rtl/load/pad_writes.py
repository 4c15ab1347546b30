"""Zero the padding of a LOAD, run by run, in the cycles its scratchpad has for it.

Contract
    ``start`` takes the plan; ``busy`` is high from the next cycle until the last padding element
    has been taken.  ``pad`` offers one element per cycle without a gap inside a run and holds it
    until it is taken; a run of length 0 takes one cycle.  The first appears two cycles after
    ``start``: ``pad`` is the output of a :mod:`.skid_buffer`.  The order relative to the data of
    the same LOAD does not matter: they never address the same element.
"""

from __future__ import annotations

from typing import Any

from myhdl import always_comb, always_seq, block

from ..lib.bundles import PadWrite, Stream, bit, word
from ..lib.pack import bits_of, join, split
from ..lib.skid_buffer import skid_buffer
from .load_plan import LoadPlan

__all__ = ["pad_writes"]


@block
def pad_writes(
    clock: Any, reset: Any, plan: LoadPlan, start: Any, pad: PadWrite, busy: Any,
) -> Any:
    """Walk the runs of padding of :mod:`.load_plan`."""
    memory_type, x_size, gap, last_run = word(3), word(16), word(5), word(17)
    index, left = word(17), word(17)  # next element, rest of the run
    rows_left = word(16)  # rows of data, and runs, after this run
    empty, single, last_empty, last_single = bit(), bit(), bit(), bit()  # left, last_run: 0, 1
    busy_here, moved, run_ends = bit(), bit(), bit()
    width = bits_of([index, memory_type])
    offered, shown = Stream(width), Stream(width)
    register = (
        join([index, memory_type], offered.data),
        skid_buffer(clock, reset, offered, shown, width=width),
        split(shown.data, [pad.index, pad.memory_type]),
    )

    @always_comb
    def offer():
        offered.valid.next = busy_here and not empty
        busy.next = busy_here or shown.valid

    @always_comb
    def show():
        pad.valid.next = shown.valid
        shown.ready.next = pad.ready

    @always_comb
    def classify():
        moved.next = busy_here and not empty and offered.ready
        run_ends.next = empty or (single and offered.ready)

    @always_seq(clock.posedge, reset)
    def walk():
        if start:
            busy_here.next = (plan.y_size != 0) or (plan.first_run != 0)
            memory_type.next = plan.memory_type
            x_size.next = plan.x_size
            gap.next = plan.gap
            last_run.next = plan.last_run
            last_empty.next = plan.last_run == 0
            last_single.next = plan.last_run == 1
            index.next = plan.pad_index
            left.next = plan.first_run
            empty.next = plan.first_run == 0
            single.next = plan.first_run == 1
            rows_left.next = plan.y_size
        elif busy_here and run_ends:
            index.next = index + x_size
            if moved:
                index.next = index + x_size + 1
            rows_left.next = rows_left - 1
            left.next = gap
            empty.next = gap == 0
            single.next = gap == 1
            if rows_left == 1:
                left.next = last_run
                empty.next = last_empty
                single.next = last_single
            elif rows_left == 0:
                busy_here.next = False
        elif moved:
            index.next = index + 1
            left.next = left - 1
            empty.next = single
            single.next = left == 2

    return register, offer, show, classify, walk
