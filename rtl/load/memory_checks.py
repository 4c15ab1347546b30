"""Range check of a LOAD or STORE before it starts: whether it stays inside its scratchpad.

Contract
    ``out_of_range`` is valid from 3 cycles after ``instruction`` last changed (CHECK_CYCLES): then
    high when ``x_size`` is not 0 and the footprint ``(x_pad_0 + x_size + x_pad_1) * (y_pad_0 +
    y_size + y_pad_1)`` is not 0 and extends past the last element.  A STORE has no padding: its
    footprint is ``x_size * y_size``.  For memory types without a scratchpad the output is
    meaningless: they are refused for their type.

A cycle each for the sums, the product and the comparison.  If both sizes have bits above the lower
half of a depth's, the product extends past any scratchpad; otherwise one of the two factors fits in
that half and a bit more, so that the multiplier is half of one for any sizes.
"""

from __future__ import annotations

from typing import Any

from myhdl import always, always_comb, block

from ...isa.config import Config
from ...isa.fields import layout
from ...isa.opcodes import MemoryType, Opcode
from ..lib.bundles import bit, word
from ..lib.elements import depths

__all__ = ["CHECK_CYCLES", "memory_checks"]

CHECK_CYCLES = 3


@block
def padded_totals(
    clock: Any, instruction: Any, y_is_long: Any, short_size: Any, long_size: Any, short: Any,
    long: Any, *, config: Config,
) -> Any:
    """Register the sizes with their padding: ``long`` is that of the rows if ``y_is_long``."""
    fields = layout(Opcode.LOAD, config)
    f_x_pad_0, f_x_pad_1 = fields["x_pad_0"], fields["x_pad_1"]
    f_y_pad_0, f_y_pad_1 = fields["y_pad_0"], fields["y_pad_1"]
    x_padding, y_padding, short_padding, long_padding = (word(5) for _ in range(4))

    @always_comb
    def add_padding():
        x_padding.next = (
            instruction[f_x_pad_0.hi:f_x_pad_0.lo] + instruction[f_x_pad_1.hi:f_x_pad_1.lo]
        )
        y_padding.next = (
            instruction[f_y_pad_0.hi:f_y_pad_0.lo] + instruction[f_y_pad_1.hi:f_y_pad_1.lo]
        )

    @always_comb
    def order_padding():
        short_padding.next = y_padding
        long_padding.next = x_padding
        if y_is_long:
            short_padding.next = x_padding
            long_padding.next = y_padding

    @always(clock.posedge)
    def add():
        short.next = short_size + short_padding
        long.next = long_size + long_padding

    return add_padding, order_padding, add


@block
def memory_checks(
    clock: Any, instruction: Any, out_of_range: Any, *, config: Config, stores: bool = False,
) -> Any:
    """Check the LOAD or STORE in the low 128 bits of ``instruction``.

    ``stores``: it is a STORE, which reads OUT whatever its memory type.
    """
    fields = layout(Opcode.LOAD, config)
    f_type, f_sram = fields["memory_type"], fields["sram_base"]
    f_x_size, f_y_size = fields["x_size"], fields["y_size"]
    depth_of = depths(config)
    if stores:
        depth_of = (config.depth(MemoryType.OUT),) * len(depth_of)
    half = max(5, (max(depth_of).bit_length() + 1) // 2)  # 5: 30 of padding are less than 2^5

    memory_type, x_size, y_size = word(3), word(16), word(16)
    depth, room = word(17), word(18)  # room: elements from sram_base to the end, bit 17: negative
    y_is_long, too_long = bit(), bit()
    short_size, short, long_size, long = word(half), word(half + 1), word(16), word(17)
    footprint = word(half + 18)

    @always_comb
    def unpack():
        memory_type.next = instruction[f_type.hi:f_type.lo]
        x_size.next = instruction[f_x_size.hi:f_x_size.lo]
        y_size.next = instruction[f_y_size.hi:f_y_size.lo]

    @always_comb
    def look_up():
        depth.next = depth_of[memory_type]

    @always_comb
    def compare():
        y_is_long.next = y_size[:half] != 0

    @always_comb
    def order_sizes():
        if y_is_long:
            short_size.next = x_size[half:]
            long_size.next = y_size
        else:
            short_size.next = y_size[half:]
            long_size.next = x_size

    if stores:
        @always(clock.posedge)
        def add():
            short.next = short_size
            long.next = long_size

        totals = add
    else:
        totals = padded_totals(
            clock, instruction, y_is_long, short_size, long_size, short, long, config=config)

    @always(clock.posedge)
    def check():
        too_long.next = y_is_long and x_size[:half] != 0
        room.next = depth - instruction[f_sram.hi:f_sram.lo]
        footprint.next = long * short
        out_of_range.next = too_long or (
            (x_size != 0) and (footprint != 0) and (room[17] or (footprint > room))
        )

    return unpack, look_up, compare, order_sizes, totals, check
