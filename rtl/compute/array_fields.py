"""Decode of the fields of array steps: GEMM, and DWC where it is configured."""

from __future__ import annotations

from typing import Any

from myhdl import always_comb, block

from ...isa.config import Config
from ...isa.fields import layout
from ...isa.opcodes import Opcode
from .sequencer import StepCommand

__all__ = ["array_fields"]


@block
def array_fields(entry: Any, command: StepCommand, *, config: Config) -> Any:
    """Drive ``gemm``, the factors of the weight index and, with DWC, the window of ``command``.

    DWC has its window in place of those factors, which are then 0.
    """
    gemm = layout(Opcode.GEMM, config)
    f_opcode = gemm["opcode"]
    f_wgt_out, f_wgt_in = gemm["wgt_factor_out"], gemm["wgt_factor_in"]
    if not config.depthwise:

        @always_comb
        def fill():
            command.gemm.next = entry[f_opcode.hi:f_opcode.lo] == Opcode.GEMM
            command.wgt_factor_out.next = entry[f_wgt_out.hi:f_wgt_out.lo]
            command.wgt_factor_in.next = entry[f_wgt_in.hi:f_wgt_in.lo]

        return fill

    dwc = layout(Opcode.DWC, config)
    f_pitch, window_lo = dwc["row_pitch"], dwc["window"].lo
    window_hi = window_lo + len(command.window)

    @always_comb
    def fill_array():
        command.gemm.next = (
            entry[f_opcode.hi:f_opcode.lo] == Opcode.GEMM
            or entry[f_opcode.hi:f_opcode.lo] == Opcode.DWC
        )
        command.wgt_factor_out.next = 0
        command.wgt_factor_in.next = 0
        if entry[f_opcode.hi:f_opcode.lo] == Opcode.GEMM:
            command.wgt_factor_out.next = entry[f_wgt_out.hi:f_wgt_out.lo]
            command.wgt_factor_in.next = entry[f_wgt_in.hi:f_wgt_in.lo]

    @always_comb
    def fill_window():
        command.depthwise.next = entry[f_opcode.hi:f_opcode.lo] == Opcode.DWC
        command.row_pitch.next = entry[f_pitch.hi:f_pitch.lo]
        command.window.next = entry[window_hi:window_lo]

    return fill_array, fill_window
