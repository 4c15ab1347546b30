"""Range check of a LOAD or STORE before it starts: whether it stays inside its scratchpad.

Contract
    ``out_of_range`` is valid from 3 cycles after ``instruction`` last changed (CHECK_CYCLES): then
    high when ``x_size`` is not 0 and the footprint ``(x_pad_0 + x_size + x_pad_1) * (y_pad_0 +
    y_size + y_pad_1)`` is not 0 and extends past the last element.  A STORE has no padding: its
    footprint is ``x_size * y_size``.  For memory types without a scratchpad the output is
    meaningless: they are refused for their type.
"""

from __future__ import annotations

from typing import Any

from myhdl import always, always_comb, block

from ...isa.config import Config
from ...isa.fields import layout
from ...isa.opcodes import MemoryType, Opcode
from ..lib.bundles import word
from ..lib.elements import depths

__all__ = ["CHECK_CYCLES", "memory_checks"]

CHECK_CYCLES = 3


@block
def memory_checks(
    clock: Any, instruction: Any, out_of_range: Any, *, config: Config, stores: bool = False,
) -> Any:
    """Check the LOAD or STORE in the low 128 bits of ``instruction``.

    ``stores``: it is a STORE, which reads OUT whatever its memory type.
    """
    fields = layout(Opcode.LOAD, config)
    f_type, f_sram = fields["memory_type"], fields["sram_base"]
    f_x_size, f_x_pad_0, f_x_pad_1 = fields["x_size"], fields["x_pad_0"], fields["x_pad_1"]
    f_y_size, f_y_pad_0, f_y_pad_1 = fields["y_size"], fields["y_pad_0"], fields["y_pad_1"]
    depth_of = depths(config)
    if stores:
        depth_of = (config.depth(MemoryType.OUT),) * len(depth_of)

    memory_type, x_size = word(3), word(16)
    depth, room = word(17), word(18)  # room: elements from sram_base to the end, bit 17: negative
    x_total, y_total, footprint = word(17), word(17), word(34)

    @always_comb
    def unpack():
        memory_type.next = instruction[f_type.hi:f_type.lo]
        x_size.next = instruction[f_x_size.hi:f_x_size.lo]

    @always_comb
    def look_up():
        depth.next = depth_of[memory_type]

    @always(clock.posedge)
    def check():
        x_total.next = (
            instruction[f_x_pad_0.hi:f_x_pad_0.lo] + x_size
            + instruction[f_x_pad_1.hi:f_x_pad_1.lo]
        )
        y_total.next = (
            instruction[f_y_pad_0.hi:f_y_pad_0.lo] + instruction[f_y_size.hi:f_y_size.lo]
            + instruction[f_y_pad_1.hi:f_y_pad_1.lo]
        )
        room.next = depth - instruction[f_sram.hi:f_sram.lo]
        footprint.next = x_total * y_total
        out_of_range.next = (
            (x_size != 0) and (footprint != 0) and (room[17] or (footprint > room))
        )

    return unpack, look_up, check
