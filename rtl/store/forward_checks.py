"""Range check of a STORE to INP or WGT before it starts: whether it ends inside that scratchpad.

Contract
    ``past_end`` is valid from 3 cycles after ``instruction`` last changed (CHECK_CYCLES of
    :mod:`.memory_checks`): then high when ``y_size`` is not 0 and ``dram_base + (y_size - 1) *
    x_stride + x_size``, the index after the last INP tile or WGT row it writes, is more than the
    scratchpad has.  For other memory types and for ``x_size`` 0 the output is meaningless.

If ``y_size - 1`` and ``x_stride`` both have bits above the lower half of the limit's, their product
is past it; otherwise one of them fits in that half, and so does that side of the multiplier.
"""

from __future__ import annotations

from typing import Any

from myhdl import always, always_comb, block

from ...isa.config import Config
from ...isa.fields import layout
from ...isa.opcodes import MemoryType, Opcode
from ..lib.bundles import bit, word

__all__ = ["forward_checks"]


@block
def forward_checks(clock: Any, instruction: Any, past_end: Any, *, config: Config) -> Any:
    """Check the STORE in the low 128 bits of ``instruction``."""
    fields = layout(Opcode.STORE, config)
    f_type, f_dram = fields["memory_type"], fields["dram_base"]
    f_x_size, f_y_size, f_x_stride = fields["x_size"], fields["y_size"], fields["x_stride"]
    tiles, rows = config.depth(MemoryType.INP), config.depth(MemoryType.WGT) * config.block_out

    half = max(tiles, rows).bit_length() // 2 + 1

    limit = word(22)
    # indices from dram_base to the end, and from the end of the first row; bit 33: negative
    left, room = word(34), word(34)
    last_row, x_stride = word(16), word(16)  # last_row: y_size - 1
    short_factor, long_factor, short, long = word(half), word(16), word(half), word(16)
    both_long, too_long = bit(), bit()
    reach = word(16 + half)  # from the first row's start to the last one's

    @always_comb
    def unpack():
        last_row.next = instruction[f_y_size.hi:f_y_size.lo] - 1
        x_stride.next = instruction[f_x_stride.hi:f_x_stride.lo]

    @always_comb
    def order_factors():
        both_long.next = False
        short_factor.next = last_row[half:]
        long_factor.next = x_stride
        if last_row[:half] != 0:
            both_long.next = x_stride[:half] != 0
            short_factor.next = x_stride[half:]
            long_factor.next = last_row

    @always_comb
    def look_up():
        limit.next = tiles
        if instruction[f_type.hi:f_type.lo] == MemoryType.WGT:
            limit.next = rows

    @always(clock.posedge)
    def check():
        left.next = limit - instruction[f_dram.hi:f_dram.lo]
        room.next = left - instruction[f_x_size.hi:f_x_size.lo]
        short.next = short_factor
        long.next = long_factor
        too_long.next = both_long
        reach.next = long * short
        past_end.next = (instruction[f_y_size.hi:f_y_size.lo] != 0) and (
            too_long or room[33] or (reach > room)
        )

    return look_up, unpack, order_factors, check
