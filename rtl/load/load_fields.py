"""Fields of a LOAD as the loader uses them, from a queue's entry ``{index, instruction}``."""

from __future__ import annotations

from typing import Any

from myhdl import always_comb, block

from ...isa.config import Config
from ...isa.fields import layout
from ...isa.opcodes import Opcode
from ..lib.bundles import ENTRY_BITS, INDEX_BITS, LoadCommand

__all__ = ["load_fields"]


@block
def load_fields(entry: Any, command: LoadCommand, *, config: Config) -> Any:
    """Drive a LoadCommand, except its handshake."""
    fields = layout(Opcode.LOAD, config)
    f_type, f_sram, f_dram = fields["memory_type"], fields["sram_base"], fields["dram_base"]
    f_y_size, f_x_size, f_x_stride = fields["y_size"], fields["x_size"], fields["x_stride"]
    f_y_pad_0, f_y_pad_1 = fields["y_pad_0"], fields["y_pad_1"]
    f_x_pad_0, f_x_pad_1 = fields["x_pad_0"], fields["x_pad_1"]
    f_push_prev, f_push_next = fields["push_prev"], fields["push_next"]
    index_low = ENTRY_BITS - INDEX_BITS

    @always_comb
    def drive():
        command.memory_type.next = entry[f_type.hi:f_type.lo]
        command.sram_base.next = entry[f_sram.hi:f_sram.lo]
        command.dram_base.next = entry[f_dram.hi:f_dram.lo]
        command.y_size.next = entry[f_y_size.hi:f_y_size.lo]
        command.x_size.next = entry[f_x_size.hi:f_x_size.lo]
        command.x_stride.next = entry[f_x_stride.hi:f_x_stride.lo]
        command.y_pad_0.next = entry[f_y_pad_0.hi:f_y_pad_0.lo]
        command.y_pad_1.next = entry[f_y_pad_1.hi:f_y_pad_1.lo]
        command.x_pad_0.next = entry[f_x_pad_0.hi:f_x_pad_0.lo]
        command.x_pad_1.next = entry[f_x_pad_1.hi:f_x_pad_1.lo]
        command.push_prev.next = entry[f_push_prev.lo]
        command.push_next.next = entry[f_push_next.lo]
        command.index.next = entry[ENTRY_BITS:index_low]

    return drive
